package import LineFiles
package import Nostr
import NostrCache

/// Reads a file of events, a JSON object a line, and hands what verifies to the writer: as strict as with a relay.
///
/// Ids that are rows already are asked for before anything is parsed, so what an earlier run has committed costs a look
/// into an index and no signature. That is what makes an import resumable: killed at any moment, it is run again.
package struct EventImport: Sendable {
    private let file: EventFile
    /// Nil: nothing is asked and nothing is written.
    private let database: CacheDatabase?
    private let kinds: Set<Kind>?
    private let services: IngestServices
    private let limits: EventLimits
    private let tally: ImportTally

    /// The label of an import in the accounts.
    package static let source = "import"
    /// One look into the index, and one hand-over to the queue.
    private static let linesMax = 500
    private static let bytesMax = 1024 * 1024

    /// - Parameters:
    ///   - database: where known ids are looked up; nil for a dry run, which verifies and no more.
    ///   - kinds: what is asked for; nil is everything that can be stored.
    package init(
        _ file: EventFile, database: CacheDatabase?, kinds: Set<Kind>?, services: IngestServices, limits: EventLimits,
        tally: ImportTally
    ) {
        self.file = file
        self.database = database
        self.kinds = kinds
        self.services = services
        self.limits = limits
        self.tally = tally
    }

    /// A line that was refused before the writer saw it.
    package struct Refusal: Sendable {
        package let line: LineReader.Line
        package let reason: EventRejection
    }

    package struct Progress: Sendable {
        package let packedBytes: Int
        package let size: Int?
        package let received: Int
    }

    /// Imports to the end of the file.
    ///
    /// - Parameter onBatch: is told what was refused and how far it is, batch by batch.
    /// - Throws: `LineFileError`, `PostgresError`, `CancellationError`, and what `onBatch` throws.
    package func run(onBatch: @Sendable ([Refusal], Progress) async throws -> Void) async throws {
        let verifier = EventVerifier(keys: self.services.keys)
        while true {
            let batch = try await self.file.next(linesMax: Self.linesMax, bytesMax: Self.bytesMax)
            guard !batch.lines.isEmpty else { return }
            let lines = batch.lines.filter { !$0.isBlank }
            var reading = Reading()
            let known = try await self.known(lines)
            for line in lines {
                self.read(line, known: known, verifier, &reading)
            }
            try await self.handOver(&reading)
            try await onBatch(
                reading.refusals,
                Progress(packedBytes: batch.packedBytes, size: batch.size, received: self.tally.snapshot.received))
            try Task.checkCancellation()
        }
    }

    /// What became of one batch of lines.
    private struct Reading {
        var items: [CacheItem] = []
        var refusals: [Refusal] = []
        var counts = Accounts.FrameCounts()
        var totals = ImportTally.Totals()
    }

    private func known(_ lines: [LineReader.Line]) async throws -> [EventID: Kind] {
        guard let database = self.database else { return [:] }
        let ids = lines.compactMap { EventPeek.id(ofObject: $0.bytes.span) }
        return try await database.read { try await $0.kinds(of: ids) }
    }

    private func read(
        _ line: LineReader.Line, known: [EventID: Kind], _ verifier: borrowing EventVerifier, _ reading: inout Reading
    ) {
        reading.counts.received += 1
        reading.totals.received += 1
        reading.counts.bytes += line.bytes.count
        if !known.isEmpty, let id = EventPeek.id(ofObject: line.bytes.span), let kind = known[id] {
            reading.counts.duplicates += 1
            reading.totals.byKind[kind, default: .init()].duplicate += 1
            return
        }
        var kind: Kind?
        do throws(EventRejection) {
            if line.isTooLong { throw .tooLarge }
            let event = try Event(parsing: line.bytes.span, limits: self.limits)
            kind = event.kind
            if let reason = EventGate.refusal(of: event.kind) { throw reason }
            if let kinds = self.kinds, !kinds.contains(event.kind) { throw .policy }
            let time = self.services.time.microseconds()
            let item = try EventIntake.item(
                of: event, verifiedBy: verifier, from: nil, limits: self.limits, at: Timestamp(time / 1_000_000),
                seenAt: time)
            if case .quarantine(let quarantined) = item {
                reading.refusals.append(Refusal(line: line, reason: quarantined.reason))
            }
            reading.counts.queued += 1
            reading.items.append(item)
        } catch {
            reading.counts.reject(error)
            reading.totals.byKind[kind, default: .init()].rejected[error, default: 0] += 1
            reading.refusals.append(Refusal(line: line, reason: error))
        }
    }

    /// The writer settles what it is given; a dry run settles it here.
    private func handOver(_ reading: inout Reading) async throws {
        let isDryRun = self.database == nil
        if isDryRun {
            for item in reading.items {
                switch item {
                case .event(let verified, _, _):
                    reading.totals.byKind[verified.event.kind, default: .init()].valid += 1
                case .quarantine(let quarantined):
                    let kind = quarantined.event.event.kind
                    reading.totals.byKind[kind, default: .init()].rejected[quarantined.reason, default: 0] += 1
                case .coverage, .hole, .sighting, .heartbeat: break
                }
            }
        }
        let totals = reading.totals
        self.tally.update { sum in
            sum.received += totals.received
            for (kind, outcomes) in totals.byKind { sum.byKind[kind, default: .init()].add(outcomes) }
        }
        guard !isDryRun else { return }
        self.services.accounts.settle(reading.counts, from: Self.source)
        do {
            try await self.services.queue.send(reading.items)
        } catch {
            self.services.accounts.abandon(reading.counts.queued)
            throw error
        }
    }
}

extension LineReader.Line {
    /// Nothing but white space of JSON.
    fileprivate var isBlank: Bool {
        !self.isTooLong && self.bytes.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) }
    }
}
