import CoreMetrics
import Glibc
import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import Providers
import RelayClient
import ServiceLifecycle
import Serving

/// Everything that runs, wired together: the loops, the listener, the notifier and the private cluster.
struct Daemon {
    let configuration: DaemonConfiguration
    let database: OpenDatabase
    let environment: [String: String]
    let logCounts: LogCounts
    let logger: Logger

    /// Events that wait may still be written for so long; what is left is fetched again.
    static let drainLimit: Duration = .seconds(20)
    private static let warmUpMax = 200_000

    func run() async throws {
        let ingest = self.configuration.ingest
        let time = IngestTime.system
        let registry = PrometheusRegistry(describing: IngestFamilies.descriptions, logger: self.logger)
        MetricsSystem.bootstrap(registry)

        let status = ServiceStatus()
        let committed = CommittedEvents(
            capacity: ingest.limits.committedIDs, recordsSightings: ingest.recordsSightings)
        let services = IngestServices(
            queue: EventQueue(elementsMax: ingest.limits.queueEventsMax, bytesMax: ingest.limits.queueBytesMax),
            committed: committed, keys: PublicKeyCache(capacity: ingest.limits.publicKeys),
            verified: ingest.relays.count > 1 ? VerifiedSignatures() : nil, takesEmbeds: ingest.takesEmbeds,
            accounts: Accounts(),
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
        let supervisor = ServiceSupervisor(drainLimit: Self.drainLimit, logger: self.logger) {
            status.update { $0.isDraining = true }
        }
        try await supervisor.run(list)
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
            address: address, metricPrefix: IngestFamilies.prefix, report: { observer.report() },
            metrics: { observer.families() },
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
}
