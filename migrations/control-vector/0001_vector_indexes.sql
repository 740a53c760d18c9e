-- migrate: requires vector >= 0.5
-- Phase 5, optional. Indexes over the stored arrays and the functions that search them. Everything here is derived: it
-- may be dropped and built again at any time. Raise maintenance_work_mem for the run where there are many rows.

CREATE INDEX message_embeddings_by_content_embedding ON message_embeddings
  USING hnsw ((content_embedding::vector(1536)) vector_cosine_ops);
CREATE INDEX message_embeddings_by_tool_embedding ON message_embeddings
  USING hnsw ((tool_embedding::vector(1536)) vector_cosine_ops) WHERE tool_embedding IS NOT NULL;
CREATE INDEX knowledge_by_embedding ON knowledge
  USING hnsw ((embedding::vector(1536)) vector_cosine_ops);

-- The three functions have one contract: exactly min(limit, rows in scope) rows, nearest first, ties by id. Filtering
-- behind an approximate index scan can leave too few rows. Hence a small scope is searched exactly, a large one through
-- the index, and exactly again if the filter left too few. The right to the scope is checked before the call.

CREATE FUNCTION control_search_knowledge(
  p_query real[],
  p_model text,
  p_limit integer,
  p_user_id text DEFAULT NULL,
  p_organization_id uuid DEFAULT NULL,
  p_project_id uuid DEFAULT NULL
) RETURNS TABLE (id uuid, distance double precision)
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  q             vector(1536);
  n             integer := least(greatest(coalesce(p_limit, 10), 1), 100);
  rows_in_scope integer;
  ids           uuid[];
  dist          double precision[];
BEGIN
  IF cardinality(p_query) IS DISTINCT FROM 1536 OR control_embedding_valid(p_query) IS NOT TRUE THEN
    RAISE EXCEPTION 'the query vector needs 1536 finite numbers, not all zero' USING ERRCODE = '22023';
  END IF;
  IF num_nonnulls(p_user_id, p_organization_id, p_project_id) = 0 THEN
    RAISE EXCEPTION 'a scope is required' USING ERRCODE = '22023';
  END IF;
  q := p_query::vector(1536);

  SELECT count(*) INTO rows_in_scope FROM (
    SELECT 1 FROM knowledge AS k
    WHERE k.embedding_model = p_model
      AND (p_user_id IS NULL OR k.user_id = p_user_id)
      AND (p_organization_id IS NULL OR k.organization_id = p_organization_id)
      AND (p_project_id IS NULL OR k.project_id = p_project_id)
    LIMIT 5001) AS s;

  -- Large: candidates from the index, then the filter.
  IF rows_in_scope > 5000 THEN
    PERFORM set_config('hnsw.ef_search', least(1000, 10 * n)::text, true);
    SELECT array_agg(h.id ORDER BY h.d, h.id), array_agg(h.d ORDER BY h.d, h.id) INTO ids, dist
    FROM (SELECT c.id, c.d
          FROM (SELECT k.id AS id, k.embedding_model, k.user_id, k.organization_id, k.project_id,
                  (k.embedding::vector(1536)) <=> q AS d
                FROM knowledge AS k
                ORDER BY (k.embedding::vector(1536)) <=> q
                LIMIT least(1000, 10 * n)) AS c
          WHERE c.embedding_model = p_model
            AND (p_user_id IS NULL OR c.user_id = p_user_id)
            AND (p_organization_id IS NULL OR c.organization_id = p_organization_id)
            AND (p_project_id IS NULL OR c.project_id = p_project_id)
          ORDER BY c.d, c.id
          LIMIT n) AS h;
    IF cardinality(ids) = n THEN
      RETURN QUERY SELECT * FROM unnest(ids, dist);
      RETURN;
    END IF;
  END IF;

  -- Small, or too few of the candidates passed: exact.
  RETURN QUERY
    WITH scope AS MATERIALIZED (
      SELECT k.id AS row_id, (k.embedding::vector(1536)) <=> q AS d
      FROM knowledge AS k
      WHERE k.embedding_model = p_model
        AND (p_user_id IS NULL OR k.user_id = p_user_id)
        AND (p_organization_id IS NULL OR k.organization_id = p_organization_id)
        AND (p_project_id IS NULL OR k.project_id = p_project_id))
    SELECT row_id, d FROM scope ORDER BY d, row_id LIMIT n;
END $$;

COMMENT ON FUNCTION control_search_knowledge IS 'The rows of knowledge nearest to a vector, of one model and within a scope.';

CREATE FUNCTION control_search_messages(
  p_query real[],
  p_model text,
  p_limit integer,
  p_user_id text DEFAULT NULL,
  p_organization_id uuid DEFAULT NULL,
  p_thread_id uuid DEFAULT NULL
) RETURNS TABLE (id uuid, distance double precision)
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  q             vector(1536);
  n             integer := least(greatest(coalesce(p_limit, 10), 1), 100);
  rows_in_scope integer;
  ids           uuid[];
  dist          double precision[];
