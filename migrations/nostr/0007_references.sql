-- What events refer to besides other events: things outside Nostr (NIP-73), and people.

CREATE TABLE nostr_external_ids (
  event_id       bytea    NOT NULL,
  tag_no         smallint NOT NULL,
  role           text     NOT NULL,
  type           text     NOT NULL,
  canonical      text     NOT NULL,
  canonical_hash bytea    NOT NULL,
  raw            text     NOT NULL,
  created_at     bigint   NOT NULL,
  flags          text[]   NOT NULL DEFAULT '{}',
  CONSTRAINT nostr_external_ids_by_event_and_tag PRIMARY KEY (event_id, tag_no),
  CONSTRAINT nostr_external_ids_event_id_length CHECK (octet_length(event_id) = 32),
  CONSTRAINT nostr_external_ids_role_known CHECK (role IN ('root', 'parent', 'target')),
  CONSTRAINT nostr_external_ids_canonical_hash_length CHECK (octet_length(canonical_hash) = 32)
);

CREATE INDEX nostr_external_ids_by_canonical ON nostr_external_ids (canonical_hash, created_at DESC, event_id);

COMMENT ON TABLE nostr_external_ids IS 'What outside Nostr an event is about (NIP-73): the page, book or episode of a comment, a reaction or a zap.';
COMMENT ON COLUMN nostr_external_ids.tag_no IS 'Position of the tag in tags_json.';
COMMENT ON COLUMN nostr_external_ids.role IS 'root: I of a comment; parent: its i, where that is another one; target: of a reaction or zap.';
COMMENT ON COLUMN nostr_external_ids.canonical IS 'Normalised with its prefix; identity is (type, canonical).';
COMMENT ON COLUMN nostr_external_ids.canonical_hash IS 'SHA-256 of type, a zero byte and canonical: a btree cannot hold a value of any length.';
COMMENT ON COLUMN nostr_external_ids.raw IS 'As written: relays match filters by these bytes.';

CREATE TABLE nostr_mentions (
  pubkey     bytea   NOT NULL,
  created_at bigint  NOT NULL,
  event_id   bytea   NOT NULL,
  kind       integer NOT NULL,
  CONSTRAINT nostr_mentions_by_pubkey PRIMARY KEY (pubkey, created_at, event_id),
  CONSTRAINT nostr_mentions_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_mentions_event_id_length CHECK (octet_length(event_id) = 32)
);

COMMENT ON TABLE nostr_mentions IS 'Who is named by a p tag: notifications, and the recipients of gift wraps. The first 64 of an event, never its author.';
