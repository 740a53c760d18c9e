import Nostr
import Postgres

/// The SQL of counters: each row is changed once, by the differences of the whole transaction.
extension CacheStatements {
    private static let differences = """
        unnest($1::bytea[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[],
          $8::integer[], $9::bigint[])
          AS c (event_id, replies, replies_ai, descendants, descendants_ai, up, down, reactions, last_reply_at)
        """

    /// Gains find or make their row.
    private static let gain = """
        INSERT INTO nostr_event_stats AS s (event_id, reply_count, reply_count_ai, descendant_count,
          descendant_count_ai, up, down, reaction_count, last_reply_at)
        SELECT *
        FROM \(differences)
        ON CONFLICT (event_id) DO UPDATE
        SET reply_count = s.reply_count + excluded.reply_count,
          reply_count_ai = s.reply_count_ai + excluded.reply_count_ai,
          descendant_count = s.descendant_count + excluded.descendant_count,
          descendant_count_ai = s.descendant_count_ai + excluded.descendant_count_ai,
          up = s.up + excluded.up, down = s.down + excluded.down,
          reaction_count = s.reaction_count + excluded.reaction_count,
          last_reply_at = greatest(s.last_reply_at, excluded.last_reply_at), updated_at = now()
        """

    /// A loss has a row to take it from; an INSERT could not even propose it, for no counter is negative. Where a counter
    /// was wrong before, it stops at zero: what is counted must never keep an event from being removed.
    private static let lose = """
        UPDATE nostr_event_stats AS s
        SET reply_count = greatest(s.reply_count + c.replies, 0),
          reply_count_ai = greatest(s.reply_count_ai + c.replies_ai, 0),
          descendant_count = greatest(s.descendant_count + c.descendants, 0),
          descendant_count_ai = greatest(s.descendant_count_ai + c.descendants_ai, 0),
          up = greatest(s.up + c.up, 0), down = greatest(s.down + c.down, 0),
          reaction_count = greatest(s.reaction_count + c.reactions, 0),
          last_reply_at = greatest(s.last_reply_at, c.last_reply_at), updated_at = now()
        FROM \(differences)
        WHERE s.event_id = c.event_id
        """

    /// Applies everything, and leaves no row that counts nothing.
    static func counters(_ changes: StatsChanges) -> [PostgresStatement] {
        let sorted = changes.events.sorted { $0.key < $1.key }
        let counts = sorted.filter { !$0.value.count.isNothing }.map { (id: $0.key.id, count: $0.value.count) }
        let gains = counts.filter { !$0.count.isNegative }
        let losses = counts.filter { $0.count.isNegative }
        let zaps = sorted.filter { $0.value.zaps != StatsChanges.Zaps() }.map { (id: $0.key.id, zaps: $0.value.zaps) }
        var statements: [PostgresStatement] = []
        if !gains.isEmpty { statements.append(PostgresStatement(self.gain, self.parameters(gains))) }
        if !losses.isEmpty { statements.append(PostgresStatement(self.lose, self.parameters(losses))) }
        if !zaps.isEmpty { statements += self.zaps(zaps) }
        if !changes.shrunkenParents.isEmpty { statements.append(self.lastReplies(of: changes)) }
        statements += self.reactionCounts(changes)
        let shrunken = losses.map(\.id) + zaps.filter { $0.zaps.count < 0 }.map(\.id)
        if !shrunken.isEmpty { statements.append(self.removeEmptyStats(shrunken)) }
        return statements + self.subclaws(changes)
    }

    private static func parameters(_ counts: [(id: EventID, count: StatsChanges.Counts)]) -> [PostgresValue] {
        var columns = [PostgresArray](repeating: PostgresArray(of: .int4), count: 7)
        for (_, count) in counts {
            columns[0].append(Int32(clamping: count.replies))
            columns[1].append(Int32(clamping: count.repliesAI))
            columns[2].append(Int32(clamping: count.descendants))
            columns[3].append(Int32(clamping: count.descendantsAI))
            columns[4].append(Int32(clamping: count.up))
            columns[5].append(Int32(clamping: count.down))
            columns[6].append(Int32(clamping: count.reactions))
        }
        return [.ids(counts.lazy.map(\.id))] + columns.map(PostgresValue.array)
            + [.int8Array(counts.map { $0.count.lastReplyAt?.seconds })]
    }

    /// Sums of millisatoshi exceed 64 bits, so they travel as text.
    private static func zaps(_ zaps: [(id: EventID, zaps: StatsChanges.Zaps)]) -> [PostgresStatement] {
        [
            // Made with nothing, so that a loss has a row to be taken from.
            PostgresStatement(
                """
                INSERT INTO nostr_event_stats (event_id)
                SELECT *
                FROM unnest($1::bytea[])
                ON CONFLICT (event_id) DO NOTHING
                """, [.ids(zaps.map(\.id))]),
            PostgresStatement(
                """
                UPDATE nostr_event_stats AS s
                SET zap_count = greatest(s.zap_count + c.zaps, 0),
                  zap_msats = greatest(s.zap_msats + c.msats::numeric, 0),
                  zap_msats_verified = greatest(s.zap_msats_verified + c.msats_verified::numeric, 0), updated_at = now()
                FROM unnest($1::bytea[], $2::integer[], $3::text[], $4::text[])
                  AS c (event_id, zaps, msats, msats_verified)
                WHERE s.event_id = c.event_id
                """,
                [
                    .ids(zaps.map(\.id)), .int4Array(zaps.map { Int32(clamping: $0.zaps.count) }),
                    .textArray(zaps.map { String($0.zaps.msats) }),
                    .textArray(zaps.map { String($0.zaps.msatsVerified) }),
                ]),
        ]
    }

