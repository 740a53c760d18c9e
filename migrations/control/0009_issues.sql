-- Phase 4. Issues and the threads they are discussed in.

CREATE TABLE issues (
  id              uuid             NOT NULL DEFAULT gen_random_uuid(),
  user_id         text             NOT NULL,
  organization_id uuid,
  project_id      uuid,
  identifier      text             NOT NULL,
  title           text             NOT NULL,
  description     text,
  status_id       text             NOT NULL,
  priority_id     text             NOT NULL,
  assignee_id     text,
  label_ids       text[]           NOT NULL DEFAULT '{}',
  rank            double precision NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::double precision,
  created_at      timestamptz      NOT NULL DEFAULT now(),
  updated_at      timestamptz      NOT NULL DEFAULT now(),
  due_date        timestamptz,
  CONSTRAINT issues_pkey PRIMARY KEY (id),
  CONSTRAINT issues_by_identifier UNIQUE (identifier),
  CONSTRAINT issues_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE RESTRICT,
  CONSTRAINT issues_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT issues_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE SET NULL,
  CONSTRAINT issues_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users (user_id) ON DELETE SET NULL,
  CONSTRAINT issues_identifier_form CHECK (identifier ~ '^[A-Z][A-Z0-9]{0,9}-[0-9A-Z]{1,16}$'),
  CONSTRAINT issues_title_length CHECK (char_length(title) BETWEEN 1 AND 500),
  CONSTRAINT issues_status_id_length CHECK (octet_length(status_id) BETWEEN 1 AND 64),
  CONSTRAINT issues_priority_id_length CHECK (octet_length(priority_id) BETWEEN 1 AND 64),
  CONSTRAINT issues_label_ids_bounded
    CHECK (cardinality(label_ids) <= 100 AND array_position(label_ids, NULL) IS NULL)
);

CREATE INDEX issues_by_project_id ON issues (project_id);
CREATE INDEX issues_by_organization_id ON issues (organization_id);
CREATE INDEX issues_by_user_id ON issues (user_id);
CREATE INDEX issues_by_status_id ON issues (status_id);
CREATE INDEX issues_by_updated_at ON issues (updated_at);

COMMENT ON TABLE issues IS 'Things to do. The vocabulary of states, priorities and labels is the app''s.';
COMMENT ON COLUMN issues.identifier IS 'ISS- and the creation time in base 36: it tells nothing of other tenants.';
COMMENT ON COLUMN issues.assignee_id IS 'Somebody who sees the issue.';
COMMENT ON COLUMN issues.rank IS 'Order by hand; the creation time in milliseconds until somebody moves the issue.';

CREATE TABLE issue_threads (
  id         uuid        NOT NULL DEFAULT gen_random_uuid(),
  issue_id   uuid        NOT NULL,
  thread_id  uuid        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT issue_threads_pkey PRIMARY KEY (id),
  CONSTRAINT issue_threads_by_issue_id_and_thread_id UNIQUE (issue_id, thread_id),
  CONSTRAINT issue_threads_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES issues (id) ON DELETE CASCADE,
  CONSTRAINT issue_threads_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES threads (id) ON DELETE CASCADE
);

CREATE INDEX issue_threads_by_issue_id ON issue_threads (issue_id);
CREATE INDEX issue_threads_by_thread_id ON issue_threads (thread_id);

COMMENT ON TABLE issue_threads IS 'Which issue is discussed in which thread.';
