import Ingest
import Logging
import NIOPosix
import Nostr
import NostrCache
import Postgres
import RelayClient
import RelayWorld
import ServiceLifecycle
import TestSupport
import Testing

/// The daemon's own services in this process, against relays and a database of the test's.
struct IngestHarness {
    let database: PostgresConfiguration
    var configuration: IngestConfiguration
    let services: IngestServices

    struct TimedOut: Error {}

    init(
        database: PostgresConfiguration, committed: CommittedEvents = CommittedEvents(), time: IngestTime = .system,
        _ change: (inout IngestConfiguration) -> Void
    ) {
        var configuration = IngestConfiguration()
        configuration.streams = [.init(name: "everything", filter: Filter())]
        configuration.follow.lookbackSeconds = 1_000 * 86_400
        configuration.follow.windowSecondsFirst = 10 * 86_400
        configuration.follow.graceSeconds = 1
        configuration.follow.liveStepSeconds = 1
        configuration.follow.retryFirst = .milliseconds(20)
        configuration.follow.retryLimit = .milliseconds(100)
        configuration.reconnectFirst = .milliseconds(50)
        configuration.reconnectLimit = .milliseconds(200)
        configuration.limits.requestDeadline = .seconds(30)
        change(&configuration)
        self.database = database
        self.configuration = configuration
        self.services = IngestServices(
            queue: EventQueue(
                elementsMax: configuration.limits.queueEventsMax, bytesMax: configuration.limits.queueBytesMax),
            committed: committed, keys: PublicKeyCache(), takesEmbeds: configuration.takesEmbeds, accounts: Accounts(),
            status: ServiceStatus(), time: time,
            logger: .silent)
    }

    /// A database with the cache's tables.
    static func withCache<Value>(_ body: (PostgresConfiguration) async throws -> Value) async throws -> Value {
        var value: Value?
        try await TestDatabase.withDatabase { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            _ = try await Migrator(
                line: NostrSchema.line, migrations: NostrSchema.migrations, toolVersion: "test", logger: .silent
            ).up(on: connection)
            await connection.close()
            value = try await body(configuration)
        }
        guard let value else { throw TimedOut() }
        return value
    }

    /// Runs writer and relays until `isDone`, then stops them as SIGTERM would.
    func run(until isDone: (ServiceStatus.Picture, Accounts.Totals) async throws -> Bool) async throws {
        let writer = WriterLoop(
            queue: self.services.queue, database: self.database, configuration: self.configuration,
            committed: self.services.committed, accounts: self.services.accounts, status: self.services.status,
            logger: .silent, isDaemon: true)
        let fleet = RelayFleet(
            configuration: self.configuration, services: self.services,
            database: CacheDatabase(configuration: self.database, logger: .silent))
        // The writer stays out of the group: it ends when the queue that the fleet finished is empty, which may be before
        // the group has noticed the fleet's own end, and then the group takes it for a failure.
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: fleet, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: .silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await writer.run() }
            tasks.addTask { try await group.run() }
            let outcome: Result<Void, any Error>
            do {
                try await self.wait(until: isDone)
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try outcome.get()
        }
    }

    /// Polls for a state; the limit only ends a test that has failed.
    private func wait(until isDone: (ServiceStatus.Picture, Accounts.Totals) async throws -> Bool) async throws {
        let limit = ContinuousClock.now + .seconds(90)
        while try await !isDone(self.services.status.snapshot, self.services.accounts.snapshot) {
            guard ContinuousClock.now < limit else {
                let status = self.services.status.snapshot
                Issue.record("not done: \(status) \(self.services.accounts.snapshot)")
                throw TimedOut()
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Every stream of every relay that serves is live, and everything received is written.
    static func isAtRest(_ status: ServiceStatus.Picture, _ totals: Accounts.Totals) -> Bool {
        let relays = status.relays.values.filter { $0.phase == .connected }
        return !relays.isEmpty && totals.inFlight == 0
            && relays.allSatisfy { !$0.streams.isEmpty && $0.streams.allSatisfy { $0.phase == .live } }
    }
}

/// What the cache holds, read back column by column.
struct CachedEvent: Hashable, Comparable {
    let id: [UInt8]
    let pubkey: [UInt8]
    let createdAt: Int64
    let kind: Int32
    let tags: JSONValue
    let content: String
    let sig: [UInt8]

    static func < (left: CachedEvent, right: CachedEvent) -> Bool { left.id.lexicographicallyPrecedes(right.id) }

    init(_ event: Event) {
        self.id = event.id.value.bytes
        self.pubkey = event.pubkey.value.bytes
        self.createdAt = event.createdAt.seconds
        self.kind = Int32(event.kind.rawValue)
        self.tags = .array(event.tags.strings.map { .array($0.map(JSONValue.string)) })
        self.content = event.content
        self.sig = event.sig.bytes
    }

    init(_ row: PostgresRow) {
        self.id = row[0].bytes ?? []
        self.pubkey = row[1].bytes ?? []
        self.createdAt = row[2].int8 ?? -1
        self.kind = row[3].int4 ?? -1
        self.tags = JSONValue(parsing: row[4].text ?? "") ?? .null
        self.content = row[5].text ?? ""
        self.sig = row[6].bytes ?? []
    }

    static func all(in database: PostgresConfiguration) async throws -> [CachedEvent] {
        let connection = try await PostgresConnection.open(database, logger: .silent)
        let rows = try await connection.run { session in
            try session.execute(
                """
                SELECT event_id, pubkey, created_at, kind, tags_json::text, content, sig
                FROM nostr_events ORDER BY event_id
                """
            ).map(CachedEvent.init)
        }
        await connection.close()
        return rows
    }
}
