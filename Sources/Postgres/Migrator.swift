package import Logging

/// Applies one line of migrations: forward only, one transaction per file, under a lock that is polled.
package struct Migrator: Sendable {
    /// Shared by all lines: they share the ledger.
    package static let lock = AdvisoryLock(named: "schema_migrations")

    package struct Limits: Sendable {
        /// A short wait for a lock, repeated, is safer than a long one: whoever comes after waits behind it.
        package var lockTimeout: Duration = .seconds(2)
        /// One file; a rewrite of a large table takes long.
        package var statementTimeout: Duration = .seconds(3600)
        /// Attempts at one file whose tables are locked.
        package var attempts = 30
        /// Between two of them.
        package var retryInterval: Duration = .seconds(2)
        /// For another migrator to end.
        package var waitForOthers: Duration = .seconds(300)
        /// Between two attempts at the migrators' lock.
        package var pollInterval: Duration = .seconds(1)

        package init() {}
    }

    let line: String
    let migrations: [Migration]
    let toolVersion: String
    private let limits: Limits
    private let logger: Logger
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - line: `nostr` or `control`.
    ///   - migrations: all of them, in order.
    ///   - toolVersion: for the ledger.
    ///   - sleep: waits between attempts.
    package init(
        line: String, migrations: [Migration], toolVersion: String, limits: Limits = Limits(), logger: Logger,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.line = line
        self.migrations = migrations
        self.toolVersion = toolVersion
        self.limits = limits
        self.logger = logger
        self.sleep = sleep
    }

    /// What ``up(on:to:)`` would do. Changes nothing, not even the ledger; its ``MigrationPlan/sql`` is the dry run.
    ///
    /// - Throws: ``MigrationError`` when the database does not fit this program.
    package func plan(on connection: PostgresConnection, to target: Int32? = nil) async throws -> MigrationPlan {
        try await connection.run { session in
            let ledger = try self.readLedger(session)
            let extensions = try self.readExtensions(session)
            return try MigrationPlan(
                line: self.line, list: self.migrations, ledger: ledger, extensions: extensions, to: target)
        }
    }

    /// The line's rows of the ledger, oldest first; none where there is no ledger. Judges nothing.
    package func status(on connection: PostgresConnection) async throws -> [AppliedMigration] {
        try await connection.run { try self.readLedger($0) }
    }

    /// Applies what is pending; what waits for an extension is no error.
    ///
    /// - Parameter connection: direct, not through a pooler, and of nobody else meanwhile.
    /// - Returns: what was applied.
    /// - Throws: ``MigrationError``, ``PostgresError``. Versions before the failed one stay applied.
    package func up(on connection: PostgresConnection, to target: Int32? = nil) async throws -> [Migration] {
        try await self.withLock(on: connection) {
            try await self.applyPending(on: connection, to: target)
        }
    }

    /// Runs the body while no other migrator is at work.
    func withLock<Outcome>(
        on connection: PostgresConnection, _ body: () async throws -> Outcome
    ) async throws -> Outcome {
        do {
            try await Self.lock.acquire(
                on: connection, every: self.limits.pollInterval, for: self.limits.waitForOthers, logger: self.logger,
                sleep: self.sleep)
        } catch AdvisoryLockError.held(_, let holders) {
            throw MigrationError.lockHeld(by: holders)
        }
        let outcome: Result<Outcome, any Error>
        do {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
        // A broken connection has given the lock back already.
        if await connection.isUsable { try await connection.run { _ = try Self.lock.release(on: $0) } }
        return try outcome.get()
    }

    private func applyPending(on connection: PostgresConnection, to target: Int32?) async throws -> [Migration] {
        try await connection.run { try self.makeLedger($0) }
        // Read under the lock: what another migrator has just done is not pending.
        let plan = try await self.plan(on: connection, to: target)
        for migration in plan.pending {
            try await self.apply(migration, on: connection)
        }
        return plan.pending
    }

    private func apply(_ migration: Migration, on connection: PostgresConnection) async throws {
        for attempt in 1... {
            do {
                try await connection.run { session in
                    if migration.isTransactional {
                        try self.applyInTransaction(migration, session)
                    } else {
                        try self.applyWithoutTransaction(migration, session)
                    }
                }
                self.logger.info("Applied a migration", metadata: self.metadata(migration))
                return
            } catch let error as PostgresError where error.sqlState == "55P03" {
                guard attempt < self.limits.attempts else {
                    throw MigrationError.tablesLocked(line: self.line, version: migration.version, attempts: attempt)
                }
                self.logger.info("A migration waits for a lock", metadata: self.metadata(migration))
                try await self.sleep(self.limits.retryInterval)
            } catch let error as PostgresError {
                throw MigrationError.failed(
                    line: self.line, version: migration.version, name: migration.name, error)
            }
        }
    }

    private func metadata(_ migration: Migration) -> Logger.Metadata {
        ["migration.line": "\(self.line)", "migration.name": "\(migration.name)"]
    }

    /// File and ledger row, or neither.
    private func applyInTransaction(_ migration: Migration, _ session: PostgresSession) throws {
        let start = ContinuousClock.now
        try session.transaction {
            let timeout = self.milliseconds(self.limits.statementTimeout)
            try session.executeScript(
                """
                SET LOCAL lock_timeout = \(self.milliseconds(self.limits.lockTimeout));
                SET LOCAL statement_timeout = \(timeout);
                SET LOCAL idle_in_transaction_session_timeout = \(timeout);
                """)
            try self.withExtension(of: migration, session, isLocal: true) {
                try session.executeScript(migration.sql, deadline: self.deadline)
            }
            guard session.isInTransaction else {
                throw MigrationError.transactionEnded(line: self.line, version: migration.version, name: migration.name)
            }
            try self.record(migration, since: start, session)
        }
    }

    /// First removes what an earlier attempt may have left: it can have died at any point.
    ///
    /// Concurrent builds block nobody, so they may wait for their locks as long as they may run.
    private func applyWithoutTransaction(_ migration: Migration, _ session: PostgresSession) throws {
        let start = ContinuousClock.now
        let query = String(decoding: PackageResources.leftover_indexes_sql, as: UTF8.self)
        try session.executeScript("SET statement_timeout = \(self.milliseconds(self.limits.statementTimeout))")
        defer { try? session.executeScript("RESET statement_timeout") }
        for row in try session.execute(query, [.text(migration.sql)]) {
            try session.executeScript(row[0].text ?? "", deadline: self.deadline)
        }
        try self.withExtension(of: migration, session, isLocal: false) {
            try session.executeScript(migration.sql, deadline: self.deadline)
        }
        try self.record(migration, since: start, session)
    }

    /// The client's deadline strikes only when the server's own timeout did not.
    var deadline: Duration { self.limits.statementTimeout + .seconds(30) }

    func milliseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    }
}
