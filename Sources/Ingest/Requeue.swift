package import Nostr
package import NostrCache
package import Postgres

/// Runs quarantined events through the whole pipeline again: parser, verification, gate, writer.
///
/// What gets another outcome than a rejection that keeps the bytes leaves quarantine; everything else stays, with one
/// attempt more. Killed in the middle it is run again: what was written is then a duplicate, and leaves.
package struct Requeue: Sendable {
    private let connection: PostgresConnection
    private let writer: CacheWriter
    private let keys: PublicKeyCache
    private let limits: EventLimits
    private let time: IngestTime

    /// Entries of one transaction: they may have half a megabyte each.
    private static let entriesMax = 32

    /// - Parameter writer: writes through `connection`.
    package init(
        _ connection: PostgresConnection, writer: CacheWriter, keys: PublicKeyCache, limits: EventLimits,
        time: IngestTime = .system
    ) {
        self.connection = connection
        self.writer = writer
        self.keys = keys
        self.limits = limits
        self.time = time
    }

    package struct Outcome: Equatable, Sendable {
        package var written = 0
        package var duplicate = 0
        package var replaced = 0
        package var deleted = 0
        /// Refused for good, such as expired meanwhile.
        package var dropped: [EventRejection: Int] = [:]
        /// Still in quarantine.
        package var kept: [EventRejection: Int] = [:]

        package init() {}

        package var left: Int {
            self.written + self.duplicate + self.replaced + self.deleted + self.dropped.values.reduce(0, +)
        }
    }

    /// - Parameter entriesMax: no more than this at once; nil is all.
    package func run(_ selection: Quarantine.Selection, limit: Int? = nil) async throws -> Outcome {
        let quarantine = Quarantine(connection: self.connection)
        var outcome = Outcome()
        var last: Int64 = 0
        var left = limit ?? .max
        while left > 0 {
            let page = try await quarantine.candidates(selection, after: last, limit: min(left, Self.entriesMax))
            guard let end = page.last else { break }
            last = end.id
            left -= page.count
            try await self.write(page, quarantine, &outcome)
            try Task.checkCancellation()
        }
        return outcome
    }

    private func write(
        _ page: [Quarantine.Candidate], _ quarantine: Quarantine, _ outcome: inout Outcome
    ) async throws {
        let verifier = EventVerifier(keys: self.keys)
        var items: [CacheItem] = []
        var offered: [Int64] = []
        var results: [(id: Int64, outcome: WriteOutcome)] = []
        for candidate in page {
            do throws(EventRejection) {
                let event = try Event(parsing: candidate.raw.span, limits: self.limits)
                if let reason = EventGate.refusal(of: event.kind) { throw reason }
                items.append(
                    try EventIntake.item(
                        of: event, verifiedBy: verifier, from: candidate.relay, limits: self.limits,
                        at: self.time.wall, seenAt: candidate.seenAt))
                offered.append(candidate.id)
            } catch {
                results.append((candidate.id, .rejected(error)))
            }
        }
        results += zip(offered, try await self.writer.write(items).outcomes).map { ($0, $1) }

        var leaving: [Int64] = []
        var early: [Int64] = []
        var failing: [Int64] = []
        for (id, result) in results {
            switch result {
            case .written: outcome.written += 1
            case .duplicate: outcome.duplicate += 1
            case .replaced: outcome.replaced += 1
            case .deleted: outcome.deleted += 1
            case .rejected(.expired): outcome.dropped[.expired, default: 0] += 1
            case .rejected(let reason):
                outcome.kept[reason, default: 0] += 1
                if reason == .future { early.append(id) } else { failing.append(id) }
                continue
            }
            leaving.append(id)
        }
        if !leaving.isEmpty { _ = try await quarantine.drop(.ids(leaving)) }
        if !early.isEmpty { try await quarantine.countFailure(of: early, keepsRetry: true) }
        if !failing.isEmpty { try await quarantine.countFailure(of: failing, keepsRetry: false) }
    }
}
