import Nostr
import Postgres

/// Counting again: keys in order, some at a time, each from its rows.
extension RebuildStatements {
    struct Count: Sendable {
        struct Keys {
            let array: PostgresArray
            let last: PostgresValue?

            var count: Int { self.array.count }
        }

        let start: PostgresValue
        let page: @Sendable (_ after: PostgresValue, _ limit: Int) -> PostgresStatement
        let read: @Sendable (PostgresResult) -> Keys
        /// The statements that count the keys again.
        let recount: @Sendable (_ keys: PostgresValue) -> [PostgresStatement]
    }

    // MARK: - Targets

    static func countEvents(replyKinds: [Kind]) -> Count {
        let kinds = PostgresValue.int4Array(replyKinds.map { Int32($0.rawValue) })
        return Count(
            start: .bytea([]),
            page: { (after, limit) in PostgresStatement(RebuildStatements.targets, [after, .int8(Int64(limit)), kinds])
            },
            read: { rows in
                var array = PostgresArray(of: .bytea)
                for row in rows { array.append(bytes: row[0].bytes ?? []) }
                return Count.Keys(array: array, last: rows.last.map { .bytea($0[0].bytes ?? []) })
            },
            recount: { keys in
                [
                    PostgresStatement("DELETE FROM nostr_reaction_counts WHERE target_event_id = ANY ($1)", [keys]),
                    PostgresStatement(self.countReactions, [keys]),
                    PostgresStatement(self.countStats, [keys, kinds, .int4(Int32(ThreadDifference.levelsMax))]),
                    PostgresStatement(self.removeEmpty, [keys]),
                ]
            })
    }

    /// Whatever is counted or could be, in order: of each source so many rows, and of those the ids that no source has
    /// more of than it gave.
    private static let targets = """
        WITH found AS (
          SELECT 1 AS source, s.id
          FROM (SELECT event_id AS id FROM nostr_event_stats WHERE event_id > $1 ORDER BY 1 LIMIT $2) AS s
          UNION ALL
          SELECT 2, s.id
          FROM (
            SELECT target_event_id AS id FROM nostr_reaction_counts WHERE target_event_id > $1 ORDER BY 1 LIMIT $2
          ) AS s
          UNION ALL
          SELECT 3, s.id
          FROM (
            SELECT target_event_id AS id
            FROM nostr_reactions
            WHERE target_event_id > $1 AND target_event_id IS NOT NULL AND value_type IN ('like', 'dislike')
            ORDER BY 1
            LIMIT $2
          ) AS s
          UNION ALL
          SELECT 4, s.id
          FROM (
            SELECT target_event_id AS id
            FROM nostr_reactions
            WHERE target_event_id > $1 AND target_event_id IS NOT NULL AND value_type IN ('emoji', 'custom')
            ORDER BY 1
            LIMIT $2
          ) AS s
          UNION ALL
          SELECT 5, s.id
          FROM (
            SELECT target_event_id AS id
            FROM nostr_zaps
            WHERE target_event_id > $1 AND target_event_id IS NOT NULL
            ORDER BY 1
            LIMIT $2
          ) AS s
          UNION ALL
          SELECT 5 + k.number, s.id
          FROM unnest($3::integer[]) WITH ORDINALITY AS k (kind, number)
          CROSS JOIN LATERAL (
            SELECT parent_id AS id
            FROM nostr_events
            WHERE kind = k.kind AND parent_id > $1 AND parent_id IS NOT NULL
            ORDER BY 1
            LIMIT $2
          ) AS s
        ), ends AS (
          SELECT (array_agg(id ORDER BY id DESC))[1] AS id FROM found GROUP BY source HAVING count(*) = $2
        )
        SELECT DISTINCT id
        FROM found
        WHERE NOT EXISTS (SELECT FROM ends WHERE ends.id < found.id)
        ORDER BY id
        """

    private static let countReactions = """
        INSERT INTO nostr_reaction_counts (target_event_id, emoji_key, authors)
        SELECT r.target_event_id, r.emoji_key, count(DISTINCT r.pubkey)
        FROM nostr_reactions AS r
        WHERE r.target_event_id = ANY ($1) AND r.value_type IN ('emoji', 'custom')
        GROUP BY 1, 2
        """