    private static func lastReplies(of changes: StatsChanges) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE nostr_event_stats AS s
            SET last_reply_at = (
              SELECT max(e.created_at)
              FROM unnest($2::integer[]) AS k (kind)
              CROSS JOIN LATERAL (
                SELECT r.created_at
                FROM nostr_events AS r
                WHERE r.kind = k.kind AND r.parent_id = s.event_id
                ORDER BY r.created_at DESC
                LIMIT 1
              ) AS e
            )
            WHERE s.event_id = ANY ($1)
            """,
            [
                .ids(changes.shrunkenParents.sorted().map(\.id)),
                .int4Array(changes.replyKinds.map { Int32($0.rawValue) }),
            ])
    }

    private static func removeEmptyStats(_ ids: [EventID]) -> PostgresStatement {
        PostgresStatement(
            """
            DELETE FROM nostr_event_stats
            WHERE event_id = ANY ($1) AND \(self.countsNothing)
            """, [.ids(ids)])
    }

    /// Whether a row of `nostr_event_stats` is as good as none.
    static let countsNothing = """
        reply_count = 0 AND descendant_count = 0 AND up = 0 AND down = 0 AND reaction_count = 0 AND zap_count = 0
        """

    // MARK: - Communities

    private static func subclaws(_ changes: StatsChanges) -> [PostgresStatement] {
        let sorted = changes.subclaws.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        guard !sorted.isEmpty else { return [] }
        let shrunken = changes.shrunkenSubclaws.sorted()
        // Room for a loss: the row is made with nothing in it, where there is none.
        var statements = [
            PostgresStatement(
                """
                INSERT INTO nostr_subclaws (subclaw)
                SELECT *
                FROM unnest($1::text[])
                ON CONFLICT (subclaw) DO NOTHING
                """, [.textArray(sorted.map(\.key))]),
            PostgresStatement(
                """
                UPDATE nostr_subclaws AS s
                SET posts_ai = greatest(s.posts_ai + c.posts_ai, 0),
                  posts_human = greatest(s.posts_human + c.posts_human, 0),
                  first_post_at = least(s.first_post_at, c.first_post_at),
                  last_post_at = greatest(s.last_post_at, c.last_post_at),
                  last_post_id = CASE
                    WHEN c.last_post_at > s.last_post_at OR s.last_post_at IS NULL THEN c.last_post_id
                    WHEN c.last_post_at = s.last_post_at THEN least(s.last_post_id, c.last_post_id)
                    ELSE s.last_post_id
                  END,
                  updated_at = now()
                FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
                  AS c (subclaw, posts_ai, posts_human, first_post_at, last_post_at, last_post_id)
                WHERE s.subclaw = c.subclaw
                """,
                [
                    .textArray(sorted.map(\.key)), .int8Array(sorted.map { Int64($0.value.postsAI) }),
                    .int8Array(sorted.map { Int64($0.value.postsHuman) }),
                    .int8Array(sorted.map { $0.value.firstPostAt?.seconds }),
                    .int8Array(sorted.map { $0.value.lastPost?.createdAt.seconds }),
                    .byteaArray(sorted.map { $0.value.lastPost?.id.value.bytes }),
                ]),
        ]
        guard !shrunken.isEmpty else { return statements }
        statements.append(self.firstAndLastPosts(of: shrunken))
        statements.append(
            PostgresStatement(
                "DELETE FROM nostr_subclaws WHERE subclaw = ANY ($1) AND posts_ai = 0 AND posts_human = 0",
                [.textArray(shrunken)]))
        return statements
    }

    private static func firstAndLastPosts(of subclaws: [String]) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE nostr_subclaws AS s
            SET first_post_at = f.created_at, last_post_at = l.created_at, last_post_id = l.event_id
            FROM unnest($1::text[]) AS c (subclaw)
            CROSS JOIN LATERAL (
              SELECT e.created_at
              FROM nostr_events AS e
              WHERE e.kind = 1111 AND e.is_top_level AND e.subclaw IS NOT NULL AND e.subclaw = c.subclaw
              ORDER BY e.created_at
              LIMIT 1
            ) AS f
            CROSS JOIN LATERAL (
              SELECT e.created_at, e.event_id
              FROM nostr_events AS e
              WHERE e.kind = 1111 AND e.is_top_level AND e.subclaw IS NOT NULL AND e.subclaw = c.subclaw
              ORDER BY e.created_at DESC, e.event_id
              LIMIT 1
            ) AS l
            WHERE s.subclaw = c.subclaw
            """, [.textArray(subclaws)])
    }
}
