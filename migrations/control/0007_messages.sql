-- Phase 4. Messages of the app's chat. A Nostr comment never becomes one.

CREATE TABLE messages (
  id               uuid           NOT NULL DEFAULT gen_random_uuid(),
  thread_id        uuid,
  user_id          text           NOT NULL,
  organization_id  uuid,
  project_id       uuid,
  external_id      text,
  role             text           NOT NULL,
  content          text           NOT NULL,
  created_at       timestamptz    NOT NULL DEFAULT now(),
  tool_invocations jsonb,
  parts_json       jsonb,
  annotations_json jsonb,
  finish_reason    text,
  input_tokens     bigint,
  output_tokens    bigint,
  total_tokens     bigint,
  cost_usd         numeric(20,10),
  model_id         text,
  embedding_id     uuid,
  CONSTRAINT messages_pkey PRIMARY KEY (id),
  CONSTRAINT messages_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES threads (id) ON DELETE CASCADE,
  CONSTRAINT messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE RESTRICT,
  CONSTRAINT messages_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT messages_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE SET NULL,
  CONSTRAINT messages_external_id_length CHECK (octet_length(external_id) BETWEEN 1 AND 255),
  CONSTRAINT messages_role_known CHECK (role IN ('system', 'developer', 'user', 'assistant', 'tool', 'data')),
  CONSTRAINT messages_finish_reason_length CHECK (octet_length(finish_reason) <= 64),
  CONSTRAINT messages_input_tokens_range CHECK (input_tokens >= 0),
  CONSTRAINT messages_output_tokens_range CHECK (output_tokens >= 0),
  CONSTRAINT messages_total_tokens_range CHECK (total_tokens >= 0),
  CONSTRAINT messages_cost_usd_range CHECK (cost_usd >= 0),
  CONSTRAINT messages_model_id_length CHECK (octet_length(model_id) <= 255)
);

CREATE INDEX messages_by_thread_id ON messages (thread_id);
CREATE INDEX messages_by_thread_and_created_at ON messages (thread_id, created_at, id);
CREATE INDEX messages_by_organization_id ON messages (organization_id);
CREATE INDEX messages_by_project_id ON messages (project_id) WHERE project_id IS NOT NULL;
CREATE INDEX messages_by_embedding_id ON messages (embedding_id) WHERE embedding_id IS NOT NULL;
CREATE UNIQUE INDEX messages_by_thread_and_external_id ON messages (thread_id, external_id)
  WHERE external_id IS NOT NULL;

COMMENT ON TABLE messages IS 'Messages of app chat, append only. Nothing of Nostr is stored here.';
COMMENT ON COLUMN messages.external_id IS 'The id that the chat client gave; a retried creation finds its row by it.';
COMMENT ON COLUMN messages.embedding_id IS 'Its row in message_embeddings, if there is one.';
