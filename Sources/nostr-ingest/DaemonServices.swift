import Ingest
import Logging
import Nostr
import Postgres
import ServiceLifecycle
import Serving
import Synchronization

/// Reads the picture for those who ask: health, metrics, systemd.
struct DaemonObserver: Sendable {
    let configuration: DaemonConfiguration
    let services: IngestServices
    let registry: PrometheusRegistry
    let logCounts: LogCounts
    let watchdogInterval: Duration?

    private var now: (instant: ContinuousClock.Instant, wall: Timestamp) {
        (self.services.time.instant(), self.services.time.wall)
    }

    func report() -> HealthReport {
        var checks = HealthChecks(
            picture: self.services.status.snapshot, totals: self.services.accounts.snapshot,
            queue: self.services.queue.depth, limits: self.configuration.ingest.limits,
            settings: self.configuration.health, now: self.now)
        if let interval = self.watchdogInterval { checks.tickAgeMax = interval * 4 }
        return checks.report()
    }

    func families() -> [MetricFamily] {
        let families = IngestFamilies(
            picture: self.services.status.snapshot, totals: self.services.accounts.snapshot,
            queue: self.services.queue.depth, limits: self.configuration.ingest.limits,
            kinds: self.kinds, now: self.now)
        return families.all + self.registry.families() + self.logCounts.families(prefix: IngestFamilies.prefix)
            + ProcessFamilies.all
    }

    /// What streams ask for by name, and what is about other events.
    private var kinds: Set<Kind> {
        self.configuration.ingest.streams.reduce(into: [.deletionRequest, .vanishRequest]) { kinds, stream in
            kinds.formUnion(stream.filter.kinds ?? [])
        }
    }

    func observation(receivedBefore: Int) -> NotifyState.Observation {
        let picture = self.services.status.snapshot
        let totals = self.services.accounts.snapshot
        let connected = picture.relays.values.count { $0.phase == .connected }
        let capacity = max(1, self.configuration.ingest.limits.queueEventsMax)
        let percent = self.services.queue.depth.items * 100 / capacity
        let isReady =
            switch picture.writer.phase {
            case .writing, .standby, .paused: picture.startedAt != nil
            case .disconnected: false
            }
        return NotifyState.Observation(
            isReady: isReady, isDraining: picture.isDraining, inFlight: max(0, totals.inFlight), unit: "events",
            ticks: [picture.writer.lastTick, picture.fleetTick],
            status: picture.startedAt == nil
                ? "connecting to \(self.configuration.ingest.relays.count) relays"
                : "\(connected)/\(picture.relays.count) relays, \(max(0, totals.received - receivedBefore)) ev/s, "
                    + "queue \(percent)%, database \(picture.writer.phase.rawValue)")
    }

    var received: Int { self.services.accounts.snapshot.received }
}

/// Tells systemd how it goes, once a second.
struct NotifyLoop: Service {
    let notifier: SystemdNotifier?
    let observer: DaemonObserver

    func run() async throws {
        guard let notifier = self.notifier else {
            try await gracefulShutdown()
            return
        }
        let state = Mutex(NotifyState(watchdogInterval: self.observer.watchdogInterval))
        try? await cancelWhenGracefulShutdown {
            var received = 0
            while true {
                let now = self.observer.services.time.instant()
                let seen = self.observer.observation(receivedBefore: received)
                received = self.observer.received
                for datagram in state.withLock({ $0.datagrams(seen, at: now) }) { notifier.send(datagram) }
                try await self.observer.services.time.sleep(.seconds(1))
            }
        }
        // A stop that was quicker than a second has been said, too.
        var last = self.observer.observation(receivedBefore: self.observer.received)
        last.isDraining = true
        let now = self.observer.services.time.instant()
        for datagram in state.withLock({ $0.datagrams(last, at: now) }) { notifier.send(datagram) }
    }
}

/// Starts the private cluster again when it dies; stops it last.
struct ClusterKeeper: Service {
    let cluster: EmbeddedPostgres
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: .seconds(1))
                    if try await self.cluster.ensureRunning() {
                        self.logger.warning("PostgreSQL had died and was started again")
                    }
                } catch let error as EmbeddedPostgresError {
                    self.logger.error("PostgreSQL does not start", metadata: ["error": "\(error)"])
                } catch {
                    return
                }
            }
        }
    }
}

/// The writer; on broken storage it stays up for a minute, failing readiness, so that no supervisor loops faster.
struct CorruptionHold: Service {
    let writer: WriterLoop
    let status: ServiceStatus
    let logger: Logger

    private static let hold: Duration = .seconds(60)

    func run() async throws {
        do {
            try await self.writer.run()
            // The fleet ahead finished the queue as its last act. The group takes a service that ends before it is told
            // to for a failed one, even while it shuts down, so the end of the drain waits for its turn.
            try? await gracefulShutdown()
        } catch let error as PostgresError where error.category == .corruption {
            self.status.update { $0.writer.phase = .disconnected }
            self.logger.critical("PostgreSQL's storage is broken; nothing is written", metadata: ["error": "\(error)"])
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.hold) }
            throw error
        }
    }
}
