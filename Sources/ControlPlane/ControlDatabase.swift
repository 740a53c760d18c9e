package import Logging
package import Postgres

/// Transactions on the tables of the control plane: tried again where that is safe, never where the outcome is open.
package struct ControlDatabase: Sendable {
    /// For the connections of a service; a command that migrates has its own.
    package static let sessionSettings: [String: String] = [
        "statement_timeout": "30s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "60s",
        "default_transaction_isolation": "read committed",
    ]

    package struct Limits: Sendable {
        /// Runs of one transaction, the first included: for deadlocks, serialization failures, broken connections.
        package var attempts = 4
        /// Questions after a COMMIT whose answer was lost, while the server is still at work on it.
        package var outcomeQuestions = 50
        /// Between two of them.
        package var outcomeInterval: Duration = .milliseconds(100)

        package init() {}
    }

    private let pool: ConnectionPool
    private let limits: Limits
    private let logger: Logger
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - pool: of connections with ``sessionSettings``.
    ///   - sleep: waits between questions.
    package init(
        pool: ConnectionPool, limits: Limits = Limits(), logger: Logger,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.pool = pool
        self.limits = limits
        self.logger = logger
        self.sleep = sleep
    }

    /// Runs the body in a transaction that writes nothing and sees one moment.
    package func read<Result: Sendable>(
        _ body: @Sendable (PostgresSession) throws -> Result
    ) async throws -> Result {
        try await self.repeating {
            try await self.pool.withConnection { connection in
                try await connection.run { session in
                    .committed(
                        try session.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY") { try body(session) })
                }
            }
        }
    }

    /// Runs the body in a transaction and commits it.
    ///
    /// The body may run more than once; it has no effect but on the database.
    ///
    /// - Throws: ``ControlPlaneError`` for what the request is to blame for, ``ControlDatabaseError``,
    ///   ``PostgresError``.
    package func write<Result: Sendable>(
        _ body: @Sendable (PostgresSession) throws -> Result
    ) async throws -> Result {
        try await self.repeating {
            let ending = try await self.pool.withConnection { connection in
                try await connection.run { try Self.commit($0, body) }
            }
            guard case .unknown(let result, let transaction, let error) = ending else { return ending }
            self.logger.warning("The answer to a COMMIT was lost", metadata: ["postgres.error": "\(error)"])
            return try await self.isCommitted(transaction) ? .committed(result) : .failed(error)
        }
    }

    /// How a transaction ended.
    private enum Ending<Result: Sendable>: Sendable {
        case committed(Result)
        /// Nothing of it happened.
        case failed(PostgresError)
        /// The connection broke around COMMIT. `transaction` is its number, to be asked for.
        case unknown(Result, transaction: String, PostgresError)
    }

    private static func commit<Result>(
        _ session: PostgresSession, _ body: (PostgresSession) throws -> Result
    ) throws -> Ending<Result> {
        var pending: (result: Result, transaction: String)?
        do {
            return .committed(
                try session.transaction {
                    let result = try body(session)
                    // Nil where nothing was written: then it is all the same whether it was committed.
                    let number = try session.execute("SELECT pg_current_xact_id_if_assigned()::text").first?[0].text
                    pending = number.map { (result, $0) }
                    return result
                })
        } catch let error as PostgresError {
            guard error.category == .connection, let pending else { return .failed(error) }
            return .unknown(pending.result, transaction: pending.transaction, error)
        }
    }

    private func repeating<Result>(_ attempt: () async throws -> Ending<Result>) async throws -> Result {
        for count in 1... {
            let failure: PostgresError
            do {
                switch try await attempt() {
                case .committed(let result): return result
                case .failed(let error): failure = error
                case .unknown: preconditionFailure("An open outcome is asked for")
                }
            } catch let error as PostgresError {
                failure = error
            }
            guard count < self.limits.attempts, Self.mayPass(failure) else {
                throw ControlPlaneError(failure) ?? failure
            }
            self.logger.debug("A transaction is run again", metadata: ["postgres.error": "\(failure)"])
        }
        preconditionFailure("The last attempt returns or throws")
    }

    /// Whether another run may succeed. A server that says nothing would only cost the same time again.
    private static func mayPass(_ error: PostgresError) -> Bool {
        switch error.category {
        case .transient, .staleStatement: error.sqlState != "57014"
        case .connection: error != .deadlineExceeded
        case .resource, .readOnly, .data, .schemaOrRights, .ourBug, .authentication, .corruption: false
        }
    }

    /// Asks the server what became of a transaction (operations.md §13.5); the answer is never guessed.
    private func isCommitted(_ transaction: String) async throws -> Bool {
        for _ in 0..<self.limits.outcomeQuestions {
            let status = try await self.status(of: transaction)
            switch status {
            case .committed: return true
            case .aborted: return false
            case .open: try await self.sleep(self.limits.outcomeInterval)
            case .forgotten: throw ControlDatabaseError.outcomeUnknown
            }
        }
        throw ControlDatabaseError.outcomeUnknown
    }

    private enum Status {
        case committed
        case aborted
        /// Still at work, or nobody to ask.
        case open
        case forgotten
    }

    /// A server that cannot be asked says nothing about the transaction: the work must not be done again for that.
    private func status(of transaction: String) async throws -> Status {
        do {
            let word = try await self.pool.withConnection { connection in
                try await connection.run { session in
                    try session.execute("SELECT pg_xact_status($1::text::xid8)", [.text(transaction)]).first?[0].text
                }
            }
            switch word {
            case "committed": return .committed
            case "aborted": return .aborted
            case "in progress": return .open
            default: return .forgotten
            }
        } catch is PostgresError {
            return .open
        }
    }
}

/// Why a transaction was not run, or what became of it cannot be said. A client may try again later.
package enum ControlDatabaseError: Error, Equatable, Sendable {
    /// Too many wait for a connection.
    case overloaded
    /// The service is ending.
    case closed
    /// The connection broke around COMMIT and the server no longer knows the transaction.
    case outcomeUnknown
}

extension ControlDatabaseError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .overloaded: "too many requests wait for a database connection"
        case .closed: "the database connections are closed"
        case .outcomeUnknown: "the connection broke around COMMIT and the server does not know the transaction any more"
        }
    }
}
