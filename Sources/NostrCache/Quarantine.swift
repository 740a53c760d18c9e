package import Nostr
package import Postgres

/// The operator's and the daemon's look into `nostr_quarantine`. Entries come only through ``CacheWriter``.
package struct Quarantine: Sendable {
    private let connection: PostgresConnection

    package init(connection: PostgresConnection) {
        self.connection = connection
    }

    /// Which entries are meant.
    package enum Selection: Hashable, Sendable {
        case all
        case ids([Int64])
        case reason(String)
        /// Those whose `retry_at` has come.
        case due

        fileprivate var condition: (sql: String, parameters: [PostgresValue]) {
            switch self {
            case .all: ("true", [])
            case .ids(let ids): ("quarantine_id = ANY ($2)", [.int8Array(ids)])
            case .reason(let reason): ("reason = $2", [.text(reason)])
            case .due: ("retry_at <= now()", [])
            }
        }
    }

    /// An entry without its bytes. Times are microseconds since 1970.
    package struct Entry: Hashable, Sendable {
        package let id: Int64
        package let event: EventID
        /// As stored: another version of the program may know other reasons.
        package let reason: String
        package let sqlState: String?
        package let relay: String?
        package let byteCount: Int
        package let isTruncated: Bool
        package let seenAt: Int64
        package let retryAt: Int64?
        package let attempts: Int
    }

    /// Entries behind `last`, oldest first.
    package func entries(_ selection: Selection, after last: Int64 = 0, limit: Int) async throws -> [Entry] {
        let (condition, parameters) = selection.condition
        return try await self.connection.run { session in
            try session.execute(
                """
                SELECT q.quarantine_id, q.event_id, q.reason, q.sql_state, r.url, octet_length(q.raw), q.is_truncated,
                  q.seen_at, q.retry_at, q.attempts
                FROM (
                  SELECT * FROM nostr_quarantine
                  WHERE quarantine_id > $1 AND \(condition)
                  ORDER BY quarantine_id
                  LIMIT \(limit)
                ) AS q
                LEFT JOIN nostr_relays AS r ON r.relay_id = q.relay_id
                ORDER BY q.quarantine_id
                """, [.int8(last)] + parameters
            ).map { row in
                guard let event = row[1].eventID else { preconditionFailure("An id has 32 bytes") }
                return Entry(
                    id: row[0].int8 ?? 0, event: event, reason: row[2].text ?? "", sqlState: row[3].text,
                    relay: row[4].text, byteCount: Int(row[5].int4 ?? 0), isTruncated: row[6].bool ?? false,
                    seenAt: row[7].timestamptz ?? 0, retryAt: row[8].timestamptz, attempts: Int(row[9].int4 ?? 0))
            }
        }
    }

    /// An entry that is whole, for another attempt.
    package struct Candidate: Sendable {
        package let id: Int64
        package let raw: [UInt8]
        package let relay: RelayID?
        /// Microseconds since 1970.
        package let seenAt: Int64
    }

    /// Whole entries behind `last`, oldest first.
    package func candidates(_ selection: Selection, after last: Int64, limit: Int) async throws -> [Candidate] {
        let (condition, parameters) = selection.condition
        return try await self.connection.run { session in
            try session.execute(
                """
                SELECT quarantine_id, raw, relay_id, seen_at
                FROM nostr_quarantine
                WHERE quarantine_id > $1 AND NOT is_truncated AND \(condition)
                ORDER BY quarantine_id
                LIMIT \(limit)
                """, [.int8(last)] + parameters
            ).map { row in
                Candidate(
                    id: row[0].int8 ?? 0, raw: row[1].bytes ?? [], relay: row[2].int4.map { RelayID($0) },
                    seenAt: row[3].timestamptz ?? 0)
            }
        }
    }

    /// Removes entries; returns how many there were.
    package func drop(_ selection: Selection) async throws -> Int {
        let (condition, parameters) = selection.condition
        return try await self.connection.run { session in
            // The first parameter is the place to go on from, which a removal does not need.
            try session.execute(
                "DELETE FROM nostr_quarantine WHERE quarantine_id > $1 AND \(condition)", [.int8(0)] + parameters
            ).affectedRows
        }
    }

    /// Counts an attempt that came to nothing. Time alone no longer cures what failed for another reason than the time.
    package func countFailure(of ids: [Int64], keepsRetry: Bool) async throws {
        try await self.connection.run { session in
            _ = try session.execute(
                """
                UPDATE nostr_quarantine
                SET attempts = attempts + 1, retry_at = CASE WHEN $2 THEN retry_at END
                WHERE quarantine_id = ANY ($1)
                """, [.int8Array(ids), .bool(keepsRetry)])
        }
    }

    package func count() async throws -> Int {
        try await self.connection.run { session in
            try session.execute("SELECT count(*) FROM nostr_quarantine").first?[0].int8.map { Int($0) } ?? 0
        }
    }
}
