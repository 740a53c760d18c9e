-- Current state of what can be replaced: heads of coordinates, and profiles projected from kind 0.

CREATE TABLE nostr_replaceable_heads (
  kind       integer NOT NULL,
  pubkey     bytea   NOT NULL,
  d_hash     bytea   NOT NULL,
  d          text    NOT NULL,
  created_at bigint  NOT NULL,
  event_id   bytea   NOT NULL,
  CONSTRAINT nostr_replaceable_heads_by_coordinate PRIMARY KEY (kind, pubkey, d_hash),
  CONSTRAINT nostr_replaceable_heads_kind_range CHECK (kind BETWEEN 0 AND 65535),
  CONSTRAINT nostr_replaceable_heads_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_replaceable_heads_d_hash_length CHECK (octet_length(d_hash) = 32),
  CONSTRAINT nostr_replaceable_heads_event_id_length CHECK (octet_length(event_id) = 32)
) WITH (fillfactor = 80);

COMMENT ON TABLE nostr_replaceable_heads IS 'High-water mark of each replaceable or addressable coordinate (NIP-01). Kept after its event is gone, or an older version would come back.';
COMMENT ON COLUMN nostr_replaceable_heads.d_hash IS 'SHA-256 of d: a btree cannot hold a value of any length.';
COMMENT ON COLUMN nostr_replaceable_heads.d IS 'Value of the first d tag; the empty string for plain replaceable kinds.';
COMMENT ON COLUMN nostr_replaceable_heads.created_at IS 'Of the newest version seen; of equal ones the lowest event_id wins.';

CREATE TABLE nostr_profiles (
  pubkey        bytea       NOT NULL,
  name          text,
  picture       text,
  about         text,
  updated_at    bigint      NOT NULL,
  display_name  text,
  nip05         text,
  lud16         text,
  event_id      bytea       NOT NULL,
  profile_valid boolean     NOT NULL,
  seen_at       timestamptz NOT NULL,
  CONSTRAINT nostr_profiles_by_pubkey PRIMARY KEY (pubkey),
  CONSTRAINT nostr_profiles_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_profiles_event_id_length CHECK (octet_length(event_id) = 32)
) WITH (fillfactor = 80);

COMMENT ON TABLE nostr_profiles IS 'Fields of the newest readable kind 0 of each author (NIP-01, NIP-24), cleaned and bounded.';
COMMENT ON COLUMN nostr_profiles.updated_at IS 'created_at of the source event, not wall clock.';
COMMENT ON COLUMN nostr_profiles.nip05 IS 'The claim as written; not verified.';
COMMENT ON COLUMN nostr_profiles.event_id IS 'The source: the readable kind 0 with the greatest created_at, ties to the lowest id.';
COMMENT ON COLUMN nostr_profiles.profile_valid IS 'Whether the source is the author''s current kind 0; false: the current one is unreadable and the fields are older.';

CREATE VIEW nostr_profiles_text AS
SELECT encode(pubkey, 'hex') AS pubkey, name, picture, about, updated_at FROM nostr_profiles;

COMMENT ON VIEW nostr_profiles_text IS 'nostr_profiles with hex keys.';
