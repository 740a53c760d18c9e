import Nostr
import Postgres

/// The SQL of threads: what stands above and below a set of stored replies.
extension CacheStatements {
    /// The stored replies from the given ids upwards, each with its parent. Every id is at a distance of at least 1.
    static func above(_ parents: [NamedID], kinds: [Kind]) -> PostgresStatement {
        PostgresStatement(
            """
            WITH RECURSIVE up AS (
              SELECT e.event_id, e.parent_id, e.is_ai, 1 AS distance
              FROM unnest($1::bytea[]) AS p (event_id)
              JOIN nostr_events AS e ON e.event_id = p.event_id
              WHERE e.kind = ANY ($2)
              UNION
              SELECT e.event_id, e.parent_id, e.is_ai, u.distance + 1
              FROM up AS u
              JOIN nostr_events AS e ON e.event_id = u.parent_id
              WHERE u.distance < $3 AND e.kind = ANY ($2)
            )
            SELECT DISTINCT event_id, parent_id, is_ai FROM up
            """,
            [
                .ids(parents.map(\.id)), .int4Array(kinds.map { Int32($0.rawValue) }),
                .int4(Int32(ThreadDifference.levelsMax - 1)),
            ])
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
    /// The two statements whose answers ``read(above:below:)`` takes.
    func statements(kinds: [Kind]) -> [PostgresStatement] {
        // A climb ends at the next reply of the set.
        let parents = Set(self.replies.lazy.map(\.parent).filter { !self.set.contains($0.id) }).sorted()
        return [CacheStatements.above(parents, kinds: kinds), CacheStatements.below(self.replies, kinds: kinds)]
    }

    mutating func read(above: PostgresResult, below: PostgresResult) {
        for row in above {
            guard let id = row[0].eventID else { continue }
            self.above[NamedID(id)] = Link(parent: row[1].eventID.map(NamedID.init), isAI: row[2].bool ?? false)
        }
        for row in below {
            guard let number = row[0].int8, let depth = row[1].int4 else { continue }
            self.below[NamedID(self.replies[Int(number) - 1].id), default: Depths()]
                .set(all: Int(row[2].int8 ?? 0), ai: Int(row[3].int8 ?? 0), at: Int(depth))
        }
    }
}
