package import Logging
package import Nostr
package import NostrCache
package import Postgres
import ServiceLifecycle

/// What time alone makes necessary: expired rows leave (NIP-40), and events that were too early get another chance.
///
/// On a connection of its own, beside the writer, in bounded transactions. A standby leaves it to the daemon that writes.
package struct MaintenanceLoop: Service {
    private let database: PostgresConfiguration
    private let rules: CacheRules
    private let limits: EventLimits
    private let status: ServiceStatus
    private let time: IngestTime
    private let logger: Logger

    package init(
        database: PostgresConfiguration, rules: CacheRules, limits: EventLimits, status: ServiceStatus,
        time: IngestTime = .system, logger: Logger
    ) {
        self.database = database
        self.rules = rules
        self.limits = limits
        self.status = status
        self.time = time
        self.logger = logger
    }

    /// Reads hide expired rows at once; the rows themselves may stay for a minute.
    private static let interval: Duration = .seconds(20)
    /// Entries of quarantine that are tried at once; the others wait for the next turn.
    private static let requeueMax = 1_000
    /// Authors of what is requeued at once.
    private static let keysMax = 64

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await self.time.sleep(Self.interval)) != nil {
                guard self.status.snapshot.writer.phase == .writing else { continue }
                do {
                    try await self.pass()
                } catch is CancellationError {
                    return
                } catch {
                    // The writer says what is wrong with the database, and waits for it.
                    self.logger.warning("Sweep and requeue pause", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// One turn: sweeps until nothing is left, then tries what is due.
    package func pass() async throws {
        let (connection, writer) = try await CacheWriter.open(self.database, rules: self.rules, logger: self.logger)
        do {
            try await self.sweep(connection)
            let requeue = Requeue(
                connection, writer: writer, keys: PublicKeyCache(capacity: Self.keysMax), limits: self.limits,
                time: self.time)
            let requeued = try await requeue.run(.due, limit: Self.requeueMax)
            let quarantined = try await Quarantine(connection: connection).count()
            let holes = try await CacheReader(connection: connection).holeCounts()
            self.status.update { picture in
                picture.maintenance.holes = holes
                picture.maintenance.lastPass = self.time.wall
                picture.maintenance.requeued += requeued.left
                picture.maintenance.quarantined = quarantined
            }
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
    }

    private func sweep(_ connection: PostgresConnection) async throws {
        let sweep = CacheSweep(connection: connection, rules: self.rules)
        while true {
            let outcome = try await sweep.run(now: self.time.wall)
            self.status.update { picture in
                picture.maintenance.expired += outcome.expired
                picture.maintenance.vanished += outcome.vanished
            }
            if outcome.isComplete { return }
            try Task.checkCancellation()
        }
    }
}
