import Nostr
import Postgres

/// The SQL of threads: what stands above and below a set of stored replies.
extension CacheStatements {
    /// The stored replies among these ids, each with its parent.
    static func links(_ ids: [NamedID], kinds: [Kind]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT event_id, parent_id, is_ai
            FROM nostr_events
            WHERE event_id = ANY ($1) AND kind = ANY ($2)
            """, [.ids(ids.lazy.map(\.id)), .int4Array(kinds.map { Int32($0.rawValue) })])
    }

    /// How many replies are how far below the given ones, and how many of them over AI posts alone.
    ///
    /// OFFSET 0 keeps each look for children a descent of the index: the planner, which cannot know how few there are, would
    /// rather read all replies for each level.
    static func below(_ replies: [ThreadDifference.Reply], kinds: [Kind]) -> PostgresStatement {
        PostgresStatement(
            """
            WITH RECURSIVE down AS (
              SELECT r.number, e.event_id, r.is_ai AND e.is_ai AS is_ai, 1 AS depth
              FROM unnest($1::bytea[], $2::boolean[]) WITH ORDINALITY AS r (event_id, is_ai, number)
              CROSS JOIN LATERAL (
                SELECT c.event_id, c.is_ai
                FROM nostr_events AS c
                WHERE c.kind = ANY ($3) AND c.parent_id = r.event_id
                OFFSET 0
              ) AS e
              UNION ALL
              SELECT d.number, e.event_id, d.is_ai AND e.is_ai, d.depth + 1
              FROM down AS d
              CROSS JOIN LATERAL (
                SELECT c.event_id, c.is_ai
                FROM nostr_events AS c
                WHERE c.kind = ANY ($3) AND c.parent_id = d.event_id
                OFFSET 0
              ) AS e
              WHERE d.depth < $4
            )
            SELECT number, depth, count(*), count(*) FILTER (WHERE is_ai) FROM down GROUP BY 1, 2
            """,
            [
                .ids(replies.map(\.id)), .boolArray(replies.map(\.isAI)),
                .int4Array(kinds.map { Int32($0.rawValue) }), .int4(Int32(ThreadDifference.levelsMax - 1)),
            ])
    }
}

extension ThreadDifference {
    /// The first step up, and everything below: what ``read(links:below:kinds:on:)`` takes.
    func statements(kinds: [Kind]) -> (links: PostgresStatement, below: PostgresStatement) {
        (CacheStatements.links(self.firstTargets, kinds: kinds), CacheStatements.below(self.replies, kinds: kinds))
    }

    /// A climb ends at the next reply of the set.
    private var firstTargets: [NamedID] {
        Set(self.replies.lazy.map(\.parent).filter { !self.set.contains($0.id) }).sorted()
    }

    /// Reads the answers and climbs on, level by level: threads of one batch meet, so each reply above is read once for all
    /// of them. At most ``levelsMax`` − 2 round trips, and as many as the longest thread needs.
    mutating func read(
        links: PostgresResult, below: PostgresResult, kinds: [Kind], on session: PostgresSession
    ) throws(PostgresError) {
        for row in below {
            guard let number = row[0].int8, let depth = row[1].int4 else { continue }
            self.below[NamedID(self.replies[Int(number) - 1].id), default: Depths()]
                .set(all: Int(row[2].int8 ?? 0), ai: Int(row[3].int8 ?? 0), at: Int(depth))
        }
        var asked = Set(self.firstTargets)
        var found = self.add(links)
        for _ in 2..<Self.levelsMax {
            let next = found.filter { !self.set.contains($0.id) && asked.insert($0).inserted }
            if next.isEmpty { return }
            found = self.add(try session.pipeline([CacheStatements.links(next.sorted(), kinds: kinds)])[0])
        }
    }

    /// - Returns: the parents.
    private mutating func add(_ links: PostgresResult) -> [NamedID] {
        links.compactMap { row in
            guard let id = row[0].eventID else { return nil }
            let parent = row[1].eventID.map(NamedID.init)
            self.above[NamedID(id)] = Link(parent: parent, isAI: row[2].bool ?? false)
            return parent
        }
    }
}
