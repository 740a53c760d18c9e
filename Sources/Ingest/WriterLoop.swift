package import Logging
import Metrics
package import Nostr
package import NostrCache
package import Postgres
import RelayClient
import ServiceLifecycle

/// Takes what arrived, writes it, counts it, again: steps 7–10 of the line from frame to row.
///
/// Batches are natural: everything that arrived during the last commit, so their size follows the load and there is no
/// timer. A batch that fails for a passing reason is written again, as it is: writes are idempotent, so a COMMIT in doubt
/// costs nothing. It ends when the queue is finished and empty.
package struct WriterLoop: Service {
    private let queue: EventQueue
    private let database: PostgresConfiguration
    private let configuration: IngestConfiguration
    private let committed: CommittedEvents
    private let accounts: Accounts
    private let status: ServiceStatus
    private let time: IngestTime
    private let logger: Logger
    /// Whether only the holder of the writer lock may write. An operator's command writes beside the daemon.
    private let isDaemon: Bool
    /// Is told what became of the events of every committed batch.
    private let onCommit: (@Sendable ([(kind: Kind, outcome: WriteOutcome)]) -> Void)?

    package init(
        queue: EventQueue, database: PostgresConfiguration, configuration: IngestConfiguration,
        committed: CommittedEvents, accounts: Accounts, status: ServiceStatus, time: IngestTime = .system,
        logger: Logger, isDaemon: Bool,
        onCommit: (@Sendable ([(kind: Kind, outcome: WriteOutcome)]) -> Void)? = nil
    ) {
        self.queue = queue
        self.database = database
        self.configuration = configuration
        self.committed = committed
        self.accounts = accounts
        self.status = status
        self.time = time
        self.logger = logger
        self.isDaemon = isDaemon
        self.onCommit = onCommit
    }

    /// A pause of the database's own (disk full): tried again this often.
    private static let pause: Duration = .seconds(30)
    /// How often a standby asks whether the writer's lock is free.
    private static let standbyPoll: Duration = .seconds(1)

    package func run() async throws {
        var session: Session?
        do {
            // Connected before there is anything to write: health should say so.
            session = try await self.connect()
            while let items = await self.queue.takeAll() {
                self.status.update { $0.writer.lastTick = self.time.instant() }
                self.recordWait(of: items)
                for batch in Self.batches(items, self.configuration.limits) {
                    session = try await self.write(batch, session)
                }
            }
            self.accounts.settleAtRest()
        } catch is CancellationError {
            // The drain took too long; what is left is fetched again.
        }
        await session?.connection.close()
    }

    private struct Session {
        let connection: PostgresConnection
        let writer: CacheWriter
    }

    /// Cuts what arrived into transactions, in order.
    static func batches(_ items: [CacheItem], _ limits: IngestConfiguration.Limits) -> [ArraySlice<CacheItem>] {
        var batches: [ArraySlice<CacheItem>] = []
        var start = items.startIndex
        var events = 0
        var bytes = 0
        for index in items.indices {
            switch items[index] {
            case .event, .quarantine: events += 1
            case .coverage, .hole, .sighting, .heartbeat: break
            }
            bytes += items[index].weight
            if events >= limits.batchEventsMax || bytes >= limits.batchBytesMax {
                batches.append(items[start...index])
                start = index + 1
                events = 0
                bytes = 0
            }
        }
        if start < items.endIndex { batches.append(items[start...]) }
        return batches
    }

    /// How long the first event of what was taken has waited for the writer.
    private func recordWait(of items: [CacheItem]) {
        for item in items {
            guard case .event(_, _, let seenAt) = item else { continue }
            let wait = max(0, self.time.microseconds() - seenAt)
            Timer(label: "nostr_ingest_queue_wait_seconds").recordNanoseconds(wait * 1_000)
            return
        }
    }

    // MARK: One batch

    /// Writes until it is written; returns the connection to go on with.
    private func write(_ batch: ArraySlice<CacheItem>, _ opened: Session?) async throws -> Session? {
        var session = opened
        var backoff = Backoff(first: .milliseconds(200), limit: .seconds(30))
        var isRetry = false
        while true {
            do {
                let current: Session
                if let session { current = session } else { current = try await self.connect() }
                session = current
                try await self.commit(Array(batch), through: current.writer, isRetry: isRetry)
                return session
            } catch let error as PostgresError {
                isRetry = true
                self.status.update {
                    $0.writer.retries += 1
                    $0.writer.lastError = error.description
                    $0.writer.lastTick = self.time.instant()
                }
                let wait = try self.wait(after: error, &backoff)
                // Read again from the database after every break; nothing is kept from the old connection.
                await session?.connection.close()
                session = nil
                try await self.time.sleep(wait)
            }
        }
    }

    /// How long to wait before the same batch is tried again; rethrows what waiting cannot cure.
    private func wait(after error: PostgresError, _ backoff: inout Backoff) throws -> Duration {
        Counter(label: "nostr_ingest_retries_total", dimensions: [("sqlstate_class", Self.sqlStateClass(error))])
            .increment()
        switch error.category {
        case .connection, .transient, .readOnly, .staleStatement:
            self.status.update { $0.writer.phase = .disconnected }
            let wait = backoff.failed(random: .random(in: 0..<1))
            self.logger.warning(
                "Batch not written; it is written again",
                metadata: ["error": "\(error)", "retry.seconds": "\(wait)"])
            return wait
        case .resource:
            self.status.update { $0.writer.phase = .paused }
            self.logger.error("PostgreSQL has no room; writing pauses", metadata: ["error": "\(error)"])
            return Self.pause
        case .data, .schemaOrRights, .ourBug, .authentication, .corruption:
            throw error
        }
    }

    private static func sqlStateClass(_ error: PostgresError) -> String {
        error.sqlState.map { String($0.prefix(2)) } ?? "none"
    }

    private func commit(_ batch: [CacheItem], through writer: CacheWriter, isRetry: Bool) async throws {
        let start = self.time.instant()
        let outcome = try await writer.write(batch)
        let events = batch.compactMap { item -> (id: EventID, createdAt: Timestamp, kind: Kind)? in
            switch item {
            case .event(let verified, _, _):
                (verified.event.id, verified.event.createdAt, verified.event.kind)
            case .quarantine(let quarantined):
                (quarantined.event.event.id, quarantined.event.event.createdAt, quarantined.event.event.kind)
            case .coverage, .hole, .sighting, .heartbeat: nil
            }
        }
        self.accounts.settle(
            Accounts.WriteCounts(
                zip(events, outcome.outcomes).lazy.map { (kind: $0.kind, outcome: $1) }, isRetry: isRetry),
            taken: events.count)
        self.committed.insert(
            zip(events, outcome.outcomes).lazy.filter { $1 == .written || $1 == .duplicate }.map {
                (id: $0.0.id, createdAt: $0.0.createdAt)
            })
        self.onCommit?(zip(events, outcome.outcomes).map { (kind: $0.kind, outcome: $1) })
        self.status.update { picture in
            picture.writer.phase = .writing
            picture.writer.lastError = nil
            picture.writer.lastPing = self.time.instant()
            if !events.isEmpty {
                picture.writer.lastCommit = self.time.wall
                picture.writer.commits += 1
                if outcome.transactions > 1 {
                    picture.writer.bisected += 1
                } else if isRetry {
                    picture.writer.retried += 1
                }
            }
        }
        if !events.isEmpty {
            Recorder(label: "nostr_ingest_batch_events").record(events.count)
            Timer(label: "nostr_ingest_commit_duration_seconds").recordNanoseconds(
                Int64((self.time.instant() - start) / .nanoseconds(1)))
        }
    }

    // MARK: Connecting

    /// Connects, and waits for the writer's lock; it is held by the connection, so a dead daemon frees it.
    private func connect() async throws -> Session {
        var backoff = Backoff(first: .milliseconds(200), limit: .seconds(30))
        while true {
            do {
                let (connection, writer) = try await CacheWriter.open(
                    self.database, rules: self.configuration.rules, logger: self.logger)
                if self.isDaemon {
                    let lock = try await WriterLock(connection: connection)
                    while try await !lock.tryAcquire() {
                        self.status.update {
                            $0.writer.phase = .standby
                            $0.writer.lastTick = self.time.instant()
                        }
                        try await self.time.sleep(Self.standbyPoll)
                    }
                }
                self.status.update {
                    $0.writer.connects += 1
                    $0.writer.phase = .writing
                    $0.writer.lastPing = self.time.instant()
                    $0.writer.lastTick = self.time.instant()
                }
                return Session(connection: connection, writer: writer)
            } catch let error as PostgresError {
                // A failed attempt is an iteration: an outage is a state, not a hang.
                self.status.update {
                    $0.writer.lastError = error.description
                    $0.writer.lastTick = self.time.instant()
                }
                try await self.time.sleep(try self.wait(after: error, &backoff))
            }
        }
    }
}
