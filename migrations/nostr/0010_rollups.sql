-- Counters, so that no read aggregates over a table. They change by differences, in the transaction of the rows they
-- count; rows without anything to count are removed.

CREATE TABLE nostr_event_stats (
  event_id            bytea       NOT NULL,
  reply_count         integer     NOT NULL DEFAULT 0,
  reply_count_ai      integer     NOT NULL DEFAULT 0,
  descendant_count    integer     NOT NULL DEFAULT 0,
  descendant_count_ai integer     NOT NULL DEFAULT 0,
  up                  integer     NOT NULL DEFAULT 0,
  down                integer     NOT NULL DEFAULT 0,
  score               integer     NOT NULL GENERATED ALWAYS AS (up - down) STORED,
  reaction_count      integer     NOT NULL DEFAULT 0,
  reactions           jsonb       NOT NULL DEFAULT '{}',
  zap_count           integer     NOT NULL DEFAULT 0,
  zap_msats           numeric(30) NOT NULL DEFAULT 0,
  zap_msats_verified  numeric(30) NOT NULL DEFAULT 0,
  last_reply_at       bigint,
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT nostr_event_stats_by_event_id PRIMARY KEY (event_id),
  CONSTRAINT nostr_event_stats_event_id_length CHECK (octet_length(event_id) = 32),
  CONSTRAINT nostr_event_stats_not_negative
    CHECK (reply_count >= 0 AND reply_count_ai >= 0 AND descendant_count >= 0 AND descendant_count_ai >= 0
      AND up >= 0 AND down >= 0 AND reaction_count >= 0 AND zap_count >= 0)
) WITH (fillfactor = 70);

COMMENT ON TABLE nostr_event_stats IS 'Counters of each event that something refers to; it need not be cached. No second index: most updates stay in their page.';
COMMENT ON COLUMN nostr_event_stats.reply_count IS 'Stored replies whose parent it is.';
COMMENT ON COLUMN nostr_event_stats.descendant_count IS 'Stored replies below it, up to 20 levels, every one on the way stored.';
COMMENT ON COLUMN nostr_event_stats.descendant_count_ai IS 'Of these, the ones that are AI like every one on the way: the thread as a reader of AI posts sees it.';
COMMENT ON COLUMN nostr_event_stats.up IS 'Authors whose counting vote is a like.';
COMMENT ON COLUMN nostr_event_stats.reaction_count IS 'Distinct (author, emoji_key), votes not among them.';
COMMENT ON COLUMN nostr_event_stats.reactions IS 'Distinct authors by emoji_key, the 50 largest, ties by the key''s bytes.';
COMMENT ON COLUMN nostr_event_stats.zap_msats IS 'Sum of the counted receipts, divided by 1000 only at the edge.';
COMMENT ON COLUMN nostr_event_stats.zap_msats_verified IS 'Of these, the ones whose provider is confirmed.';

CREATE TABLE nostr_reaction_counts (
  target_event_id bytea   NOT NULL,
  emoji_key       text    COLLATE "C" NOT NULL,
  authors         integer NOT NULL,
  CONSTRAINT nostr_reaction_counts_by_target_and_key PRIMARY KEY (target_event_id, emoji_key),
  CONSTRAINT nostr_reaction_counts_target_event_id_length CHECK (octet_length(target_event_id) = 32),
  CONSTRAINT nostr_reaction_counts_emoji_key_length CHECK (octet_length(emoji_key) <= 128),
  CONSTRAINT nostr_reaction_counts_not_negative CHECK (authors >= 0)
) WITH (fillfactor = 80);

COMMENT ON TABLE nostr_reaction_counts IS 'Distinct authors of each emoji on each target, all of them: the 50 largest cannot be kept without the others.';

CREATE TABLE nostr_subclaws (
  subclaw       text        NOT NULL,
  posts_ai      bigint      NOT NULL DEFAULT 0,
  posts_human   bigint      NOT NULL DEFAULT 0,
  first_post_at bigint,
  last_post_at  bigint,
  last_post_id  bytea,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT nostr_subclaws_by_subclaw PRIMARY KEY (subclaw),
  CONSTRAINT nostr_subclaws_subclaw_form CHECK (octet_length(subclaw) BETWEEN 1 AND 128 AND subclaw ~ '^[a-z0-9_-]+$'),
  CONSTRAINT nostr_subclaws_last_post_id_length CHECK (octet_length(last_post_id) = 32),
  CONSTRAINT nostr_subclaws_not_negative CHECK (posts_ai >= 0 AND posts_human >= 0)
) WITH (fillfactor = 70);

COMMENT ON TABLE nostr_subclaws IS 'Stored top-level comments of each community. One appears with its first post and goes with its last.';
COMMENT ON COLUMN nostr_subclaws.last_post_id IS 'The newest post; of equal times the lowest id.';
