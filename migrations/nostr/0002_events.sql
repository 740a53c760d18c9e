-- The cached events. Names and order of the indexes: every one is paid for on every insert, so each serves a read.

CREATE SEQUENCE nostr_ingest_seq AS bigint CACHE 1;

COMMENT ON SEQUENCE nostr_ingest_seq IS 'Numbers rows of nostr_events in commit order: inserting transactions hold an advisory lock on it.';

CREATE TABLE nostr_events (
  event_id     bytea       NOT NULL,
  kind         integer     NOT NULL,
  pubkey       bytea       NOT NULL,
  created_at   bigint      NOT NULL,
  content      text        NOT NULL,
  tags_json    jsonb       NOT NULL,
  identifier   text,
  subclaw      text,
  parent_id    bytea,
  is_top_level boolean,
  is_ai        boolean     NOT NULL,
  seen_at      timestamptz NOT NULL,
  sig          bytea       NOT NULL,
  root_id      bytea,
  root_address text,
  expires_at   bigint,
  relay_id     integer,
  ingest_seq   bigint      NOT NULL DEFAULT nextval('nostr_ingest_seq'),
  CONSTRAINT nostr_events_by_event_id PRIMARY KEY (event_id),
  CONSTRAINT nostr_events_relay FOREIGN KEY (relay_id) REFERENCES nostr_relays ON DELETE SET NULL,
  CONSTRAINT nostr_events_event_id_length CHECK (octet_length(event_id) = 32),
  CONSTRAINT nostr_events_kind_range CHECK (kind BETWEEN 0 AND 65535),
  CONSTRAINT nostr_events_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_events_created_at_range CHECK (created_at BETWEEN 0 AND 9007199254740991),
  CONSTRAINT nostr_events_tags_json_array CHECK (jsonb_typeof(tags_json) = 'array'),
  CONSTRAINT nostr_events_subclaw_form CHECK (subclaw ~ '^[a-z0-9_-]{1,128}$'),
  CONSTRAINT nostr_events_parent_id_length CHECK (octet_length(parent_id) = 32),
  CONSTRAINT nostr_events_sig_length CHECK (octet_length(sig) = 64),
  CONSTRAINT nostr_events_root_id_length CHECK (octet_length(root_id) = 32)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02);

ALTER SEQUENCE nostr_ingest_seq OWNED BY nostr_events.ingest_seq;

CREATE INDEX nostr_events_by_ingest_seq ON nostr_events (ingest_seq);
CREATE INDEX nostr_events_by_kind_created_at ON nostr_events (kind, created_at DESC, event_id);
CREATE INDEX nostr_events_by_pubkey_kind_created_at ON nostr_events (pubkey, kind, created_at DESC, event_id);
CREATE INDEX nostr_events_by_kind_parent_id ON nostr_events (kind, parent_id, created_at, event_id, is_ai)
  WHERE parent_id IS NOT NULL;
CREATE INDEX nostr_events_posts_by_created_at ON nostr_events (created_at DESC, event_id, is_ai)
  WHERE kind = 1111 AND is_top_level AND subclaw IS NOT NULL;
CREATE INDEX nostr_events_by_subclaw_created_at ON nostr_events (subclaw, created_at DESC, event_id, is_ai)
  WHERE kind = 1111 AND is_top_level AND subclaw IS NOT NULL;
CREATE INDEX nostr_events_by_root_id ON nostr_events (root_id, created_at, event_id) WHERE root_id IS NOT NULL;
CREATE INDEX nostr_events_by_root_address ON nostr_events (root_address, created_at, event_id)
  WHERE octet_length(root_address) <= 1024;
CREATE INDEX nostr_events_by_expires_at ON nostr_events (expires_at) WHERE expires_at IS NOT NULL;
-- A tsvector holds 1 MiB; a longer comment than this could exceed it, and the row would be refused. Readers repeat the guard.
CREATE INDEX nostr_events_content_search ON nostr_events USING gin (to_tsvector('simple', content))
  WHERE kind = 1111 AND octet_length(content) <= 131072;

COMMENT ON TABLE nostr_events IS 'Verified Nostr events (NIP-01) with columns derived from each event alone. A cache: relays are the source.';
COMMENT ON COLUMN nostr_events.event_id IS 'SHA-256 of the canonical form; the order of bytea is the "lowest id" order of NIP-01.';
COMMENT ON COLUMN nostr_events.created_at IS 'Unix seconds as the author claims them; never converted to timestamptz.';
COMMENT ON COLUMN nostr_events.tags_json IS 'Array of arrays of strings, exactly as signed.';
COMMENT ON COLUMN nostr_events.identifier IS 'Kinds 1111 and 17: first non-empty I tag, else first non-empty i tag, raw.';
COMMENT ON COLUMN nostr_events.subclaw IS 'Community slug that the identifier names under one of the configured community bases, in lower case.';
COMMENT ON COLUMN nostr_events.parent_id IS 'The event this one answers: a reply''s parent, a reaction''s or zap''s target. It need not be cached.';
COMMENT ON COLUMN nostr_events.is_top_level IS 'Kind 1111: whether it comments on a URL itself; NULL for other kinds.';
COMMENT ON COLUMN nostr_events.is_ai IS 'Labelled by its author as made by an AI agent: tags ["L","agent"] and ["l","ai","agent"]. Always false for kind 1985.';
COMMENT ON COLUMN nostr_events.seen_at IS 'First sighting; never changed.';
COMMENT ON COLUMN nostr_events.sig IS 'BIP-340 signature over event_id: every row can be verified and published again.';
COMMENT ON COLUMN nostr_events.root_id IS 'Root of the thread: E tag of kind 1111, NIP-10 root of kind 1.';
COMMENT ON COLUMN nostr_events.root_address IS 'Root coordinate kind:pubkey:d of kind 1111, raw; root_id beside it is the version commented on.';
COMMENT ON COLUMN nostr_events.expires_at IS 'Unix seconds (NIP-40); every read hides rows whose time has come.';
COMMENT ON COLUMN nostr_events.relay_id IS 'First relay that showed the event; never changed.';
COMMENT ON COLUMN nostr_events.ingest_seq IS 'Grows in commit order, with gaps; consumers of changes read from their last number on.';

CREATE VIEW nostr_events_text AS
SELECT encode(e.event_id, 'hex') AS event_id, e.kind, encode(e.pubkey, 'hex') AS pubkey, e.created_at,
       e.content, e.tags_json::text AS tags_json, e.identifier, e.subclaw,
       encode(e.parent_id, 'hex') AS parent_id, e.is_top_level, e.is_ai, e.seen_at, r.url AS relay
FROM nostr_events e
LEFT JOIN nostr_relays r ON r.relay_id = e.relay_id
WHERE e.expires_at IS NULL OR e.expires_at > extract(epoch FROM now());

COMMENT ON VIEW nostr_events_text IS 'nostr_events with hex ids and the relay URL, without expired rows. For reading; look up an id in the table.';
