package import Nostr
package import Postgres

/// Which rows of `nostr_events` are wanted.
package struct EventSelection: Equatable, Sendable {
    /// Empty: all.
    package var kinds: Set<Kind> = []
    /// Empty: all.
    package var authors: Set<PublicKey> = []
    /// Of `created_at`, half-open; nil: no bound.
    package var since: Timestamp?
    package var until: Timestamp?
    /// Rows whose expiration (NIP-40) has passed and which no sweep has met yet.
    package var includesExpired = false

    package init() {}

    /// Only the conditions that apply: `$1 OR …` would keep the planner from the index.
    fileprivate var statement: PostgresStatement {
        var conditions: [String] = []
        var parameters: [PostgresValue] = []
        func require(_ condition: String, _ value: PostgresValue) {
            parameters.append(value)
            conditions.append("\(condition) $\(parameters.count)")
        }
        func requireAny(_ column: String, _ values: PostgresValue) {
            parameters.append(values)
            conditions.append("\(column) = ANY ($\(parameters.count))")
        }
        if !self.kinds.isEmpty {
            requireAny("kind", .int4Array(self.kinds.sorted().map { Int32($0.rawValue) }))
        }
        if !self.authors.isEmpty { requireAny("pubkey", .keys(self.authors)) }
        if let since { require("created_at >=", .int8(since.seconds)) }
        if let until { require("created_at <", .int8(until.seconds)) }
        if !self.includesExpired {
            conditions.append("(expires_at IS NULL OR expires_at > extract(epoch FROM now()))")
        }
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        return PostgresStatement(
            """
            DECLARE exported NO SCROLL CURSOR FOR
            SELECT \(StoredEvent.columns)
            FROM nostr_events
            \(condition)
            ORDER BY kind, created_at DESC, event_id
            """, parameters)
    }
}

/// Events of the cache as they were at one moment, page by page: a server-side cursor in a read-only transaction.
///
/// One snapshot, so that a version that is replaced meanwhile is not missed together with its successor. The order is
/// that of an index, kind by kind, newest first: nothing is sorted, and equal caches give equal exports. The connection
/// is used for nothing else until ``close()``.
package struct EventCursor: Sendable {
    private let connection: PostgresConnection
    private static let fetch = "FETCH FORWARD 500 FROM exported"

    package init(_ selection: EventSelection, on connection: PostgresConnection) async throws {
        self.connection = connection
        let statement = selection.statement
        try await connection.run { session in
            try session.executeScript("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _ = try session.execute(statement.sql, statement.parameters)
        }
    }

    /// The next events; none at the end.
    package func next() async throws -> [StoredEvent] {
        try await self.connection.run { session in
            try session.execute(Self.fetch).compactMap(StoredEvent.init)
        }
    }

    package func close() async throws {
        try await self.connection.run { try $0.executeScript("COMMIT") }
    }
}
