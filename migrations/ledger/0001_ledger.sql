-- The ledger of migrations: what was applied to this schema, by which line and version.
-- Run by the migrator before everything else, under its lock; it is no migration itself.

CREATE TABLE IF NOT EXISTS schema_migrations (
    line         text        NOT NULL,
    version      integer     NOT NULL,
    name         text        NOT NULL,
    sha256       bytea       NOT NULL,
    applied_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by   text        NOT NULL DEFAULT session_user,
    duration_ms  bigint      NOT NULL,
    tool_version text        NOT NULL,
    CONSTRAINT schema_migrations_pkey PRIMARY KEY (line, version),
    CONSTRAINT schema_migrations_version_positive CHECK (version > 0),
    CONSTRAINT schema_migrations_sha256_length CHECK (octet_length(sha256) = 32)
);

COMMENT ON TABLE schema_migrations IS 'Migrations applied to this schema; two independent lines share it. Never edited by hand.';
COMMENT ON COLUMN schema_migrations.line IS 'nostr or control: whose sequence the version counts in.';
COMMENT ON COLUMN schema_migrations.version IS 'The number of the file; each line counts from 1 without gaps.';
COMMENT ON COLUMN schema_migrations.name IS 'The name of the file.';
COMMENT ON COLUMN schema_migrations.sha256 IS 'SHA-256 of the file after CRLF was turned into LF; a difference is a refused start.';
COMMENT ON COLUMN schema_migrations.applied_at IS 'When it was done, on the server''s clock.';
COMMENT ON COLUMN schema_migrations.applied_by IS 'The role that logged in.';
COMMENT ON COLUMN schema_migrations.duration_ms IS 'How long it took, in milliseconds, on the migrator''s clock.';
COMMENT ON COLUMN schema_migrations.tool_version IS 'The version of the program that applied it.';
