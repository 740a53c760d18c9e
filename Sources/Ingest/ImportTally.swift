package import Nostr
package import NostrCache
import Synchronization

/// What became of the lines of an import, by kind: the table that the operator is shown.
///
/// `received = duplicate + rejected + written + replaced + deleted`, here as everywhere; ``Accounts`` keeps the same
/// books without the kinds.
package final class ImportTally: Sendable {
    package struct Outcomes: Equatable, Sendable {
        package var written = 0
        package var duplicate = 0
        package var replaced = 0
        package var deleted = 0
        package var rejected: [EventRejection: Int] = [:]
        /// Of a dry run: verified, and offered to nobody.
        package var valid = 0

        package init() {}

        package var total: Int {
            self.written + self.duplicate + self.replaced + self.deleted + self.valid
                + self.rejected.values.reduce(0, +)
        }

        package mutating func add(_ other: Self) {
            self.written += other.written
            self.duplicate += other.duplicate
            self.replaced += other.replaced
            self.deleted += other.deleted
            self.valid += other.valid
            self.rejected.merge(other.rejected, uniquingKeysWith: +)
        }

        mutating func count(_ outcome: WriteOutcome) {
            switch outcome {
            case .written: self.written += 1
            case .duplicate: self.duplicate += 1
            case .replaced: self.replaced += 1
            case .deleted: self.deleted += 1
            case .rejected(let reason): self.rejected[reason, default: 0] += 1
            }
        }
    }

    package struct Totals: Equatable, Sendable {
        /// Lines that are not empty.
        package var received = 0
        /// Nil: the line could not be read as an event.
        package var byKind: [Kind?: Outcomes] = [:]

        package init() {}

        package var sum: Outcomes { self.byKind.values.reduce(into: Outcomes()) { $0.add($1) } }
    }

    private let totals = Mutex(Totals())

    package init() {}

    package var snapshot: Totals { self.totals.withLock { $0 } }

    /// Settles a committed batch of the writer.
    package func settle(_ outcomes: [(kind: Kind, outcome: WriteOutcome)]) {
        self.totals.withLock { totals in
            for (kind, outcome) in outcomes { totals.byKind[kind, default: Outcomes()].count(outcome) }
        }
    }

    func update(_ change: (inout Totals) -> Void) { self.totals.withLock { change(&$0) } }
}
