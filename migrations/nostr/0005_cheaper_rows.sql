-- What costs PostgreSQL more on every row than it is worth. Of 47 µs of CPU a row these three took 24: docs/performance.md.

-- No read uses it yet; it comes back with the route that searches, for those who switch that on.
DROP INDEX nostr_events_content_search;

-- The same rule, without a bounded repetition, which the regular expression engine unrolls.
ALTER TABLE nostr_events
  DROP CONSTRAINT nostr_events_subclaw_form,
  ADD CONSTRAINT nostr_events_subclaw_form CHECK (octet_length(subclaw) BETWEEN 1 AND 128 AND subclaw ~ '^[a-z0-9_-]+$');

-- The writer takes the number from nostr_relays, and numbers are never used twice: a lookup for every row proves nothing new.
ALTER TABLE nostr_events DROP CONSTRAINT nostr_events_relay;

COMMENT ON COLUMN nostr_events.relay_id IS 'First relay that showed the event; never changed. No foreign key: a relay that was removed by hand leaves a number without a name.';
