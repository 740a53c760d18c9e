-- What a broken CREATE INDEX CONCURRENTLY left behind ($1 is the text of the migration that is about to run again):
-- the statements that remove every invalid index of the search path whose name the migration mentions.

SELECT format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', n.nspname, c.relname)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid
    AND n.nspname = ANY (current_schemas(false))
    AND $1::text ~ ('\m' || c.relname || '\M')
ORDER BY c.relname;
