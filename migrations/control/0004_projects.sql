-- Phase 3. Projects, each of one user or of one organization.

CREATE TABLE projects (
  id                        uuid        NOT NULL DEFAULT gen_random_uuid(),
  name                      text        NOT NULL,
  description               text,
  user_id                   text,
  organization_id           uuid,
  system_prompt             text,
  default_model             text,
  default_tools             text[],
  autopilot_spec            text,
  autopilot_plan            text,
  autopilot_plan_updated_at timestamptz,
  created_at                timestamptz NOT NULL DEFAULT now(),
  updated_at                timestamptz NOT NULL DEFAULT now(),
  is_archived               boolean     NOT NULL DEFAULT false,
  CONSTRAINT projects_pkey PRIMARY KEY (id),
  CONSTRAINT projects_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE RESTRICT,
  CONSTRAINT projects_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT projects_one_owner CHECK (num_nonnulls(user_id, organization_id) = 1),
  CONSTRAINT projects_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
  CONSTRAINT projects_default_tools_without_null CHECK (array_position(default_tools, NULL) IS NULL)
);

CREATE INDEX projects_by_user ON projects (user_id);
CREATE INDEX projects_by_organization ON projects (organization_id);
CREATE INDEX projects_by_updated ON projects (updated_at);
CREATE INDEX projects_by_archived ON projects (is_archived);

COMMENT ON TABLE projects IS 'Work of one user or of one organization. Its repo links and its knowledge go with it; threads, messages and issues stay.';
COMMENT ON COLUMN projects.user_id IS 'The owner of a personal project; NULL for an organization''s.';
COMMENT ON COLUMN projects.autopilot_spec IS 'Text only: nothing here executes it.';
COMMENT ON COLUMN projects.autopilot_plan IS 'Text only: nothing here executes it.';
