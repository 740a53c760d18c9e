-- What is defined in the schema $1: the name of the relation or function and a line that says what it is. Names of the
-- schema itself are not in the lines as long as it is the first of the search path.

SELECT c.relname::text AS name, format('%s %s', CASE c.relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'
    WHEN 'm' THEN 'materialized view' ELSE 'table' END, c.relname)
  || CASE WHEN c.relkind IN ('v', 'm') THEN ' AS ' || pg_get_viewdef(c.oid, true) ELSE '' END AS line
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
UNION ALL
SELECT c.relname, format('column %s.%s %s%s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
  CASE a.attidentity WHEN '' THEN '' ELSE ' IDENTITY' END, ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid))
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
UNION ALL
SELECT c.relname, format('constraint %s on %s %s%s', t.conname, c.relname, pg_get_constraintdef(t.oid, true),
  CASE WHEN t.convalidated THEN '' ELSE ' NOT VALID' END)
FROM pg_constraint AS t JOIN pg_class AS c ON c.oid = t.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
-- NOT NULL became a constraint in PostgreSQL 18; the column says it already.
WHERE n.nspname = $1 AND t.contype <> 'n'
UNION ALL
SELECT c.relname, format('index %s%s', pg_get_indexdef(i.indexrelid, 0, true),
  CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END)
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1
UNION ALL
SELECT c.relname, 'trigger ' || pg_get_triggerdef(t.oid, true)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND NOT t.tgisinternal
UNION ALL
SELECT p.proname, format('function %s(%s) RETURNS %s %s %s', p.proname, pg_get_function_arguments(p.oid),
  pg_get_function_result(p.oid), p.provolatile, p.prosrc)
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = $1
ORDER BY 1, 2;
