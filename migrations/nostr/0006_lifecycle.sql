-- What takes events back: deletion requests (NIP-09), vanish requests (NIP-62), expiration (NIP-40); and who showed what.
-- Marks and high-water marks only ever rise, so they end the same in every order of arrival. They outlive the events
-- that made them: rebuilding adds to them and removes nothing.

CREATE TABLE nostr_deletions (
  deletion_event_id bytea   NOT NULL,
  pubkey            bytea   NOT NULL,
  target_event_id   bytea,
  target_kind       integer,
  target_d_hash     bytea,
  until             bigint  NOT NULL,
  CONSTRAINT nostr_deletions_deletion_event_id_length CHECK (octet_length(deletion_event_id) = 32),
  CONSTRAINT nostr_deletions_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_deletions_target_event_id_length CHECK (octet_length(target_event_id) = 32),
  CONSTRAINT nostr_deletions_target_kind_range CHECK (target_kind BETWEEN 0 AND 65535),
  CONSTRAINT nostr_deletions_target_d_hash_length CHECK (octet_length(target_d_hash) = 32),
  CONSTRAINT nostr_deletions_one_target CHECK (num_nonnulls(target_event_id, target_kind) = 1),
  CONSTRAINT nostr_deletions_coordinate_whole CHECK ((target_kind IS NULL) = (target_d_hash IS NULL))
);

CREATE UNIQUE INDEX nostr_deletions_by_event ON nostr_deletions (target_event_id, pubkey)
  WHERE target_event_id IS NOT NULL;
CREATE UNIQUE INDEX nostr_deletions_by_coordinate ON nostr_deletions (target_kind, pubkey, target_d_hash)
  WHERE target_kind IS NOT NULL;

COMMENT ON TABLE nostr_deletions IS 'What its authors want deleted (kind 5, NIP-09), whether or not it was seen: an event that meets a mark is not stored.';
COMMENT ON COLUMN nostr_deletions.deletion_event_id IS 'The request with the greatest created_at, ties to the lowest id.';
COMMENT ON COLUMN nostr_deletions.pubkey IS 'Who asks; only events of that key are affected, and gift wraps addressed to it.';
COMMENT ON COLUMN nostr_deletions.target_event_id IS 'One event, whatever its time. NULL: the mark is for a coordinate.';
COMMENT ON COLUMN nostr_deletions.target_d_hash IS 'SHA-256 of d, as in nostr_replaceable_heads.';
COMMENT ON COLUMN nostr_deletions.until IS 'created_at of the request: versions of a coordinate up to it are deleted, later ones are not.';

CREATE TABLE nostr_vanishes (
  pubkey    bytea   NOT NULL,
  until     bigint  NOT NULL,
  event_id  bytea   NOT NULL,
  is_purged boolean NOT NULL,
  CONSTRAINT nostr_vanishes_by_pubkey PRIMARY KEY (pubkey),
  CONSTRAINT nostr_vanishes_pubkey_length CHECK (octet_length(pubkey) = 32),
  CONSTRAINT nostr_vanishes_event_id_length CHECK (octet_length(event_id) = 32)
);

CREATE INDEX nostr_vanishes_unpurged ON nostr_vanishes (pubkey) WHERE NOT is_purged;

COMMENT ON TABLE nostr_vanishes IS 'Keys that asked to vanish from everywhere, or from here by name (kind 62, NIP-62).';
COMMENT ON COLUMN nostr_vanishes.until IS 'Everything signed by the key up to this second is removed and stays out, and so are gift wraps addressed to it.';
COMMENT ON COLUMN nostr_vanishes.event_id IS 'The request itself, which stays.';
COMMENT ON COLUMN nostr_vanishes.is_purged IS 'False: the key had more rows than one transaction removes; the sweep removes the rest.';

CREATE TABLE nostr_event_relays (
  event_id      bytea       NOT NULL,
  relay_id      integer     NOT NULL,
  first_seen_at timestamptz NOT NULL,
  CONSTRAINT nostr_event_relays_by_event_and_relay PRIMARY KEY (event_id, relay_id),
  CONSTRAINT nostr_event_relays_event_id_length CHECK (octet_length(event_id) = 32)
);

COMMENT ON TABLE nostr_event_relays IS 'Further sightings: relays that showed an event after the first one, which is nostr_events.relay_id. No foreign key, as there.';

CREATE TABLE nostr_relay_vanishes (
  pubkey   bytea   NOT NULL,
  relay_id integer NOT NULL,
  until    bigint  NOT NULL,
  CONSTRAINT nostr_relay_vanishes_by_pubkey_and_relay PRIMARY KEY (pubkey, relay_id),
  CONSTRAINT nostr_relay_vanishes_pubkey_length CHECK (octet_length(pubkey) = 32)
);

COMMENT ON TABLE nostr_relay_vanishes IS 'Keys that asked one relay to forget them (kind 62, NIP-62): what that relay shows of theirs up to a second is no sighting.';

ALTER TABLE nostr_replaceable_heads
  ADD COLUMN readable_at bigint,
  ADD COLUMN readable_id bytea,
  ADD CONSTRAINT nostr_replaceable_heads_readable_id_length CHECK (octet_length(readable_id) = 32),
  ADD CONSTRAINT nostr_replaceable_heads_readable_whole CHECK ((readable_at IS NULL) = (readable_id IS NULL));

COMMENT ON COLUMN nostr_replaceable_heads.readable_at IS 'Kind 0: created_at of the newest version whose content is a JSON object; of equal ones the lowest readable_id.';
COMMENT ON COLUMN nostr_replaceable_heads.readable_id IS 'Kind 0: the only possible source of nostr_profiles. Kept after it is gone, or an older profile would come back.';

ALTER TABLE nostr_profiles ADD COLUMN expires_at bigint;

CREATE INDEX nostr_profiles_by_expires_at ON nostr_profiles (expires_at) WHERE expires_at IS NOT NULL;

COMMENT ON COLUMN nostr_profiles.expires_at IS 'Of the source event (NIP-40); every read hides rows whose time has come.';

-- Sources that were stored before this migration.
UPDATE nostr_replaceable_heads AS h
SET readable_at = p.updated_at, readable_id = p.event_id
FROM nostr_profiles AS p
WHERE h.kind = 0 AND h.pubkey = p.pubkey;

UPDATE nostr_profiles AS p
SET expires_at = e.expires_at
FROM nostr_events AS e
WHERE e.event_id = p.event_id AND e.expires_at IS NOT NULL;

CREATE OR REPLACE VIEW nostr_profiles_text AS
SELECT encode(pubkey, 'hex') AS pubkey, name, picture, about, updated_at
FROM nostr_profiles
WHERE expires_at IS NULL OR expires_at > extract(epoch FROM now());