BEGIN
  IF cardinality(p_query) IS DISTINCT FROM 1536 OR control_embedding_valid(p_query) IS NOT TRUE THEN
    RAISE EXCEPTION 'the query vector needs 1536 finite numbers, not all zero' USING ERRCODE = '22023';
  END IF;
  IF num_nonnulls(p_user_id, p_organization_id, p_thread_id) = 0 THEN
    RAISE EXCEPTION 'a scope is required' USING ERRCODE = '22023';
  END IF;
  q := p_query::vector(1536);

  SELECT count(*) INTO rows_in_scope FROM (
    SELECT 1 FROM message_embeddings AS e
    WHERE e.embedding_model = p_model
      AND (p_user_id IS NULL OR e.user_id = p_user_id)
      AND (p_organization_id IS NULL OR e.organization_id = p_organization_id)
      AND (p_thread_id IS NULL OR e.thread_id = p_thread_id)
    LIMIT 5001) AS s;

  -- Large: candidates from the index, then the filter.
  IF rows_in_scope > 5000 THEN
    PERFORM set_config('hnsw.ef_search', least(1000, 10 * n)::text, true);
    SELECT array_agg(h.id ORDER BY h.d, h.id), array_agg(h.d ORDER BY h.d, h.id) INTO ids, dist
    FROM (SELECT c.id, c.d
          FROM (SELECT e.message_id AS id, e.embedding_model, e.user_id, e.organization_id, e.thread_id,
                  (e.content_embedding::vector(1536)) <=> q AS d
                FROM message_embeddings AS e
                ORDER BY (e.content_embedding::vector(1536)) <=> q
                LIMIT least(1000, 10 * n)) AS c
          WHERE c.embedding_model = p_model
            AND (p_user_id IS NULL OR c.user_id = p_user_id)
            AND (p_organization_id IS NULL OR c.organization_id = p_organization_id)
            AND (p_thread_id IS NULL OR c.thread_id = p_thread_id)
          ORDER BY c.d, c.id
          LIMIT n) AS h;
    IF cardinality(ids) = n THEN
      RETURN QUERY SELECT * FROM unnest(ids, dist);
      RETURN;
    END IF;
  END IF;

  -- Small, or too few of the candidates passed: exact.
  RETURN QUERY
    WITH scope AS MATERIALIZED (
      SELECT e.message_id AS row_id, (e.content_embedding::vector(1536)) <=> q AS d
      FROM message_embeddings AS e
      WHERE e.embedding_model = p_model
        AND (p_user_id IS NULL OR e.user_id = p_user_id)
        AND (p_organization_id IS NULL OR e.organization_id = p_organization_id)
        AND (p_thread_id IS NULL OR e.thread_id = p_thread_id))
    SELECT row_id, d FROM scope ORDER BY d, row_id LIMIT n;
END $$;

COMMENT ON FUNCTION control_search_messages IS 'The messages whose content is nearest to a vector, of one model and within a scope.';

CREATE FUNCTION control_search_message_tools(
  p_query real[],
  p_model text,
  p_limit integer,
  p_user_id text DEFAULT NULL,
  p_organization_id uuid DEFAULT NULL,
  p_thread_id uuid DEFAULT NULL
) RETURNS TABLE (id uuid, distance double precision)
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  q             vector(1536);
  n             integer := least(greatest(coalesce(p_limit, 10), 1), 100);
  rows_in_scope integer;
  ids           uuid[];
  dist          double precision[];
BEGIN
  IF cardinality(p_query) IS DISTINCT FROM 1536 OR control_embedding_valid(p_query) IS NOT TRUE THEN
    RAISE EXCEPTION 'the query vector needs 1536 finite numbers, not all zero' USING ERRCODE = '22023';
  END IF;
  IF num_nonnulls(p_user_id, p_organization_id, p_thread_id) = 0 THEN
    RAISE EXCEPTION 'a scope is required' USING ERRCODE = '22023';
  END IF;
  q := p_query::vector(1536);

  SELECT count(*) INTO rows_in_scope FROM (
    SELECT 1 FROM message_embeddings AS e
    WHERE e.embedding_model = p_model
      AND e.tool_embedding IS NOT NULL
      AND (p_user_id IS NULL OR e.user_id = p_user_id)
      AND (p_organization_id IS NULL OR e.organization_id = p_organization_id)
      AND (p_thread_id IS NULL OR e.thread_id = p_thread_id)
    LIMIT 5001) AS s;

  -- Large: candidates from the index, then the filter.
  IF rows_in_scope > 5000 THEN
    PERFORM set_config('hnsw.ef_search', least(1000, 10 * n)::text, true);
    SELECT array_agg(h.id ORDER BY h.d, h.id), array_agg(h.d ORDER BY h.d, h.id) INTO ids, dist
    FROM (SELECT c.id, c.d
          FROM (SELECT e.message_id AS id, e.embedding_model, e.user_id, e.organization_id, e.thread_id,
                  (e.tool_embedding::vector(1536)) <=> q AS d
                FROM message_embeddings AS e
                WHERE e.tool_embedding IS NOT NULL
                ORDER BY (e.tool_embedding::vector(1536)) <=> q
                LIMIT least(1000, 10 * n)) AS c
          WHERE c.embedding_model = p_model
            AND (p_user_id IS NULL OR c.user_id = p_user_id)
            AND (p_organization_id IS NULL OR c.organization_id = p_organization_id)
            AND (p_thread_id IS NULL OR c.thread_id = p_thread_id)
          ORDER BY c.d, c.id
          LIMIT n) AS h;
    IF cardinality(ids) = n THEN
      RETURN QUERY SELECT * FROM unnest(ids, dist);
      RETURN;
    END IF;
  END IF;

  -- Small, or too few of the candidates passed: exact.
  RETURN QUERY
    WITH scope AS MATERIALIZED (
      SELECT e.message_id AS row_id, (e.tool_embedding::vector(1536)) <=> q AS d
      FROM message_embeddings AS e
      WHERE e.embedding_model = p_model
        AND e.tool_embedding IS NOT NULL
        AND (p_user_id IS NULL OR e.user_id = p_user_id)
        AND (p_organization_id IS NULL OR e.organization_id = p_organization_id)
        AND (p_thread_id IS NULL OR e.thread_id = p_thread_id))
    SELECT row_id, d FROM scope ORDER BY d, row_id LIMIT n;
END $$;

COMMENT ON FUNCTION control_search_message_tools IS 'The messages whose tool calls are nearest to a vector, of one model and within a scope.';