    private static let countStats = """
        WITH RECURSIVE target AS (
          SELECT event_id FROM unnest($1::bytea[]) AS t (event_id)
        ), down AS (
          SELECT t.event_id AS target, e.event_id, e.is_ai, e.created_at, 1 AS depth
          FROM target AS t
          CROSS JOIN LATERAL (
            SELECT c.event_id, c.is_ai, c.created_at
            FROM nostr_events AS c
            WHERE c.kind = ANY ($2) AND c.parent_id = t.event_id
            OFFSET 0
          ) AS e
          UNION ALL
          SELECT d.target, e.event_id, d.is_ai AND e.is_ai, e.created_at, d.depth + 1
          FROM down AS d
          CROSS JOIN LATERAL (
            SELECT c.event_id, c.is_ai, c.created_at
            FROM nostr_events AS c
            WHERE c.kind = ANY ($2) AND c.parent_id = d.event_id
            OFFSET 0
          ) AS e
          WHERE d.depth < $3
        ), thread AS (
          SELECT target, count(*) FILTER (WHERE depth = 1) AS replies,
            count(*) FILTER (WHERE depth = 1 AND is_ai) AS replies_ai, count(*) AS descendants,
            count(*) FILTER (WHERE is_ai) AS descendants_ai, max(created_at) FILTER (WHERE depth = 1) AS last_reply_at
          FROM down
          GROUP BY 1
        )
        INSERT INTO nostr_event_stats AS s (event_id, reply_count, reply_count_ai, descendant_count,
          descendant_count_ai, up, down, reaction_count, reactions, zap_count, zap_msats, zap_msats_verified,
          last_reply_at)
        SELECT t.event_id, coalesce(d.replies, 0), coalesce(d.replies_ai, 0), coalesce(d.descendants, 0),
          coalesce(d.descendants_ai, 0), v.up, v.down, r.reactions, r.largest, z.zaps, z.msats, z.msats_verified,
          d.last_reply_at
        FROM target AS t
        LEFT JOIN thread AS d ON d.target = t.event_id
        CROSS JOIN LATERAL (
          SELECT count(*) FILTER (WHERE w.value_type = 'like') AS up,
            count(*) FILTER (WHERE w.value_type = 'dislike') AS down
          FROM (
            SELECT DISTINCT ON (o.pubkey) o.value_type
            FROM nostr_reactions AS o
            WHERE o.target_event_id = t.event_id
              AND o.target_event_id IS NOT NULL
              AND o.value_type IN ('like', 'dislike')
            ORDER BY o.pubkey, o.created_at DESC, o.event_id
          ) AS w
        ) AS v
        CROSS JOIN LATERAL (
          SELECT coalesce(sum(c.authors), 0) AS reactions,
            coalesce(jsonb_object_agg(c.emoji_key, c.authors) FILTER (WHERE c.place <= 50), '{}') AS largest
          FROM (
            SELECT o.emoji_key, o.authors, row_number() OVER (ORDER BY o.authors DESC, o.emoji_key) AS place
            FROM nostr_reaction_counts AS o
            WHERE o.target_event_id = t.event_id
          ) AS c
        ) AS r
        CROSS JOIN LATERAL (
          SELECT count(*) AS zaps, coalesce(sum(o.msats), 0) AS msats,
            coalesce(sum(o.msats) FILTER (WHERE o.level = 3), 0) AS msats_verified
          FROM nostr_zaps AS o
          WHERE o.target_event_id = t.event_id AND o.target_event_id IS NOT NULL AND o.is_counted
        ) AS z
        ON CONFLICT (event_id) DO UPDATE
        SET reply_count = excluded.reply_count, reply_count_ai = excluded.reply_count_ai,
          descendant_count = excluded.descendant_count, descendant_count_ai = excluded.descendant_count_ai,
          up = excluded.up, down = excluded.down, reaction_count = excluded.reaction_count,
          reactions = excluded.reactions, zap_count = excluded.zap_count, zap_msats = excluded.zap_msats,
          zap_msats_verified = excluded.zap_msats_verified, last_reply_at = excluded.last_reply_at, updated_at = now()
        WHERE (s.reply_count, s.reply_count_ai, s.descendant_count, s.descendant_count_ai, s.up, s.down,
            s.reaction_count, s.reactions, s.zap_count, s.zap_msats, s.zap_msats_verified, s.last_reply_at)
          IS DISTINCT FROM (excluded.reply_count, excluded.reply_count_ai, excluded.descendant_count,
            excluded.descendant_count_ai, excluded.up, excluded.down, excluded.reaction_count, excluded.reactions,
            excluded.zap_count, excluded.zap_msats, excluded.zap_msats_verified, excluded.last_reply_at)
        """

    private static let removeEmpty = """
        DELETE FROM nostr_event_stats
        WHERE event_id = ANY ($1) AND \(CacheStatements.countsNothing)
        """

    // MARK: - Communities

    static let countSubclaws = Count(
        start: .text(""),
        page: { (after, limit) in PostgresStatement(RebuildStatements.subclaws, [after, .int8(Int64(limit))]) },
        read: { rows in
            var array = PostgresArray(of: .text)
            for row in rows { array.append(text: row[0].text ?? "") }
            return Count.Keys(array: array, last: rows.last.map { .text($0[0].text ?? "") })
        },
        recount: { keys in
            [
                PostgresStatement("DELETE FROM nostr_subclaws WHERE subclaw = ANY ($1)", [keys]),
                PostgresStatement(RebuildStatements.countPosts, [keys]),
            ]
        })

    private static let subclaws = """
        WITH found AS (
          SELECT 1 AS source, s.subclaw
          FROM (SELECT subclaw FROM nostr_subclaws WHERE subclaw > $1 ORDER BY 1 LIMIT $2) AS s
          UNION ALL
          SELECT 2, s.subclaw
          FROM (
            SELECT subclaw
            FROM nostr_events
            WHERE kind = 1111 AND is_top_level AND subclaw IS NOT NULL AND subclaw > $1
            ORDER BY 1
            LIMIT $2
          ) AS s
        ), ends AS (
          SELECT max(subclaw) AS subclaw FROM found GROUP BY source HAVING count(*) = $2
        )
        SELECT DISTINCT subclaw
        FROM found
        WHERE NOT EXISTS (SELECT FROM ends WHERE ends.subclaw < found.subclaw)
        ORDER BY subclaw
        """

    private static let countPosts = """
        INSERT INTO nostr_subclaws (subclaw, posts_ai, posts_human, first_post_at, last_post_at, last_post_id)
        SELECT e.subclaw, count(*) FILTER (WHERE e.is_ai), count(*) FILTER (WHERE NOT e.is_ai), min(e.created_at),
          max(e.created_at), (array_agg(e.event_id ORDER BY e.created_at DESC, e.event_id))[1]
        FROM nostr_events AS e
        WHERE e.kind = 1111 AND e.is_top_level AND e.subclaw = ANY ($1)
        GROUP BY 1
        """
}
