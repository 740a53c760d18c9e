-- Phase 2. Bearer tokens of users; only their hashes are kept.

CREATE TABLE api_tokens (
  id           uuid        NOT NULL DEFAULT gen_random_uuid(),
  user_id      text        NOT NULL,
  token_hash   bytea       NOT NULL,
  name         text        NOT NULL,
  last_used_at timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz,
  revoked_at   timestamptz,
  CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
  CONSTRAINT api_tokens_by_token_hash UNIQUE (token_hash),
  CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (user_id) ON DELETE CASCADE,
  CONSTRAINT api_tokens_token_hash_length CHECK (octet_length(token_hash) = 32),
  CONSTRAINT api_tokens_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
  CONSTRAINT api_tokens_expires_after_creation CHECK (expires_at > created_at)
);

CREATE INDEX api_tokens_by_user_id ON api_tokens (user_id);

COMMENT ON TABLE api_tokens IS 'Tokens that act as their user in the control plane; never for posting. The secret is shown once and not kept.';
COMMENT ON COLUMN api_tokens.token_hash IS 'SHA-256 of the 64 hex characters of the secret, without its prefix.';
COMMENT ON COLUMN api_tokens.last_used_at IS 'Written at most once in five minutes.';
COMMENT ON COLUMN api_tokens.expires_at IS 'NULL: never.';
COMMENT ON COLUMN api_tokens.revoked_at IS 'The row is kept for audit 90 days from here.';
