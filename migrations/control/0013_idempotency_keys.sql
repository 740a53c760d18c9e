-- Keys under which clients retry a creation. No part of the seed: the HTTP surface needs them.

CREATE TABLE idempotency_keys (
  user_id      text        NOT NULL,
  key          text        NOT NULL,
  operation    text        NOT NULL,
  request_hash bytea       NOT NULL,
  resource_id  uuid        NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key),
  CONSTRAINT idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE CASCADE,
  CONSTRAINT idempotency_keys_key_length CHECK (octet_length(key) BETWEEN 1 AND 255),
  CONSTRAINT idempotency_keys_operation_length CHECK (octet_length(operation) BETWEEN 1 AND 64),
  CONSTRAINT idempotency_keys_request_hash_length CHECK (octet_length(request_hash) = 32)
);

CREATE INDEX idempotency_keys_by_created_at ON idempotency_keys (created_at);

COMMENT ON TABLE idempotency_keys IS 'What a creation with a key made, committed with it. No answer is kept: a retry reads the row again, with the access of that moment.';
COMMENT ON COLUMN idempotency_keys.request_hash IS 'SHA-256 of the request; another request under the same key is refused.';
COMMENT ON COLUMN idempotency_keys.resource_id IS 'The row that was made; no foreign key, it may be of any table and gone since.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'Forgotten a day later.';
