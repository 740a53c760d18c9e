-- Relays, streams and the coverage ledger: what was asked of whom, and what is proven complete.

CREATE TABLE nostr_relays (
  relay_id             integer     GENERATED ALWAYS AS IDENTITY,
  url                  text        NOT NULL,
  role                 text        NOT NULL DEFAULT 'discovered',
  enabled              boolean     NOT NULL DEFAULT true,
  effective_limit      integer,
  nip11                jsonb,
  nip11_fetched_at     timestamptz,
  last_connected_at    timestamptz,
  last_eose_at         timestamptz,
  last_event_at        timestamptz,
  last_error           text,
  last_error_at        timestamptz,
  consecutive_failures integer     NOT NULL DEFAULT 0,
  next_attempt_at      timestamptz,
  first_seen_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT nostr_relays_by_relay_id PRIMARY KEY (relay_id),
  CONSTRAINT nostr_relays_by_url UNIQUE (url),
  CONSTRAINT nostr_relays_url_length CHECK (octet_length(url) BETWEEN 6 AND 1024),
  CONSTRAINT nostr_relays_role_known CHECK (role IN ('primary', 'fallback', 'profiles', 'discovered'))
);

COMMENT ON TABLE nostr_relays IS 'One row per relay URL: its role, its health, what was learned of its limits.';
COMMENT ON COLUMN nostr_relays.url IS 'Normalised: scheme and host in lower case, no default port, no fragment, no bare slash.';
COMMENT ON COLUMN nostr_relays.role IS 'primary: always connected; fallback: serves holes no healthy primary serves; profiles: asked for kind 0 only; discovered: merely seen.';
COMMENT ON COLUMN nostr_relays.enabled IS 'Whether the configuration names the relay now.';
COMMENT ON COLUMN nostr_relays.effective_limit IS 'Largest page this relay was seen to serve, whatever it announces.';
COMMENT ON COLUMN nostr_relays.nip11 IS 'Relay information document (NIP-11) as last fetched.';
COMMENT ON COLUMN nostr_relays.consecutive_failures IS 'Failed attempts since the last session that lived.';

CREATE TABLE nostr_streams (
  stream_id   integer     GENERATED ALWAYS AS IDENTITY,
  name        text        NOT NULL,
  filter      jsonb       NOT NULL,
  filter_hash bytea       NOT NULL,
  active      boolean     NOT NULL DEFAULT true,
  created_at  timestamptz NOT NULL DEFAULT now(),
  retired_at  timestamptz,
  CONSTRAINT nostr_streams_by_stream_id PRIMARY KEY (stream_id),
  CONSTRAINT nostr_streams_by_name_and_hash UNIQUE (name, filter_hash),
  CONSTRAINT nostr_streams_name_form CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
  CONSTRAINT nostr_streams_filter_hash_length CHECK (octet_length(filter_hash) = 32)
);

CREATE UNIQUE INDEX nostr_streams_one_active ON nostr_streams (name) WHERE active;

COMMENT ON TABLE nostr_streams IS 'A stream is a named filter; another filter under the same name is another stream with empty coverage.';
COMMENT ON COLUMN nostr_streams.filter IS 'NIP-01 filter without since, until and limit.';
COMMENT ON COLUMN nostr_streams.filter_hash IS 'SHA-256 of the canonical text of the filter: keys sorted, values sorted and unique, no white space.';
COMMENT ON COLUMN nostr_streams.active IS 'At most one row of a name: the filter in force.';
COMMENT ON COLUMN nostr_streams.created_at IS 'Wall clock, not a created_at of events.';

CREATE TABLE nostr_coverage (
  relay_id     integer        NOT NULL,
  stream_id    integer        NOT NULL,
  covered      int8multirange NOT NULL DEFAULT '{}',
  last_proof   text,
  last_eose_at timestamptz,
  updated_at   timestamptz    NOT NULL DEFAULT now(),
  CONSTRAINT nostr_coverage_by_relay_and_stream PRIMARY KEY (relay_id, stream_id),
  CONSTRAINT nostr_coverage_relay FOREIGN KEY (relay_id) REFERENCES nostr_relays ON DELETE CASCADE,
  CONSTRAINT nostr_coverage_stream FOREIGN KEY (stream_id) REFERENCES nostr_streams ON DELETE CASCADE,
  CONSTRAINT nostr_coverage_proof_known CHECK (last_proof IN ('finish', 'negentropy', 'exhausted', 'live'))
) WITH (fillfactor = 70);

COMMENT ON TABLE nostr_coverage IS 'The ledger: seconds of created_at proven complete, per relay and stream. It commits with the rows it speaks about and never leads them.';
COMMENT ON COLUMN nostr_coverage.covered IS 'For every second in it, each event that the relay then had for the filter is in nostr_events, replaced, deleted, or refused with a recorded reason.';
COMMENT ON COLUMN nostr_coverage.last_proof IS 'finish: hint of NIP-67; negentropy: finished reconciliation (NIP-77); exhausted: paged back to an empty page; live: subscription proven alive.';
COMMENT ON COLUMN nostr_coverage.last_eose_at IS 'When stored events were last complete; live advances leave it alone.';

CREATE TABLE nostr_coverage_holes (
  relay_id      integer     NOT NULL,
  stream_id     integer     NOT NULL,
  span          int8range   NOT NULL,
  reason        text        NOT NULL,
  attempts      integer     NOT NULL DEFAULT 1,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  last_tried_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT nostr_coverage_holes_by_span PRIMARY KEY (relay_id, stream_id, span),
  CONSTRAINT nostr_coverage_holes_relay FOREIGN KEY (relay_id) REFERENCES nostr_relays ON DELETE CASCADE,
  CONSTRAINT nostr_coverage_holes_stream FOREIGN KEY (stream_id) REFERENCES nostr_streams ON DELETE CASCADE,
  CONSTRAINT nostr_coverage_holes_span_bounded CHECK (NOT isempty(span) AND NOT lower_inf(span) AND NOT upper_inf(span)),
  CONSTRAINT nostr_coverage_holes_reason_length CHECK (octet_length(reason) BETWEEN 1 AND 64)
);

COMMENT ON TABLE nostr_coverage_holes IS 'Why an attempt could not fill a hole. The holes themselves are the requested range minus nostr_coverage.covered.';
COMMENT ON COLUMN nostr_coverage_holes.span IS 'Seconds of created_at, half-open.';
COMMENT ON COLUMN nostr_coverage_holes.reason IS 'dense_second: more events in one second than the relay hands out; refused: the relay will not answer this filter; …';
