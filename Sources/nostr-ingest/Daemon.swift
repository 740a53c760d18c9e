import CoreMetrics
import Glibc
import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import Providers
import QueryAPI
import RelayClient
import ServiceLifecycle
import UnixSignals

/// Everything that runs, wired together: the loops, the listener, the notifier and the private cluster.
struct Daemon {
    let configuration: DaemonConfiguration
    let database: OpenDatabase
    let environment: [String: String]
    let logCounts: LogCounts
    let logger: Logger

    /// Events that wait may still be written for so long; what is left is fetched again.
    static let drainLimit: Duration = .seconds(20)
    /// A statement that hangs cannot be cancelled: so long after the drain the process ends nevertheless, before
    /// systemd's `TimeoutStopSec`.
    private static let abandonLimit: Duration = .seconds(8)
    /// Within this a second signal is the first one.
    static let sameSignal: Duration = .milliseconds(500)
    private static let warmUpMax = 200_000

    func run() async throws {
        let ingest = self.configuration.ingest
        let time = IngestTime.system
        let registry = PrometheusRegistry(describing: IngestFamilies.descriptions, logger: self.logger)
        MetricsSystem.bootstrap(registry)

        let status = ServiceStatus()
        let committed = CommittedEvents(capacity: ingest.limits.committedIDs)
        let services = IngestServices(
            queue: EventQueue(elementsMax: ingest.limits.queueEventsMax, bytesMax: ingest.limits.queueBytesMax),
            committed: committed, keys: PublicKeyCache(capacity: ingest.limits.publicKeys), accounts: Accounts(),
            status: status, time: time, logger: self.logger)
        try await self.warmUp(committed)

        let writer = WriterLoop(
            queue: services.queue, database: self.database.configuration, configuration: ingest, committed: committed,
            accounts: services.accounts, status: status, logger: self.logger, isDaemon: true)
        let fleet = RelayFleet(
            configuration: ingest, services: services,
            database: CacheDatabase(configuration: self.database.configuration, logger: self.logger))
        let observer = DaemonObserver(
            configuration: self.configuration, services: services, registry: registry,
            logCounts: self.logCounts,
            watchdogInterval: SystemdNotifier.watchdogInterval(environment: self.environment, pid: getpid()))

        // Started in this order, stopped in reverse: readiness and metrics answer until the last event is written.
        var list: [ServiceGroupConfiguration.ServiceConfiguration] = []
        if let embedded = self.database.embedded {
            list.append(.init(service: ClusterKeeper(cluster: embedded, logger: self.logger)))
        }
        list.append(
            .init(service: NotifyLoop(notifier: SystemdNotifier(environment: self.environment), observer: observer)))
        if let address = self.configuration.health.listen {
            list.append(.init(service: self.server(address, observer)))
        }
        let maintenance = MaintenanceLoop(
            database: self.database.configuration, rules: ingest.rules, limits: ingest.limits.event, status: status,
            logger: self.logger)
        list.append(.init(service: maintenance))
        if self.configuration.providers.isOn { list.append(.init(service: try self.lookups(ingest))) }
        list.append(
            .init(
                service: CorruptionHold(writer: writer, status: status, logger: self.logger),
                successTerminationBehavior: .gracefullyShutdownGroup))
        list.append(
            .init(
                service: fleet, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup))
        var configuration = ServiceGroupConfiguration(services: list, logger: self.quiet)
        configuration.maximumGracefulShutdownDuration = Self.drainLimit
        try await self.supervise(ServiceGroup(configuration: configuration), status)
    }

    /// The library's own life is told at debug level only.
    private var quiet: Logger {
        var quiet = self.logger
        quiet.logLevel = max(.error, self.logger.logLevel)
        return quiet
    }

    private func lookups(_ ingest: IngestConfiguration) throws -> LookupWorker {
        let fetch = WebFetch(
            self.configuration.providers,
            tls: try ingest.connection.certificateAuthorityFile.map { file throws(RelayConnectionError) in
                try RelayTLS(caFile: file)
            })
        return LookupWorker(
            settings: self.configuration.providers, database: self.database.configuration, rules: ingest.rules,
            fetch: fetch, logger: self.logger)
    }

    private func server(_ address: ListenAddress, _ observer: DaemonObserver) -> QueryServer {
        QueryServer(
            address: address, report: { observer.report() }, metrics: { observer.families() },
            onListening: { [logger] address in
                logger.info("Health and metrics are served", metadata: ["http.address": "\(address)"])
            },
            logger: self.logger)
    }

    /// Ids that are stored need no second verification after a restart.
    private func warmUp(_ committed: CommittedEvents) async throws {
        let limit = min(self.configuration.ingest.limits.committedIDs, Self.warmUpMax)
        try await self.database.withConnection(logger: self.logger) { connection in
            let recent = try await CacheReader(connection: connection).recentCommitted(limit: limit)
            committed.insert(recent.reversed())
            self.logger.info("Committed ids are known", metadata: ["event.count": "\(recent.count)"])
        }
    }

    /// Runs the group; the first signal drains, the second ends at once.
    private func supervise(_ group: ServiceGroup, _ status: ServiceStatus) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let (stop, stopping) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask { [logger] in
                var first: ContinuousClock.Instant?
                for await signal in signals {
                    guard signal != .sighup else {
                        logger.warning("The configuration is read at start only; restart to apply a new one")
                        continue
                    }
                    if let first {
                        // timeout(1) sends its signal twice, to the process and to its group.
                        guard ContinuousClock.now - first > Self.sameSignal else { continue }
                        logger.warning("Second signal; ending at once", metadata: ["signal": "\(signal)"])
                        _exit(signal == .sigint ? ProcessStatus.interrupted : ProcessStatus.terminated)
                    }
                    first = .now
                    logger.notice("Stopping; another signal ends at once", metadata: ["signal": "\(signal)"])
                    status.update { $0.isDraining = true }
                    stopping.finish()
                    await group.triggerGracefulShutdown()
                }
                return false
            }
            tasks.addTask { [logger] in
                for await _ in stop {}
                // Cancelled when the group has ended in time.
                guard (try? await Task.sleep(for: Self.drainLimit + Self.abandonLimit)) != nil else { return false }
                logger.error("The drain hangs; what is left is fetched again")
                _exit(ProcessStatus.success.rawValue)
            }
            tasks.addTask {
                try await group.run()
                return true
            }
            while let hasEnded = try await tasks.next(), !hasEnded {}
            tasks.cancelAll()
        }
    }
}
