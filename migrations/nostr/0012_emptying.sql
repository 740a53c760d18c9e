-- Whoever empties nostr_events empties with it what was derived from its rows, and the ledger that says they are here: a
-- ledger without rows would have nothing fetched again, and rows beside events that are gone would be in the way of their
-- return. Marks stay: what was deleted or superseded does not come back. The daemon must not be running: it remembers
-- what it has committed.

CREATE FUNCTION nostr_events_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  derived text;
BEGIN
  FOREACH derived IN ARRAY ARRAY[
    'nostr_coverage', 'nostr_coverage_holes', 'nostr_profiles', 'nostr_event_relays', 'nostr_external_ids',
    'nostr_mentions', 'nostr_reactions', 'nostr_zaps', 'nostr_labels', 'nostr_communities', 'nostr_community_posts',
    'nostr_community_approvals', 'nostr_event_stats', 'nostr_reaction_counts', 'nostr_subclaws']
  LOOP
    BEGIN
      EXECUTE format('TRUNCATE %I.%I', TG_TABLE_SCHEMA, derived);
    EXCEPTION WHEN object_in_use THEN
      -- The same command names it, or a cursor is open on it.
      EXECUTE format('DELETE FROM %I.%I', TG_TABLE_SCHEMA, derived);
    END;
  END LOOP;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION nostr_events_emptied() IS 'Empties the ledger and everything derived when nostr_events is truncated.';

CREATE TRIGGER nostr_events_emptied AFTER TRUNCATE ON nostr_events EXECUTE FUNCTION nostr_events_emptied();
