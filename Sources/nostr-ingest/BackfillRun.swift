import Foundation
import Glibc
import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import Serving
import UnixSignals

/// One backfill, from its plan to its final table.
struct BackfillRun {
    let order: Backfill.Order
    let configuration: IngestConfiguration
    let database: OpenDatabase
    let isDryRun: Bool
    let logger: Logger

    func run() async throws -> BackfillOutcome {
        let services = IngestServices(
            queue: EventQueue(
                elementsMax: self.configuration.limits.queueEventsMax, bytesMax: self.configuration.limits.queueBytesMax
            ),
            committed: CommittedEvents(capacity: self.configuration.limits.committedIDs),
            keys: PublicKeyCache(capacity: self.configuration.limits.publicKeys), accounts: Accounts(),
            status: ServiceStatus(), logger: self.logger)
        let ledger = CacheDatabase(configuration: self.database.configuration, logger: self.logger)
        let backfill = Backfill(self.order, configuration: self.configuration, services: services, database: ledger)
        let planned = try await backfill.plan()
        var errors: [String: String] = [:]
        if !self.isDryRun, planned.contains(where: { !$0.missing.isEmpty }) {
            errors = try await self.fill(backfill, services, planned)
        }
        let parts = self.isDryRun ? planned : try await backfill.plan()
        await ledger.close()
        return BackfillOutcome(
            parts: parts, errors: errors, totals: services.accounts.snapshot, isDryRun: self.isDryRun)
    }

    private enum Ended: Sendable {
        case filled([String: String])
        case written
        case interrupted
    }

    /// Relays fill the queue, the writer empties it; the first signal stops the relays, and what arrived is still written.
    private func fill(
        _ backfill: Backfill, _ services: IngestServices, _ planned: [Backfill.Part]
    ) async throws -> [String: String] {
        let display = ProgressDisplay(
            planned.map { ("\($0.relay) \($0.stream)", $0.missingSeconds) },
            isBar: Terminal.errorIsTerminal && Terminal.isFancy(ProcessInfo.processInfo.environment))
        let writer = WriterLoop(
            queue: services.queue, database: self.database.configuration, configuration: self.configuration,
            committed: services.committed, accounts: services.accounts, status: services.status, logger: self.logger,
            isDaemon: false)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let (stop, stopping) = AsyncStream.makeStream(of: Void.self)
        return try await withThrowingTaskGroup(of: Ended.self) { tasks in
            tasks.addTask {
                defer { services.queue.finish() }
                return try await Self.askUntilDone(backfill, services, display, stop)
            }
            tasks.addTask {
                try await writer.run()
                return .written
            }
            tasks.addTask {
                var first: ContinuousClock.Instant?
                for await _ in signals {
                    if let first {
                        guard ContinuousClock.now - first > ServiceSupervisor.sameSignal else { continue }
                        _exit(ProcessStatus.interrupted)
                    }
                    first = .now
                    Terminal.error("\nStopping; what has arrived is written. Another signal ends at once.")
                    stopping.finish()
                }
                return .interrupted
            }
            var errors: [String: String] = [:]
            // The queue is finished before the writer is, so its end is the end.
            while let ended = try await tasks.next() {
                if case .filled(let found) = ended { errors = found }
                if case .written = ended { break }
            }
            tasks.cancelAll()
            display.end()
            return errors
        }
    }

    /// Asks the relays until nothing is left, or until `stop` ends.
    private static func askUntilDone(
        _ backfill: Backfill, _ services: IngestServices, _ display: ProgressDisplay, _ stop: AsyncStream<Void>
    ) async throws -> Ended {
        try await withThrowingTaskGroup(of: Ended.self) { tasks in
            tasks.addTask {
                .filled(
                    try await backfill.run { relay, stream, missing in
                        display.update("\(relay) \(stream)", missing, services.accounts.snapshot.received)
                    })
            }
            tasks.addTask {
                for await _ in stop {}
                return .interrupted
            }
            defer { tasks.cancelAll() }
            guard case .filled(let errors)? = try await tasks.next() else {
                return .filled([BackfillOutcome.interrupted: "interrupted"])
            }
            return .filled(errors)
        }
    }
}

