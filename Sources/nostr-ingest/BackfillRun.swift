import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import Serving
import Synchronization

/// One backfill, from its plan to its final table.
struct BackfillRun {
    let order: Backfill.Order
    let configuration: IngestConfiguration
    let database: OpenDatabase
    let isDryRun: Bool
    let logger: Logger

    func run() async throws -> BackfillOutcome {
        let run = WriterRun(self.configuration, database: self.database, logger: self.logger)
        let ledger = CacheDatabase(configuration: self.database.configuration, logger: self.logger)
        let backfill = Backfill(
            self.order, configuration: self.configuration, services: run.services, database: ledger)
        let planned = try await backfill.plan()
        var errors: [String: String] = [:]
        if !self.isDryRun, planned.contains(where: { !$0.missing.isEmpty }) {
            errors =
                try await self.fill(backfill, run, planned) ?? [BackfillOutcome.interrupted: "interrupted"]
        }
        let parts = self.isDryRun ? planned : try await backfill.plan()
        await ledger.close()
        return BackfillOutcome(
            parts: parts, errors: errors, totals: run.services.accounts.snapshot, isDryRun: self.isDryRun)
    }

    /// Relays fill the queue, the writer empties it. Nil: interrupted.
    private func fill(
        _ backfill: Backfill, _ run: WriterRun, _ planned: [Backfill.Part]
    ) async throws -> [String: String]? {
        let display = ProgressDisplay("backfill")
        defer { display.end() }
        let missing = MissingSeconds(planned)
        let accounts = run.services.accounts
        return try await run.run {
            try await backfill.run { relay, stream, seconds in
                display.update(missing.update(relay, stream, seconds), accounts.snapshot.received)
            }
        }
    }

    /// How much of what was missing has been found, over all parts.
    private final class MissingSeconds: Sendable {
        private let total: Int64
        private let parts: Mutex<[String: Int64]>

        init(_ planned: [Backfill.Part]) {
            self.total = planned.reduce(0) { $0 + $1.missingSeconds }
            self.parts = Mutex(
                Dictionary(planned.map { ("\($0.relay) \($0.stream)", $0.missingSeconds) }, uniquingKeysWith: +))
        }

        /// The share that is done, of 1.
        func update(_ relay: String, _ stream: String, _ seconds: Int64) -> Double {
            let left = self.parts.withLock { parts in
                parts["\(relay) \(stream)"] = seconds
                return parts.values.reduce(0, +)
            }
            return self.total > 0 ? Double(self.total - left) / Double(self.total) : 1
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
        let embedded = self.totals.embedded > 0 ? " + embedded \(self.totals.embedded)" : ""
        lines.append("")
        lines.append(
            "received \(self.totals.received)\(embedded) = duplicate \(self.totals.duplicatesPeeked + write.duplicates + write.retried)"
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
            ("received", number(self.totals.received)), ("embedded", number(self.totals.embedded)),
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
