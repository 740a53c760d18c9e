import Glibc
import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import Serving
import UnixSignals

/// A command that produces events beside a writer: the producer fills the queue, the writer empties it.
struct WriterRun {
    let services: IngestServices
    let configuration: IngestConfiguration
    let database: OpenDatabase
    let logger: Logger
    /// Is told what became of the events of every committed batch.
    var onCommit: (@Sendable ([(kind: Kind, outcome: WriteOutcome)]) -> Void)?

    init(_ configuration: IngestConfiguration, database: OpenDatabase, logger: Logger) {
        let limits = configuration.limits
        self.configuration = configuration
        self.database = database
        self.logger = logger
        self.services = IngestServices(
            queue: EventQueue(elementsMax: limits.queueEventsMax, bytesMax: limits.queueBytesMax),
            committed: CommittedEvents(
                capacity: limits.committedIDs, recordsSightings: configuration.recordsSightings),
            keys: PublicKeyCache(capacity: limits.publicKeys),
            verified: configuration.relays.count > 1 ? VerifiedSignatures() : nil,
            takesEmbeds: configuration.takesEmbeds,
            accounts: Accounts(),
            status: ServiceStatus(),
            logger: logger)
    }

    /// Runs `produce` until it ends or a signal stops it; what it had handed over by then is written in any case.
    ///
    /// A second signal ends the process at once. Nil: a signal was faster.
    func run<Answer: Sendable>(_ produce: @escaping @Sendable () async throws -> Answer) async throws -> Answer? {
        try await Interruption.watch { interruption in
            try await withThrowingTaskGroup(of: Answer??.self) { tasks in
                tasks.addTask {
                    defer { self.services.queue.finish() }
                    return .some(try await interruption.race(produce))
                }
                tasks.addTask {
                    try await self.writer.run()
                    return nil
                }
                var answer: Answer?
                // The queue is finished before the writer is, so the writer's end is the end.
                while let ended = try await tasks.next() {
                    guard let produced = ended else { break }
                    answer = produced
                }
                tasks.cancelAll()
                return answer
            }
        }
    }

    private var writer: WriterLoop {
        WriterLoop(
            queue: self.services.queue, database: self.database.configuration, configuration: self.configuration,
            committed: self.services.committed, accounts: self.services.accounts, status: self.services.status,
            logger: self.logger, isDaemon: false, onCommit: self.onCommit)
    }
}

/// SIGINT and SIGTERM of a command: the first one stops what can be stopped, the second one ends the process.
struct Interruption: Sendable {
    private let stop: AsyncStream<Void>

    /// Runs `body`, for whose duration signals are ours.
    static func watch<Answer: Sendable>(
        _ body: @escaping @Sendable (Interruption) async throws -> Answer
    ) async throws -> Answer {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let (stop, stopping) = AsyncStream.makeStream(of: Void.self)
        return try await withThrowingTaskGroup(of: Answer?.self) { tasks in
            tasks.addTask { try await body(Interruption(stop: stop)) }
            tasks.addTask {
                var first: ContinuousClock.Instant?
                for await _ in signals {
                    if let first {
                        // timeout(1) sends its signal twice, to the process and to its group.
                        guard ContinuousClock.now - first > ServiceSupervisor.sameSignal else { continue }
                        _exit(ProcessStatus.interrupted)
                    }
                    first = .now
                    Terminal.error("\nStopping; what has been done stays done. Another signal ends at once.")
                    stopping.finish()
                }
                return nil
            }
            defer { tasks.cancelAll() }
            while let ended = try await tasks.next() {
                if let answer = ended { return answer }
            }
            preconditionFailure("The body of a task ended without an answer")
        }
    }

    /// Runs `body`, which the first signal cancels; nil: it was cancelled.
    func race<Answer: Sendable>(_ body: @escaping @Sendable () async throws -> Answer) async throws -> Answer? {
        try await withThrowingTaskGroup(of: Answer?.self) { tasks in
            tasks.addTask { try await body() }
            tasks.addTask { [stop] in
                for await _ in stop {}
                return nil
            }
            defer { tasks.cancelAll() }
            return try await tasks.next() ?? nil
        }
    }
}
