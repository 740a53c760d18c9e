-- Phase 5. Texts to be found by meaning. control_embedding_valid comes from 0008.

CREATE TABLE knowledge (
  id              uuid        NOT NULL DEFAULT gen_random_uuid(),
  title           text,
  content         text        NOT NULL,
  embedding       real[]      NOT NULL,
  embedding_model text        NOT NULL,
  tags            text[],
  source          text,
  user_id         text,
  organization_id uuid,
  project_id      uuid,
  created_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT knowledge_pkey PRIMARY KEY (id),
  CONSTRAINT knowledge_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE RESTRICT,
  CONSTRAINT knowledge_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT knowledge_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE,
  CONSTRAINT knowledge_has_scope CHECK (num_nonnulls(user_id, organization_id, project_id) >= 1),
  CONSTRAINT knowledge_embedding_dimensions CHECK (cardinality(embedding) = 1536),
  CONSTRAINT knowledge_embedding_valid CHECK (control_embedding_valid(embedding)),
  CONSTRAINT knowledge_embedding_model_length CHECK (octet_length(embedding_model) BETWEEN 1 AND 255),
  CONSTRAINT knowledge_tags_without_null CHECK (array_position(tags, NULL) IS NULL)
);

CREATE INDEX knowledge_by_user ON knowledge (user_id);
CREATE INDEX knowledge_by_organization ON knowledge (organization_id);
CREATE INDEX knowledge_by_project ON knowledge (project_id);

COMMENT ON TABLE knowledge IS 'Texts with the vector that the caller gave. Owned by a user, an organization or a project.';
COMMENT ON COLUMN knowledge.embedding_model IS 'Vectors of different models are never compared.';
COMMENT ON COLUMN knowledge.user_id IS 'Copied from the project where there is one, so that one column is enough to filter by.';
COMMENT ON COLUMN knowledge.organization_id IS 'Copied from the project where there is one, so that one column is enough to filter by.';
