-- Least privilege for the roles that exist: run again after every migration, it says the same. The application reads and
-- writes rows and defines nothing; the reader reads. Neither sees a GitHub credential it has no use for, and nobody
-- else is given anything: the daemon of the cache has no privilege here.

DO $$
DECLARE
  tables CONSTANT text := 'users, api_tokens, organizations, organization_members, projects, repos, project_repos, '
    'threads, messages, message_embeddings, issues, issue_threads, agents, knowledge, numbers, idempotency_keys';
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'control_migrator') THEN
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO control_migrator', current_schema());
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'control_plane_app') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO control_plane_app', current_schema());
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON ' || tables || ' TO control_plane_app';
    GRANT SELECT ON schema_migrations TO control_plane_app;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'control_plane_reader') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO control_plane_reader', current_schema());
    EXECUTE 'GRANT SELECT ON ' || replace(tables, 'users, api_tokens, ', '') || ' TO control_plane_reader';
    GRANT SELECT (user_id, name, username, email, image, credits, created_at, referrer_id, plan) ON users
      TO control_plane_reader;
    GRANT SELECT (id, user_id, name, last_used_at, created_at, expires_at, revoked_at) ON api_tokens
      TO control_plane_reader;
    GRANT SELECT ON schema_migrations TO control_plane_reader;
  END IF;
END $$;
