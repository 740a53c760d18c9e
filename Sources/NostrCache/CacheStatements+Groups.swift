import Nostr
import Postgres

/// The SQL of what competes: of an author's votes on a target one counts, of equal reactions of an author one, of the
/// receipts of a payment one. Each group is looked up through an index that begins with its winner.
extension CacheStatements {
    /// Whether the vote that counts is a like; no row for a group without votes.
    static func votes(_ groups: [ReactionGroups.Vote]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT g.number, v.is_like
            FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS g (target, pubkey, number)
            CROSS JOIN LATERAL (
              SELECT r.value_type = 'like' AS is_like
              FROM nostr_reactions AS r
              WHERE r.target_event_id = g.target
                AND r.pubkey = g.pubkey
                AND r.target_event_id IS NOT NULL
                AND r.value_type IN ('like', 'dislike')
              ORDER BY r.created_at DESC, r.event_id
              LIMIT 1
            ) AS v
            """, [.ids(groups.map(\.target.id)), .keys(groups.map(\.pubkey))])
    }

    /// The groups that have a reaction at all.
    static func emoji(_ groups: [ReactionGroups.Emoji]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT g.number
            FROM unnest($1::bytea[], $2::text[], $3::bytea[]) WITH ORDINALITY AS g (target, emoji_key, pubkey, number)
            WHERE EXISTS (
              SELECT
              FROM nostr_reactions AS r
              WHERE r.target_event_id = g.target
                AND r.emoji_key = g.emoji_key
                AND r.pubkey = g.pubkey
                AND r.target_event_id IS NOT NULL
                AND r.value_type IN ('emoji', 'custom')
            )
            """,
            [
                .ids(groups.map(\.target.id)), .textBytesArray(groups.map(\.key)), .keys(groups.map(\.pubkey)),
            ])
    }

    /// Of removed events: what their reactions belonged to.
    static func reactionGroups(of ids: [EventID]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT target_event_id, pubkey, CASE WHEN value_type IN ('emoji', 'custom') THEN emoji_key END
            FROM nostr_reactions
            WHERE event_id = ANY ($1) AND target_event_id IS NOT NULL AND value_type <> 'other'
            """, [.ids(ids)])
    }

    /// Counts each emoji of a target, and lists the 50 largest of every target that changed.
    static func reactionCounts(_ changes: StatsChanges) -> [PostgresStatement] {
        let changes = changes.reactionCounts.filter { $0.value != 0 }
            .sorted { $0.key < $1.key }
        guard !changes.isEmpty else { return [] }
        let parameters: [PostgresValue] = [
            .ids(changes.map(\.key.target.id)), .textBytesArray(changes.map(\.key.emoji)),
            .int4Array(changes.map { Int32(clamping: $0.value) }),
        ]
        let targets = PostgresValue.ids(Set(changes.lazy.map(\.key.target)).sorted().map(\.id))
        return [
            // Made with nothing, so that a loss has a row to be taken from.
            PostgresStatement(
                """
                INSERT INTO nostr_reaction_counts (target_event_id, emoji_key, authors)
                SELECT c.target, c.emoji_key, 0
                FROM unnest($1::bytea[], $2::text[], $3::integer[]) AS c (target, emoji_key, authors)
                ON CONFLICT (target_event_id, emoji_key) DO NOTHING
                """, parameters),
            PostgresStatement(
                """
                UPDATE nostr_reaction_counts AS r
                SET authors = greatest(r.authors + c.authors, 0)
                FROM unnest($1::bytea[], $2::text[], $3::integer[]) AS c (target, emoji_key, authors)
                WHERE r.target_event_id = c.target AND r.emoji_key = c.emoji_key
                """, parameters),
            PostgresStatement(
                "DELETE FROM nostr_reaction_counts WHERE target_event_id = ANY ($1) AND authors = 0", [targets]),
            PostgresStatement(
                """
                UPDATE nostr_event_stats AS s
                SET reactions = (
                  SELECT coalesce(jsonb_object_agg(l.emoji_key, l.authors), '{}')
                  FROM (
                    SELECT r.emoji_key, r.authors
                    FROM nostr_reaction_counts AS r
                    WHERE r.target_event_id = s.event_id
                    ORDER BY r.authors DESC, r.emoji_key
                    LIMIT 50
                  ) AS l
                )
                WHERE s.event_id = ANY ($1)
                """, [targets]),
        ]
    }
}
