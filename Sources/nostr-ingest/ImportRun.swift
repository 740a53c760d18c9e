import Ingest
import LineFiles
import Logging
import Nostr
import NostrCache
import Postgres
import Serving

/// One import, from the first line to the final table.
struct ImportRun {
    let file: EventFile
    let kinds: Set<Kind>?
    let configuration: IngestConfiguration
    let rejects: OutputFile?
    let logger: Logger

    func write(to database: OpenDatabase) async throws -> ImportOutcome {
        let tally = ImportTally()
        var run = WriterRun(self.configuration, database: database, logger: self.logger)
        run.onCommit = { tally.settle($0) }
        let reader = CacheDatabase(configuration: database.configuration, logger: self.logger)
        let work = self.work(run.services, reader, tally)
        let isComplete: Void? = try await run.run { try await work() }
        await reader.close()
        return ImportOutcome(
            totals: tally.snapshot, unaccounted: run.services.accounts.snapshot.unaccounted, isDryRun: false,
            wasInterrupted: isComplete == nil)
    }

    /// Without a database.
    func verify() async throws -> ImportOutcome {
        let tally = ImportTally()
        let limits = self.configuration.limits
        let services = IngestServices(
            queue: EventQueue(elementsMax: 1, bytesMax: 1), committed: CommittedEvents(capacity: 4),
            keys: PublicKeyCache(capacity: limits.publicKeys), accounts: Accounts(), status: ServiceStatus(),
            logger: self.logger)
        let work = self.work(services, nil, tally)
        let isComplete: Void? = try await Interruption.watch { try await $0.race { try await work() } }
        return ImportOutcome(
            totals: tally.snapshot, unaccounted: 0, isDryRun: true, wasInterrupted: isComplete == nil)
    }

    private func work(
        _ services: IngestServices, _ reader: CacheDatabase?, _ tally: ImportTally
    ) -> @Sendable () async throws -> Void {
        let source = EventImport(
            self.file, database: reader, kinds: self.kinds, services: services,
            limits: self.configuration.limits.event, tally: tally)
        let rejects = self.rejects
        return {
            let display = ProgressDisplay("import")
            defer { display.end() }
            try await source.run { refusals, progress in
                display.update(
                    progress.size.map { $0 > 0 ? Double(progress.packedBytes) / Double($0) : 1 }, progress.received)
                try await rejects?.write(refusals.map(\.json))
            }
        }
    }
}

extension EventImport.Refusal {
    /// A line of the reject file: its `text` can be imported again once the reason is gone.
    var json: [UInt8] {
        let text = self.line.isTooLong ? nil : String(decoding: self.line.bytes, as: UTF8.self)
        let object = JSONValue.object([
            .init(name: "line", value: .number("\(self.line.number)")),
            .init(name: "reason", value: .string(self.reason.rawValue)),
            .init(name: "text", value: text.map(JSONValue.string) ?? .null),
        ])
        return Array(object.text.utf8)
    }
}

/// What an import came to.
struct ImportOutcome: Sendable {
    let totals: ImportTally.Totals
    /// Received minus the sum of the outcomes, of the steps on the way; anything but 0 is a bug.
    let unaccounted: Int
    let isDryRun: Bool
    let wasInterrupted: Bool

    /// Kinds in order, then what was no event.
    private var kinds: [(name: String, outcomes: ImportTally.Outcomes)] {
        self.totals.byKind.sorted {
            ($0.key?.rawValue).map(Int.init) ?? .max < ($1.key?.rawValue).map(Int.init) ?? .max
        }
        .map { ($0.key.map { "\($0)" } ?? "unreadable", $0.value) }
    }

    private static func reasons(_ outcomes: ImportTally.Outcomes) -> [(reason: EventRejection, count: Int)] {
        outcomes.rejected.filter { $0.value > 0 }.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { ($0.key, $0.value) }
    }

    var lines: [String] {
        let first = self.isDryRun ? ["VALID"] : ["WRITTEN", "DUPLICATE", "REPLACED", "DELETED"]
        var rows = [["KIND", "RECEIVED"] + first + ["REJECTED", "REASONS"]]
        for (name, outcomes) in self.kinds + [("all", self.totals.sum)] {
            let numbers =
                self.isDryRun
                ? [outcomes.valid]
                : [outcomes.written, outcomes.duplicate, outcomes.replaced, outcomes.deleted]
            let reasons = Self.reasons(outcomes)
            rows.append(
                [name, "\(outcomes.total)"] + numbers.map { "\($0)" }
                    + ["\(reasons.reduce(0) { $0 + $1.count })"]
                    + [reasons.map { "\($0.reason.rawValue) \($0.count)" }.joined(separator: ", ")])
        }
        let sum = self.totals.sum
        var last = "received \(self.totals.received) = "
        last +=
            self.isDryRun
            ? "valid \(sum.valid)"
            : "written \(sum.written) + duplicate \(sum.duplicate) + replaced \(sum.replaced) + deleted \(sum.deleted)"
        last += " + rejected \(sum.rejected.values.reduce(0, +)); unaccounted \(self.unaccounted)"
        return TextTable.lines(rows) + ["", last]
            + (self.wasInterrupted ? ["interrupted: run it again to continue"] : [])
    }

    var json: JSONValue {
        func number(_ value: Int) -> JSONValue { .number("\(value)") }
        func members(_ outcomes: ImportTally.Outcomes) -> [JSONValue.Member] {
            let rejected = Self.reasons(outcomes).map {
                JSONValue.Member(name: $0.reason.rawValue, value: number($0.count))
            }
            let first: [(String, Int)] =
                self.isDryRun
                ? [("valid", outcomes.valid)]
                : [
                    ("written", outcomes.written), ("duplicate", outcomes.duplicate), ("replaced", outcomes.replaced),
                    ("deleted", outcomes.deleted),
                ]
            return first.map { JSONValue.Member(name: $0.0, value: number($0.1)) }
                + [.init(name: "rejected", value: .object(rejected))]
        }
        let kinds = self.kinds.map { JSONValue.Member(name: $0.name, value: .object(members($0.outcomes))) }
        return .object(
            [
                .init(name: "complete", value: .bool(!self.wasInterrupted)),
                .init(name: "dryRun", value: .bool(self.isDryRun)),
                .init(name: "received", value: number(self.totals.received)),
            ] + members(self.totals.sum) + [
                .init(name: "unaccounted", value: number(self.unaccounted)),
                .init(name: "kinds", value: .object(kinds)),
            ])
    }
}
