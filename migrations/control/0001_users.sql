-- Phase 2. People and service accounts that have done something here. Sign-in lives in the external auth service.

CREATE TABLE users (
  user_id                 text        NOT NULL,
  name                    text,
  username                text,
  email                   text,
  image                   text,
  credits                 bigint      DEFAULT 0,
  created_at              timestamptz DEFAULT now(),
  referrer_id             text,
  plan                    text        DEFAULT 'free',
  github_access_token     bytea,
  github_refresh_token    bytea,
  github_token_expires_at timestamptz,
  github_scopes           text,
  stripe_customer_id      text,
  CONSTRAINT users_by_user_id PRIMARY KEY (user_id),
  CONSTRAINT users_user_id_length CHECK (user_id <> '' AND octet_length(user_id) <= 255),
  CONSTRAINT users_email_length CHECK (octet_length(email) <= 320),
  CONSTRAINT users_referrer_id_length CHECK (octet_length(referrer_id) <= 255),
  CONSTRAINT users_plan_known CHECK (plan IN ('free', 'pro', 'enterprise')),
  CONSTRAINT users_github_access_token_length CHECK (octet_length(github_access_token) BETWEEN 31 AND 8192),
  CONSTRAINT users_github_refresh_token_length CHECK (octet_length(github_refresh_token) BETWEEN 31 AND 8192),
  CONSTRAINT users_stripe_customer_id_length CHECK (octet_length(stripe_customer_id) <= 255)
);

CREATE INDEX users_by_email ON users (lower(email)) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX users_by_stripe_customer_id ON users (stripe_customer_id) WHERE stripe_customer_id IS NOT NULL;

COMMENT ON TABLE users IS 'Who has done something in the control plane. A row comes with the first action of a signed-in person; it mirrors no session, account or password.';
COMMENT ON COLUMN users.user_id IS 'The id of the external auth service: the subject of its tokens.';
COMMENT ON COLUMN users.email IS 'Only if the auth service called it verified. Not unique, and nobody''s proof of anything.';
COMMENT ON COLUMN users.referrer_id IS 'A user id; the referrer need not have a row.';
COMMENT ON COLUMN users.github_access_token IS 'Encrypted: 0x01, key number (1 byte), nonce (12), AES-256-GCM ciphertext, tag (16); bound to column and user.';
COMMENT ON COLUMN users.github_refresh_token IS 'Encrypted like github_access_token.';
