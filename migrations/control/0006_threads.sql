-- Phase 4. Conversations of the app. Nostr threads are not these.

CREATE TABLE threads (
  id              uuid        NOT NULL DEFAULT gen_random_uuid(),
  chat_id         text        NOT NULL,
  user_id         text        NOT NULL,
  organization_id uuid,
  project_id      uuid,
  agent_slug      text,
  metadata        jsonb,
  is_archived     boolean     NOT NULL DEFAULT false,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  is_shared       boolean     NOT NULL DEFAULT false,
  CONSTRAINT threads_pkey PRIMARY KEY (id),
  CONSTRAINT threads_by_chat_id UNIQUE (chat_id),
  CONSTRAINT threads_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE RESTRICT,
  CONSTRAINT threads_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT threads_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE SET NULL,
  CONSTRAINT threads_chat_id_length CHECK (octet_length(chat_id) BETWEEN 1 AND 255),
  CONSTRAINT threads_agent_slug_length CHECK (octet_length(agent_slug) <= 64),
  CONSTRAINT threads_metadata_object CHECK (jsonb_typeof(metadata) = 'object')
);

CREATE INDEX threads_by_user_id ON threads (user_id);
CREATE INDEX threads_by_user_and_updated ON threads (user_id, updated_at DESC, id);
CREATE INDEX threads_by_organization_id ON threads (organization_id);
CREATE INDEX threads_by_project_id ON threads (project_id);

COMMENT ON TABLE threads IS 'App chat. Nothing of Nostr is stored here.';
COMMENT ON COLUMN threads.chat_id IS 'The id that the chat client knows; generated when it gives none.';
COMMENT ON COLUMN threads.user_id IS 'The author.';
COMMENT ON COLUMN threads.agent_slug IS 'Names an agent without a key: a thread outlives its agent.';
COMMENT ON COLUMN threads.is_shared IS 'Whether the members of the organization may read it.';
