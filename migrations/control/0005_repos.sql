-- Phase 3. Source repositories and their links to projects.

CREATE TABLE repos (
  id             uuid        NOT NULL DEFAULT gen_random_uuid(),
  name           text        NOT NULL,
  provider       text        NOT NULL,
  owner          text        NOT NULL,
  default_branch text,
  url            text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT repos_pkey PRIMARY KEY (id),
  CONSTRAINT repos_by_provider_and_owner_and_name UNIQUE (provider, owner, name),
  CONSTRAINT repos_name_length CHECK (octet_length(name) BETWEEN 1 AND 255),
  CONSTRAINT repos_provider_form CHECK (provider ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
  CONSTRAINT repos_owner_length CHECK (octet_length(owner) BETWEEN 1 AND 255),
  CONSTRAINT repos_default_branch_length CHECK (octet_length(default_branch) <= 255),
  CONSTRAINT repos_url_length CHECK (octet_length(url) <= 2048)
);

COMMENT ON TABLE repos IS 'Repositories by natural key. Tenants share the rows, so connecting one never changes it.';
COMMENT ON COLUMN repos.provider IS 'github, gitlab, codeberg, bitbucket: the URL is computed. Others: the first connection sets it.';

CREATE TABLE project_repos (
  id         uuid        NOT NULL DEFAULT gen_random_uuid(),
  project_id uuid        NOT NULL,
  repo_id    uuid        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT project_repos_pkey PRIMARY KEY (id),
  CONSTRAINT project_repos_by_project_id_and_repo_id UNIQUE (project_id, repo_id),
  CONSTRAINT project_repos_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
  CONSTRAINT project_repos_repo_id_fkey FOREIGN KEY (repo_id) REFERENCES repos (id) ON DELETE RESTRICT
);

CREATE INDEX project_repos_by_project_id ON project_repos (project_id);
CREATE INDEX project_repos_by_repo_id ON project_repos (repo_id);

COMMENT ON TABLE project_repos IS 'Which project works on which repository.';
