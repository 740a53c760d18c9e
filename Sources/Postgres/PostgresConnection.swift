package import Logging

/// One libpq connection on one thread.
///
/// ``run(_:)`` hops to that thread once and runs its whole body there: a transaction of many statements is one hop, and
/// no thread of the cooperative pool ever waits for the server. A broken connection stays broken; the owner opens
/// another.
package actor PostgresConnection {
    private let executor = BlockingExecutor(label: "postgres.connection")
    private let configuration: PostgresConfiguration
    private let logger: Logger
    /// Nil before ``open(_:logger:)`` and after ``close()``.
    private var session: PostgresSession?

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.executor.asUnownedSerialExecutor()
    }

    private init(configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Connects, on the connection's own thread.
    ///
    /// - Throws: ``PostgresError/connectionFailed(message:)``, or ``PostgresError/server(_:)`` when the server answered
    /// and
    ///   refused; its category says whether waiting can help.
    package static func open(
        _ configuration: PostgresConfiguration, logger: Logger
    ) async throws(PostgresError) -> PostgresConnection {
        let connection = PostgresConnection(configuration: configuration, logger: logger)
        try await connection.connect()
        return connection
    }

    /// Whether a statement has a chance. False after a deadline, a broken connection and ``close()``.
    package var isUsable: Bool {
        self.session?.isUsable ?? false
    }

    /// Runs the body, start to end, on the connection's thread; nobody else uses the connection meanwhile.
    ///
    /// Cancelling the task does not stop a running statement; its deadline does.
    package func run<Result: Sendable>(_ body: @Sendable (PostgresSession) throws -> Result) async throws -> Result {
        guard let session = self.session else { throw PostgresError.notConnected }
        return try body(session)
    }

    /// Hangs up. Further calls throw ``PostgresError/notConnected``.
    package func close() async {
        self.session = nil
    }

    private func connect() throws(PostgresError) {
        self.session = try PostgresSession(self.configuration, logger: self.logger)
    }
}