/// What a backfill came to.
struct BackfillOutcome: Sendable {
    let parts: [Backfill.Part]
    /// By relay; the empty name is the command itself.
    let errors: [String: String]
    let totals: Accounts.Totals
    let isDryRun: Bool

    /// The name under which an interruption is noted.
    static let interrupted = ""

    var wasInterrupted: Bool { self.errors[Self.interrupted] != nil }

    var isComplete: Bool { self.parts.allSatisfy { $0.missing.isEmpty && $0.holes.isEmpty } }

    var lines: [String] {
        var rows = [["RELAY", "STREAM", "MISSING", "HOLES", "NOTE"]]
        for part in self.parts {
            let holes = Dictionary(grouping: part.holes, by: \.reason).sorted { $0.key < $1.key }
                .map { "\($0.value.count) \(Terminal.harmless($0.key))" }
            rows.append([
                RelayURL(part.relay)?.label ?? part.relay, part.stream,
                part.missing.isEmpty
                    ? "-" : "\(DurationText.rough(seconds: part.missingSeconds)) in \(part.missing.count) ranges",
                holes.isEmpty ? "-" : holes.joined(separator: ", "),
                self.errors[part.relay].map(Terminal.harmless) ?? "",
            ])
        }
        var lines = TextTable.lines(rows)
        guard !self.isDryRun else { return lines }
        let write = self.totals.write
        let rejected = self.totals.rejected.values.reduce(0, +)
        lines.append("")
        lines.append(
            "received \(self.totals.received) = duplicate \(self.totals.duplicatesPeeked + write.duplicates + write.retried)"
                + " + rejected \(rejected) + written \(write.written) + replaced \(write.replaced)"
                + " + deleted \(write.deleted) + abandoned \(self.totals.abandoned); unaccounted \(self.totals.unaccounted)"
        )
        for (reason, count) in self.totals.rejected.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where count > 0 {
            lines.append("  rejected \(reason.rawValue): \(count)")
        }
        if let own = self.errors[Self.interrupted] { lines.append(own + ": run it again to continue") }
        return lines
    }

    var json: JSONValue {
        func number(_ value: some BinaryInteger) -> JSONValue { .number("\(value)") }
        func object(_ pairs: [(String, JSONValue)]) -> JSONValue {
            .object(pairs.map { JSONValue.Member(name: $0.0, value: $0.1) })
        }
        func span(_ range: Range<Timestamp>) -> JSONValue {
            .array([number(range.lowerBound.seconds), number(range.upperBound.seconds)])
        }
        let parts = self.parts.map { part in
            object([
                ("relay", .string(part.relay)), ("stream", .string(part.stream)),
                ("missingSeconds", number(part.missingSeconds)), ("missing", .array(part.missing.map(span))),
                (
                    "holes",
                    .array(part.holes.map { object([("span", span($0.span)), ("reason", .string($0.reason))]) })
                ),
                ("error", self.errors[part.relay].map(JSONValue.string) ?? .null),
            ])
        }
        let write = self.totals.write
        let accounts = object([
            ("received", number(self.totals.received)),
            ("duplicate", number(self.totals.duplicatesPeeked + write.duplicates + write.retried)),
            (
                "rejected",
                object(
                    self.totals.rejected.filter { $0.value > 0 }.sorted { $0.key.rawValue < $1.key.rawValue }
                        .map { ($0.key.rawValue, number($0.value)) })
            ),
            ("written", number(write.written)), ("replaced", number(write.replaced)),
            ("deleted", number(write.deleted)),
            ("abandoned", number(self.totals.abandoned)), ("unaccounted", number(self.totals.unaccounted)),
        ])
        return object([
            ("complete", .bool(self.isComplete)), ("dryRun", .bool(self.isDryRun)), ("parts", .array(parts)),
            ("accounts", accounts),
        ])
    }
}
