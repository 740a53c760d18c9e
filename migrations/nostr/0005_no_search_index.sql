-- The search index takes 15 of the 40 µs of CPU that PostgreSQL spends on a row, and no read uses it yet: it comes back
-- with the route that searches, for those who switch that on.

DROP INDEX nostr_events_content_search;
