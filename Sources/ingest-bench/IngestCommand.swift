import ArgumentParser
import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import RelayClient
import ServiceLifecycle

/// The daemon's own services, from relays into a database, until everything is there: the process to be measured.
///
/// What is left out of the daemon is its HTTP server and its configuration; the driver reads the CPU time of the whole
/// process, its start included.
struct IngestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest", abstract: "Copy relays into a database and stop when all of them are at rest.")

    @Option(help: "A relay on loopback; may be given several times.")
    var relay: [String]

    @Option(help: "A libpq connection string.")
    var database: String

    @Option(help: "Rows to wait for.")
    var untilCount = 0

    @Option(help: "Ask for everything so many times again once it is committed, and report on that part alone.")
    var again = 0

    @ArgumentParser.Flag(help: "Rows of nostr_events alone: no companion rows, no counters.")
    var raw = false

    @Option(help: "Seconds after which to give up.")
    var limit = 300

    private struct TimedOut: Error {}

    /// What the parts of a run share.
    private struct Shared {
        let committed = CommittedEvents()
        let keys = PublicKeyCache()
    }

    func run() async throws {
        ProcessHeap.boundArenas()
        let shared = Shared()
        var part = try await self.run(streams: ["bench"], shared) { $0.write.total >= self.untilCount }
        if self.again > 0 {
            // Other streams have no coverage yet, so every event comes again, as a copy of a committed one.
            part = try await self.run(streams: (0..<self.again).map { "again-\($0)" }, shared) {
                $0.received >= self.again * self.untilCount
            }
        }
        Report.write([
            "received": .integer(part.totals.received), "written": .integer(part.totals.write.written),
            "duplicates": .integer(part.totals.duplicatesPeeked), "commits": .integer(part.commits),
            "rejected": .integer(part.totals.rejected.values.reduce(0, +)),
            "unaccounted": .integer(part.totals.unaccounted), "wall_s": .number(part.wall),
            "cpu_s": .number(part.cpu / 1e6), "rss_kib": .integer(Report.residentPeak),
        ])
    }

    private struct Part {
        let totals: Accounts.Totals
        let commits: Int
        let wall: Double
        let cpu: Double
    }

    private func run(
        streams: [String], _ shared: Shared, until isDone: (Accounts.Totals) -> Bool
    ) async throws -> Part {
        let logger = Logger(label: "ingest-bench") { _ in SwiftLogNoOpLogHandler() }
        var configuration = IngestConfiguration()
        configuration.derivesCompanions = !self.raw
        configuration.streams = streams.map { .init(name: $0, filter: Filter()) }
        // The corpus is of fixed date, and the machine's clock moves on.
        configuration.follow.lookbackSeconds = 4_000 * 86_400
        configuration.relays = try self.relay.map { text in
            guard let url = RelayURL(text) else { throw ValidationError("'\(text)' is no relay") }
            return .init(url: url, role: .primary, allowPrivateAddresses: true)
        }
        let services = IngestServices(
            queue: EventQueue(
                elementsMax: configuration.limits.queueEventsMax, bytesMax: configuration.limits.queueBytesMax),
            committed: shared.committed, keys: shared.keys,
            verified: self.relay.count > 1 ? VerifiedSignatures() : nil, accounts: Accounts(), status: ServiceStatus(),
            logger: logger)
        let database = try PostgresConfiguration(connectionString: self.database)
        let writer = WriterLoop(
            queue: services.queue, database: database, configuration: configuration, committed: services.committed,
            accounts: services.accounts, status: services.status, logger: logger, isDaemon: true)
        let fleet = RelayFleet(
            configuration: configuration, services: services,
            database: CacheDatabase(configuration: database, logger: logger))
        // Stopping the fleet finishes the queue, and the writer ends when it has drained it.
        let group = ServiceGroup(services: [fleet], logger: logger)
        let start = (instant: ContinuousClock.now, cpu: Report.cpu)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await writer.run() }
            tasks.addTask { try await group.run() }
            let deadline = ContinuousClock.now + .seconds(self.limit)
            while true {
                let totals = services.accounts.snapshot
                let status = services.status.snapshot
                if Self.isAtRest(status, totals), isDone(totals) {
                    // The last commit was that of the coverage; looking for it often would cost what is measured.
                    let end = status.writer.lastPing ?? start.instant
                    let part = Part(
                        totals: totals, commits: status.writer.commits, wall: (end - start.instant) / .seconds(1),
                        cpu: Report.cpu - start.cpu)
                    await group.triggerGracefulShutdown()
                    try await tasks.waitForAll()
                    return part
                }
                guard ContinuousClock.now < deadline else { throw TimedOut() }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Every stream of every relay is live, and everything received is written.
    private static func isAtRest(_ status: ServiceStatus.Picture, _ totals: Accounts.Totals) -> Bool {
        totals.inFlight == 0 && !status.relays.isEmpty
            && status.relays.values.allSatisfy { relay in
                relay.phase == .connected && !relay.streams.isEmpty && relay.streams.allSatisfy { $0.phase == .live }
            }
    }
}
