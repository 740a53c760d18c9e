-- Verified events that cannot be stored. Bounded by the writer; nothing in the database parses the bytes.

CREATE TABLE nostr_quarantine (
  quarantine_id bigint      GENERATED ALWAYS AS IDENTITY,
  raw           bytea       NOT NULL,
  is_truncated  boolean     NOT NULL DEFAULT false,
  event_id      bytea       NOT NULL,
  reason        text        NOT NULL,
  sql_state     text,
  relay_id      integer,
  seen_at       timestamptz NOT NULL DEFAULT now(),
  retry_at      timestamptz,
  attempts      integer     NOT NULL DEFAULT 0,
  CONSTRAINT nostr_quarantine_by_quarantine_id PRIMARY KEY (quarantine_id),
  CONSTRAINT nostr_quarantine_by_event_id UNIQUE (event_id),
  CONSTRAINT nostr_quarantine_relay FOREIGN KEY (relay_id) REFERENCES nostr_relays ON DELETE SET NULL,
  CONSTRAINT nostr_quarantine_raw_length CHECK (octet_length(raw) <= 524288),
  CONSTRAINT nostr_quarantine_event_id_length CHECK (octet_length(event_id) = 32),
  CONSTRAINT nostr_quarantine_reason_length CHECK (octet_length(reason) <= 64)
);

CREATE INDEX nostr_quarantine_by_reason ON nostr_quarantine (reason, quarantine_id);

COMMENT ON TABLE nostr_quarantine IS 'Events with valid id and signature that cannot be stored, with the reason. Bounded in rows and bytes, oldest out first.';
COMMENT ON COLUMN nostr_quarantine.raw IS 'The event object as received; unstorable events in canonical form.';
COMMENT ON COLUMN nostr_quarantine.is_truncated IS 'The bytes are not all there: the entry can be looked at, not requeued.';
COMMENT ON COLUMN nostr_quarantine.reason IS 'nul_in_text, future or unstorable.';
COMMENT ON COLUMN nostr_quarantine.sql_state IS 'SQLSTATE of the refusal, of unstorable events.';
COMMENT ON COLUMN nostr_quarantine.retry_at IS 'When time may have cured the reason (future); NULL: an operator decides.';
COMMENT ON COLUMN nostr_quarantine.attempts IS 'Failed attempts to requeue.';
