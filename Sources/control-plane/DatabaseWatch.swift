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
        var isDraining = false
    }

    /// Shared by the watch, health, metrics and the notifier.
    final class Board: Sendable {
        private let picture = Mutex(Picture())

        var snapshot: Picture { self.picture.withLock { $0 } }
        func update(_ change: (inout Picture) -> Void) { self.picture.withLock { change(&$0) } }
    }

    static let interval: Duration = .seconds(5)

    let database: ControlDatabase
    let board: Board
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.look()
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    /// One question, one answer on the board.
    func look() async {
        do {
            let version = try await self.database.read { session in
                try session.execute(
                    "SELECT coalesce(max(version), 0)::bigint FROM schema_migrations WHERE line = $1",
                    [.text(ControlSchema.line)]
                ).first?[0].int8
            }
            self.board.update { picture in
                picture.answeredAt = .now
                picture.version = version.map { Int($0) }
                picture.lastError = nil
            }
        } catch {
            self.logger.debug("The database does not answer", metadata: ["error": "\(error)"])
            self.board.update { $0.lastError = "\(error)" }
        }
        self.board.update { $0.tick = .now }
    }
}
