import Nostr
import Postgres

/// The SQL of what competes: of an author's votes on a target one counts, of equal reactions of an author one, of the
/// receipts of a payment one. Each group is looked up through an index that begins with its winner.
extension CacheStatements {
    /// The best votes of each group, one more than it has changing rows.
    static func votes(_ groups: [ReactionGroups.Group<ReactionGroups.Vote>]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT g.number, v.event_id, v.is_like
            FROM unnest($1::bytea[], $2::bytea[], $3::integer[]) WITH ORDINALITY
              AS g (target, pubkey, changing, number)
            CROSS JOIN LATERAL (
              SELECT r.event_id, r.value_type = 'like' AS is_like
              FROM nostr_reactions AS r
              WHERE r.target_event_id = g.target
                AND r.pubkey = g.pubkey
                AND r.target_event_id IS NOT NULL
                AND r.value_type IN ('like', 'dislike')
              ORDER BY r.created_at DESC, r.event_id
              LIMIT g.changing + 1
            ) AS v
            """,
            [
                .ids(groups.map(\.key.target.id)), .keys(groups.map(\.key.pubkey)),
                .int4Array(groups.map { Int32($0.rows.count) }),
            ])
    }

    /// Reactions of each group, one more than it has changing rows.
    static func emoji(_ groups: [ReactionGroups.Group<ReactionGroups.Emoji>]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT g.number, v.event_id
            FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::integer[]) WITH ORDINALITY
              AS g (target, emoji_key, pubkey, changing, number)
            CROSS JOIN LATERAL (
              SELECT r.event_id
              FROM nostr_reactions AS r
              WHERE r.target_event_id = g.target
                AND r.emoji_key = g.emoji_key
                AND r.pubkey = g.pubkey
                AND r.target_event_id IS NOT NULL
                AND r.value_type IN ('emoji', 'custom')
              LIMIT g.changing + 1
            ) AS v
            """,
            [
                .ids(groups.map(\.key.target.id)), .textBytesArray(groups.map(\.key.key)),
                .keys(groups.map(\.key.pubkey)), .int4Array(groups.map { Int32($0.rows.count) }),
            ])
    }

    /// Of removed events: what their reactions belong to.
    static func reactionGroups(of ids: [EventID]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT event_id, target_event_id, pubkey, CASE WHEN value_type IN ('emoji', 'custom') THEN emoji_key END
            FROM nostr_reactions
            WHERE event_id = ANY ($1) AND target_event_id IS NOT NULL AND value_type <> 'other'
            """, [.ids(ids)])
    }

    /// Counts each emoji of a target, and lists the 50 largest of every target that changed.
    static func reactionCounts(_ changes: StatsChanges) -> [PostgresStatement] {
        let changes = changes.reactionCounts.filter { $0.value != 0 }
            .sorted { $0.key < $1.key }
        guard !changes.isEmpty else { return [] }
        let targets = PostgresValue.ids(Set(changes.lazy.map(\.key.target)).sorted().map(\.id))
        func parameters(_ changes: [(key: ReactionGroups.Count, value: Int)]) -> [PostgresValue] {
            [
                .ids(changes.map(\.key.target.id)), .textBytesArray(changes.map(\.key.emoji)),
                .int4Array(changes.map { Int32(clamping: $0.value) }),
            ]
        }
        let gains = changes.filter { $0.value > 0 }
        let losses = changes.filter { $0.value < 0 }
        var statements: [PostgresStatement] = []
        if !gains.isEmpty { statements.append(PostgresStatement(self.gainReactions, parameters(gains))) }
        if !losses.isEmpty {
            statements.append(PostgresStatement(self.loseReactions, parameters(losses)))
            statements.append(
                PostgresStatement(
                    "DELETE FROM nostr_reaction_counts WHERE target_event_id = ANY ($1) AND authors = 0", [targets]))
        }
        statements.append(PostgresStatement(self.listReactions, [targets]))
        return statements
    }

    private static let gainReactions = """
        INSERT INTO nostr_reaction_counts AS r (target_event_id, emoji_key, authors)
        SELECT *
        FROM unnest($1::bytea[], $2::text[], $3::integer[])
        ON CONFLICT (target_event_id, emoji_key) DO UPDATE
        SET authors = r.authors + excluded.authors
        """

    private static let loseReactions = """
        UPDATE nostr_reaction_counts AS r
        SET authors = greatest(r.authors + c.authors, 0)
        FROM unnest($1::bytea[], $2::text[], $3::integer[]) AS c (target, emoji_key, authors)
        WHERE r.target_event_id = c.target AND r.emoji_key = c.emoji_key
        """

    private static let listReactions = """
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
        """
}
