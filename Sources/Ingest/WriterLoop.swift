package import Logging
import Metrics
package import Nostr
package import NostrCache
package import Postgres
import RelayClient
import ServiceLifecycle

/// Takes what arrived, writes it, counts it, again: steps 7–10 of the line from frame to row.
///
/// Batches are natural: everything that arrived during the last commit, so their size follows the load. Only in bulk, where
/// nobody waits for a single event, a transaction waits a moment for company: what it costs besides its rows is the price
/// of some thirty of them. A batch that fails for a passing reason is written again, as it is: writes are idempotent, so a COMMIT in doubt
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
    /// So many items within the time of a commit come from stored events: then a transaction may wait for them so long.
    private static let bulkItemsMin = 64
    private static let gathering: Duration = .milliseconds(25)
    /// How often a standby asks whether the writer's lock is free.
    private static let standbyPoll: Duration = .seconds(1)

    package func run() async throws {
        var session: Session?
        do {
            // Connected before there is anything to write: health should say so.
            session = try await self.connect()
            while let items = try await self.take() {
                self.status.update { $0.writer.lastTick = self.time.instant() }
                self.recordWait(of: items)
                for batch in WriterBatch.cut(items, self.configuration.limits) {
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

    /// Everything that arrived; in bulk after a moment in which more may come.
    private func take() async throws -> [CacheItem]? {
        let waiting = self.queue.depth.items
        if waiting >= Self.bulkItemsMin, waiting < self.configuration.limits.batchEventsMax {
            try await self.time.sleep(Self.gathering)
        }
        return await self.queue.takeAll()
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
    private func write(_ batch: WriterBatch, _ opened: Session?) async throws -> Session? {
        var session = opened
        var backoff = Backoff(first: .milliseconds(200), limit: .seconds(30))
        var isRetry = false
        while true {
            do {
                let current: Session
                if let session { current = session } else { current = try await self.connect() }
                session = current
                try await self.commit(batch, through: current.writer, isRetry: isRetry)
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

    private func commit(_ batch: WriterBatch, through writer: CacheWriter, isRetry: Bool) async throws {
        let start = self.time.instant()
        let outcome = try await writer.write(batch.items)
        self.settle(batch.entries, outcome.outcomes, isRetry: isRetry)
        self.status.update { picture in
            picture.writer.phase = .writing
            picture.writer.lastError = nil
            picture.writer.lastPing = self.time.instant()
            if !batch.entries.isEmpty {
                picture.writer.lastCommit = self.time.wall
                picture.writer.commits += 1
                if outcome.transactions > 1 {
                    picture.writer.bisected += 1
                } else if isRetry {
                    picture.writer.retried += 1
                }
            }
        }
        if !batch.entries.isEmpty {
            Recorder(label: "nostr_ingest_batch_events").record(batch.entries.count)
            Timer(label: "nostr_ingest_commit_duration_seconds").recordNanoseconds(
                Int64((self.time.instant() - start) / .nanoseconds(1)))
        }
    }

    /// Counts what became of the events of a committed batch, and remembers those that are stored.
    private func settle(_ entries: [WriterBatch.Entry], _ outcomes: [WriteOutcome], isRetry: Bool) {
        var counts = Accounts.WriteCounts()
        var stored: [CacheReader.Committed] = []
        stored.reserveCapacity(outcomes.count)
        for (entry, outcome) in zip(entries, outcomes) {
            counts.add(outcome, of: entry.kind, isRetry: isRetry)
            if outcome == .written || outcome == .duplicate {
                stored.append((id: entry.id, createdAt: entry.createdAt, relay: entry.relay))
            }
        }
        self.accounts.settle(counts, taken: entries.count)
        self.committed.insert(stored)
        self.onCommit?(zip(entries, outcomes).map { (kind: $0.kind, outcome: $1) })
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
