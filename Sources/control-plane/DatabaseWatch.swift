import ControlPlane
import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Asks the database every few seconds whether it is there and at our version: what readiness says is remembered, never
/// asked for by a probe.
struct DatabaseWatch: Service {
    /// What was seen last.
    struct Picture: Sendable {
        var startedAt = ContinuousClock.now
        /// The loop came round, whatever the database said.
        var tick: ContinuousClock.Instant?
        var answeredAt: ContinuousClock.Instant?
        /// The newest applied migration of the line; nil before the first answer.
        var version: Int?
        var lastError: String?
        /// How often a connection was made.
        var connects = 0
        var isDraining = false
    }

    /// Shared by the watch, health, metrics and the notifier.
    final class Board: Sendable {
        private let picture = Mutex(Picture())

        var snapshot: Picture { self.picture.withLock { $0 } }
        func update(_ change: (inout Picture) -> Void) { self.picture.withLock { change(&$0) } }
    }

    static let interval: Duration = .seconds(5)
    /// A server that says nothing is down. Shorter than what liveness and systemd wait for: an outage is a state of ours,
    /// no reason to be restarted.
    private static let answerLimit: Duration = .seconds(5)

    let configuration: PostgresConfiguration
    let board: Board
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // Its own: requests that keep every connection of the pool busy do not make us look dead.
            var connection: PostgresConnection?
            while !Task.isCancelled {
                connection = await self.look(through: connection)
                try? await Task.sleep(for: Self.interval)
            }
            await connection?.close()
        }
    }

    /// One question, one answer on the board.
    ///
    /// - Returns: the connection to ask through next time, or nil when it broke.
    func look(through open: PostgresConnection?) async -> PostgresConnection? {
        defer { self.board.update { $0.tick = .now } }
        var connection = open
        do {
            if connection == nil {
                connection = try await PostgresConnection.open(self.configuration, logger: self.logger)
                self.board.update { $0.connects += 1 }
            }
            let version = try await connection?.run { session in
                try session.execute(
                    "SELECT coalesce(max(version), 0)::bigint FROM schema_migrations WHERE line = $1",
                    [.text(ControlSchema.line)], deadline: Self.answerLimit
                ).first?[0].int8
            }
            self.board.update { picture in
                picture.answeredAt = .now
                picture.version = version.flatMap { $0 }.map { Int($0) }
                picture.lastError = nil
            }
            return connection
        } catch {
            self.logger.debug("The database does not answer", metadata: ["error": "\(error)"])
            self.board.update { $0.lastError = "\(error)" }
            await connection?.close()
            return nil
        }
    }
}
