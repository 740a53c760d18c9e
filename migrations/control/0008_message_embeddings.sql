-- Phase 4. Embeddings of messages as plain arrays; searching them is the line control-vector.

CREATE FUNCTION control_embedding_valid(v real[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT coalesce(array_ndims(v) = 1
     AND array_position(v, NULL) IS NULL            -- no NULL element
     AND 0::real <> ANY (v)                         -- not the zero vector: it has no direction
     AND NOT 'NaN'::real = ANY (v)
     AND NOT 'Infinity'::real = ANY (v)
     AND NOT '-Infinity'::real = ANY (v), false)
$$;

COMMENT ON FUNCTION control_embedding_valid(real[]) IS 'Whether the vector has a direction: one dimension, finite numbers, not all zero.';

CREATE TABLE message_embeddings (
  id                uuid        NOT NULL DEFAULT gen_random_uuid(),
  message_id        uuid        NOT NULL,
  content_embedding real[]      NOT NULL,
  tool_embedding    real[],
  embedding_model   text        NOT NULL,
  thread_id         uuid,
  organization_id   uuid,
  user_id           text        NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT message_embeddings_pkey PRIMARY KEY (id),
  CONSTRAINT message_embeddings_by_message_id UNIQUE (message_id),
  CONSTRAINT message_embeddings_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE,
  CONSTRAINT message_embeddings_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES threads (id) ON DELETE CASCADE,
  CONSTRAINT message_embeddings_organization_id_fkey
    FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
  CONSTRAINT message_embeddings_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE RESTRICT,
  CONSTRAINT message_embeddings_content_dimensions CHECK (cardinality(content_embedding) = 1536),
  CONSTRAINT message_embeddings_content_valid CHECK (control_embedding_valid(content_embedding)),
  CONSTRAINT message_embeddings_tool_dimensions CHECK (cardinality(tool_embedding) = 1536),
  CONSTRAINT message_embeddings_tool_valid CHECK (control_embedding_valid(tool_embedding)),
  CONSTRAINT message_embeddings_model_length CHECK (octet_length(embedding_model) BETWEEN 1 AND 255)
);

CREATE INDEX message_embeddings_by_organization_id ON message_embeddings (organization_id);
CREATE INDEX message_embeddings_by_thread_id ON message_embeddings (thread_id);
CREATE INDEX message_embeddings_by_user_id ON message_embeddings (user_id);

COMMENT ON TABLE message_embeddings IS 'Vectors of messages, given by the caller. Derived data: it can be computed again.';
COMMENT ON COLUMN message_embeddings.embedding_model IS 'Vectors of different models are never compared.';
COMMENT ON COLUMN message_embeddings.thread_id IS 'Copied from the message, to filter by.';
COMMENT ON COLUMN message_embeddings.organization_id IS 'Copied from the message, to filter by.';
COMMENT ON COLUMN message_embeddings.user_id IS 'Copied from the message, to filter by.';

ALTER TABLE messages ADD CONSTRAINT messages_embedding_id_fkey
  FOREIGN KEY (embedding_id) REFERENCES message_embeddings (id) ON DELETE SET NULL;
