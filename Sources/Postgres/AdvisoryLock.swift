package import Logging

/// A lock that PostgreSQL keeps for us under a number: held by a session until it releases it or its connection ends.
///
/// The number is the first eight bytes, most significant first, of the SHA-256 of the name's UTF-8. In SQL:
/// `('x' || left(encode(sha256('name'), 'hex'), 16))::bit(64)::bigint`. It never changes between versions of the
/// program.
///
/// Session locks need a direct connection: behind a pooler in transaction mode they end up with strangers.
package struct AdvisoryLock: Hashable, Sendable {
    package let name: String
    package let key: Int64

    package init(named name: String) {
        self.name = name
        self.key = SHA256.hash(Array(name.utf8)).prefix(8).reduce(0 as Int64) { $0 << 8 | Int64($1) }
    }

    /// Who holds the lock.
    package struct Holder: Equatable, Sendable {
        package let pid: Int32
        package let applicationName: String
        package let user: String
        /// Nil for a local socket.
        package let address: String?
        /// When its session began, microseconds since 1970-01-01 UTC.
        package let since: Int64
    }

    /// Takes the lock if it is free. A session may take it several times and must release it as often.
    package func tryAcquire(on session: PostgresSession) throws(PostgresError) -> Bool {
        try session.execute("SELECT pg_try_advisory_lock($1)", [.int8(self.key)]).first?[0].bool ?? false
    }

    /// Gives the lock back.
    ///
    /// - Returns: false if this session did not hold it.
    @discardableResult
    package func release(on session: PostgresSession) throws(PostgresError) -> Bool {
        try session.execute("SELECT pg_advisory_unlock($1)", [.int8(self.key)]).first?[0].bool ?? false
    }

    /// Whether this very session holds the lock.
    package func isHeld(by session: PostgresSession) throws(PostgresError) -> Bool {
        try self.holders(on: session).contains { $0.pid == session.backendPID }
    }

    package func holders(on session: PostgresSession) throws(PostgresError) -> [Holder] {
        let rows = try session.execute(
            """
            SELECT l.pid, coalesce(a.application_name, ''), coalesce(a.usename::text, ''), host(a.client_addr),
                coalesce(a.backend_start, now())
            FROM pg_locks AS l
            LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
            WHERE l.locktype = 'advisory'
                AND l.granted
                AND l.objsubid = 1
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (l.classid::bigint << 32 | l.objid::bigint) = $1
            ORDER BY l.pid
            """, [.int8(self.key)])
        return rows.map { row in
            Holder(
                pid: row[0].int4 ?? 0, applicationName: row[1].text ?? "", user: row[2].text ?? "",
                address: row[3].text,
                since: row[4].timestamptz ?? 0)
        }
    }

    /// Takes the lock, asking again and again.
    ///
    /// It is never waited for inside the server: a waiting statement holds a snapshot, `CREATE INDEX CONCURRENTLY`
    /// waits for that snapshot, and the two deadlock (operations.md §12.2).
    ///
    /// - Parameters:
    ///   - interval: between two attempts.
    ///   - limit: how long to go on; counted in intervals, so that time is the caller's.
    ///   - sleep: waits; throws when cancelled.
    /// - Throws: ``AdvisoryLockError/held(name:by:)``, ``PostgresError``.
    package func acquire(
        on connection: PostgresConnection, every interval: Duration = .seconds(1), for limit: Duration = .seconds(300),
        logger: Logger, sleep: (Duration) async throws -> Void
    ) async throws {
        var waited: Duration = .zero
        while true {
            let holders = try await connection.run { session in
                try self.tryAcquire(on: session) ? nil : try self.holders(on: session)
            }
            guard let holders else { return }
            if waited == .zero {
                logger.info(
                    "Waiting for an advisory lock",
                    metadata: ["lock.name": "\(self.name)", "lock.holders": "\(holders.map(\.description))"])
            }
            guard waited < limit else { throw AdvisoryLockError.held(name: self.name, by: holders) }
            try await sleep(interval)
            waited += interval
        }
    }

    /// Takes the lock until the end of the transaction; waits inside the server, up to its `lock_timeout`.
    package var transactionStatement: PostgresStatement {
        PostgresStatement("SELECT pg_advisory_xact_lock($1)", [.int8(self.key)])
    }

    /// Takes the lock until the end of the transaction if it is free.
    package func tryAcquireInTransaction(on session: PostgresSession) throws(PostgresError) -> Bool {
        precondition(session.isInTransaction, "A lock of a transaction needs a transaction")
        return try session.execute("SELECT pg_try_advisory_xact_lock($1)", [.int8(self.key)]).first?[0].bool ?? false
    }
}

extension AdvisoryLock.Holder: CustomStringConvertible {
    package var description: String {
        "pid \(self.pid) (\(self.applicationName), user \(self.user), \(self.address ?? "local"))"
    }
}

package enum AdvisoryLockError: Error, Equatable, Sendable {
    /// Somebody else held the lock for as long as we asked. The list is empty if it was just given back.
    case held(name: String, by: [AdvisoryLock.Holder])
}

extension AdvisoryLockError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .held(let name, let holders):
            "the lock \"\(name)\" is held by \(holders.map(\.description).joined(separator: ", ")): "
                + "wait for it to end, or end it with pg_terminate_backend(pid)"
        }
    }
}
