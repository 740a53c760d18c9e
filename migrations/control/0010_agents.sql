-- Phase 4. Definitions of the app's chat agents.

CREATE TABLE agents (
  id              uuid        NOT NULL DEFAULT gen_random_uuid(),
  slug            text        NOT NULL,
  name            text        NOT NULL,
  description     text        NOT NULL DEFAULT '',
  system_prompt   text        NOT NULL DEFAULT '',
  model_id        text,
  sort_order      integer     NOT NULL DEFAULT 0,
  is_default      boolean     NOT NULL DEFAULT false,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  requires_github boolean     NOT NULL DEFAULT false,
  requires_repo   boolean     NOT NULL DEFAULT false,
  supports_tools  boolean     NOT NULL DEFAULT false,
  agent_type      text,
  CONSTRAINT agents_pkey PRIMARY KEY (id),
  CONSTRAINT agents_by_slug UNIQUE (slug),
  CONSTRAINT agents_slug_form CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
  CONSTRAINT agents_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
  CONSTRAINT agents_model_id_length CHECK (octet_length(model_id) <= 255),
  CONSTRAINT agents_agent_type_known CHECK (agent_type IN ('assistant', 'coder'))
);

CREATE UNIQUE INDEX agents_one_default ON agents (is_default) WHERE is_default;

COMMENT ON TABLE agents IS 'Chat agents of the app, written by operators. They are no Nostr identities, and their runs are not kept here.';
