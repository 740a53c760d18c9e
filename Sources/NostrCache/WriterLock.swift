package import Logging
package import Postgres

/// Says who writes the cache of a schema: one daemon, for as long as the session that took it lives.
///
/// It lives on a connection of its own: whoever holds the writer's lock must notice when it is gone, and a dead
/// holder's session ends by itself. A second daemon waits for it as a warm standby.
package struct WriterLock: Sendable {
    /// What of a cache is done by one process alone.
    package enum Purpose: String, Sendable {
        case writing = "writer"
        /// Asking web servers.
        case lookups = "look-ups"
    }

    private let connection: PostgresConnection
    private let lock: AdvisoryLock

    /// - Parameter connection: direct, not behind a pooler in transaction mode; its `search_path` names the schema.
    package init(connection: PostgresConnection, for purpose: Purpose = .writing) async throws {
        let schema = try await connection.run { session in
            try session.execute("SELECT current_schema()::text").first?[0].text ?? ""
        }
        self.connection = connection
        self.lock = AdvisoryLock(named: "nostr-ingest \(purpose.rawValue) of schema \(schema)")
    }

    /// Takes the lock if it is free.
    package func tryAcquire() async throws -> Bool {
        try await self.connection.run { try self.lock.isHeld(by: $0) ? true : try self.lock.tryAcquire(on: $0) }
    }

    /// Takes the lock, asking again and again.
    ///
    /// - Throws: ``AdvisoryLockError``, ``PostgresError``, and what `sleep` throws.
    package func acquire(
        every interval: Duration = .seconds(1), for limit: Duration, logger: Logger,
        sleep: (Duration) async throws -> Void
    ) async throws {
        try await self.lock.acquire(on: self.connection, every: interval, for: limit, logger: logger, sleep: sleep)
    }

    /// Whether this session holds the lock; throws when the session is gone, and the lock with it.
    package func isHeld() async throws -> Bool {
        try await self.connection.run { try self.lock.isHeld(by: $0) }
    }

    /// Who holds it.
    package func holders() async throws -> [AdvisoryLock.Holder] {
        try await self.connection.run { try self.lock.holders(on: $0) }
    }

    package func release() async throws {
        _ = try await self.connection.run { try self.lock.release(on: $0) }
    }
}
