import Logging
import NIOCore
package import NIOPosix
import Nostr
import NostrCache
import RelayClient
import ServiceLifecycle

/// All relays, one task each, and the choice of who stands in for whom.
///
/// On graceful shutdown the relays stop and the queue is finished, so that the writer can drain it.
package struct RelayFleet: Service {
    private let configuration: IngestConfiguration
    private let services: IngestServices
    private let database: CacheDatabase
    private let group: MultiThreadedEventLoopGroup

    package init(
        configuration: IngestConfiguration, services: IngestServices, database: CacheDatabase,
        group: MultiThreadedEventLoopGroup = .singleton
    ) {
        self.configuration = configuration
        self.services = services
        self.database = database
        self.group = group
    }

    /// Between two looks at the fleet.
    private static let tick: Duration = .seconds(1)
    /// A heartbeat travels through the queue to the writer this often, so that an idle writer shows that it lives.
    private static let heartbeat: Duration = .seconds(5)

    package func run() async throws {
        let tls = try self.configuration.connection.tls()
        self.register()
        defer { self.services.queue.finish() }
        do {
            try await cancelWhenGracefulShutdown {
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for relay in self.configuration.relays {
                        let loop = RelayLoop(
                            relay: relay, configuration: self.configuration, services: self.services,
                            database: self.database, eventLoop: self.group.next(), tls: tls)
                        tasks.addTask { try await loop.run() }
                    }
                    tasks.addTask { try await self.watch() }
                    try await tasks.waitForAll()
                }
            }
        } catch is CancellationError {
            self.services.logger.info("Relays stopped")
        }
        self.services.status.update { $0.isDraining = true }
        await self.database.close()
    }

    private func register() {
        let start = self.services.time.instant()
        self.services.status.update { picture in
            picture.startedAt = start
            picture.fleetTick = start
            for relay in self.configuration.relays {
                var status = ServiceStatus.Relay(role: relay.role)
                status.phase = relay.role == .fallback ? .standby : .connecting
                if relay.role == .primary { status.downSince = start }
                picture.relays[relay.url.description] = status
            }
        }
        for relay in self.configuration.relays { self.services.accounts.register(relay.url.description) }
    }

    /// Chooses the fallbacks, and keeps the writer's heart beating.
    private func watch() async throws {
        var nextHeartbeat = self.services.time.instant()
        while true {
            let now = self.services.time.instant()
            self.chooseFallbacks(now)
            if nextHeartbeat <= now {
                nextHeartbeat = now + Self.heartbeat
                try await self.services.queue.send([.heartbeat])
            }
            try await self.services.time.sleep(Self.tick)
        }
    }

    private func chooseFallbacks(_ now: ContinuousClock.Instant) {
        self.services.status.update { picture in
            picture.fleetTick = now
            func candidates(_ role: RelayRole) -> [FallbackPolicy.Candidate] {
                picture.relays.filter { $0.value.role == role }.sorted { $0.key < $1.key }.map { url, status in
                    FallbackPolicy.Candidate(
                        relay: url, servingSince: status.servingSince, downSince: status.downSince,
                        failures: status.failures)
                }
            }
            let active = self.configuration.fallback.active(
                primaries: candidates(.primary), fallbacks: candidates(.fallback), serving: picture.activeFallbacks,
                now: now)
            if active != picture.activeFallbacks {
                picture.fallbackSwitches += active.symmetricDifference(picture.activeFallbacks).count
                picture.activeFallbacks = active
                self.services.logger.notice(
                    "Fallback relays changed", metadata: ["relays": "\(active.sorted().joined(separator: " "))"])
            }
        }
    }
}
