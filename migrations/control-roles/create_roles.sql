-- The group roles of the control plane. A login role becomes a member of one of them; settings belong on the login role.

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['control_migrator', 'control_plane_app', 'control_plane_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
END $$;
