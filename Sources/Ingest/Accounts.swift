package import Nostr
package import NostrCache
import Synchronization

/// Where every received event went: `received + embedded = duplicate + rejected + written + replaced + deleted + in flight`.
///
/// Each step that takes events in settles them batch by batch: what it was given must equal the sum of what it did with
/// them, and the difference is added to `unaccounted`, which must stay 0. The steps count independently of each other, so
/// a branch that drops an event shows up here and in the readiness of the service.
package final class Accounts: Sendable {
    /// What became of the frames of one batch of one relay.
    package struct FrameCounts: Equatable, Sendable {
        /// EVENT frames that were read.
        package var received = 0
        /// Events that were read from the content of others (NIP-18, NIP-72); 0 unless they are asked for.
        package var embedded = 0
        /// Copies of committed events, recognised before parsing.
        package var duplicates = 0
        package var rejected: [EventRejection: Int] = [:]
        /// Handed to the queue: verified, to be stored or to be quarantined.
        package var queued = 0
        /// Messages that could not be read and did not say EVENT, and binary messages.
        package var unreadable = 0
        package var messages: [String: Int] = [:]
        package var bytes = 0

        package init() {}

        package mutating func reject(_ reason: EventRejection) { self.rejected[reason, default: 0] += 1 }

        package var difference: Int {
            self.received + self.embedded - self.duplicates - self.rejected.values.reduce(0, +) - self.queued
        }
    }

    /// What became of the events of one committed batch.
    package struct WriteCounts: Equatable, Sendable {
        package var written = 0
        /// The id was there already.
        package var duplicates = 0
        /// The same, in a batch that was written again because its first COMMIT was in doubt.
        package var retried = 0
        package var replaced = 0
        package var deleted = 0
        package var rejected: [EventRejection: Int] = [:]
        /// The outcomes that metrics tell apart by kind.
        package var kinds: [Kind: KindCounts] = [:]

        package init() {}

        package var total: Int {
            self.written + self.duplicates + self.retried + self.replaced + self.deleted
                + self.rejected.values.reduce(0, +)
        }
    }

    package struct KindCounts: Equatable, Sendable {
        package var written = 0
        package var replaced = 0
        package var deleted = 0

        package init(written: Int = 0, replaced: Int = 0, deleted: Int = 0) {
            self.written = written
            self.replaced = replaced
            self.deleted = deleted
        }

        package static func + (one: Self, other: Self) -> Self {
            Self(
                written: one.written + other.written, replaced: one.replaced + other.replaced,
                deleted: one.deleted + other.deleted)
        }
    }

    package struct Totals: Equatable, Sendable {
        package var relays: [String: FrameCounts] = [:]
        package var write = WriteCounts()
        /// Given to the queue when the service was stopping, which did not take them; they will be fetched again.
        package var abandoned = 0
        package var unaccounted = 0

        package init() {}

        package var received: Int { self.relays.values.reduce(0) { $0 + $1.received } }
        package var embedded: Int { self.relays.values.reduce(0) { $0 + $1.embedded } }
        package var duplicatesPeeked: Int { self.relays.values.reduce(0) { $0 + $1.duplicates } }
        package var rejected: [EventRejection: Int] {
            self.relays.values.reduce(into: self.write.rejected) { sum, counts in
                sum.merge(counts.rejected, uniquingKeysWith: +)
            }
        }
        /// In the queue or with the writer.
        package var inFlight: Int {
            self.relays.values.reduce(0) { $0 + $1.queued } - self.write.total - self.abandoned
        }
    }

    private let totals = Mutex(Totals())

    package init() {}

    package var snapshot: Totals { self.totals.withLock { $0 } }

    /// Makes a relay known, so that its counters exist before its first frame.
    package func register(_ relay: String) {
        self.totals.withLock { $0.relays[relay, default: FrameCounts()].received += 0 }
    }

    /// Settles what a relay's task read, before it hands the queued part over.
    package func settle(_ counts: FrameCounts, from relay: String) {
        self.totals.withLock { totals in
            totals.relays[relay, default: FrameCounts()].add(counts)
            totals.unaccounted += abs(counts.difference)
        }
    }

    /// The queue did not take them, because the service is stopping.
    package func abandon(_ events: Int) {
        self.totals.withLock { $0.abandoned += events }
    }

    /// Settles a batch of `taken` events that was committed.
    package func settle(_ counts: WriteCounts, taken: Int) {
        self.totals.withLock { totals in
            totals.write.add(counts)
            totals.unaccounted += abs(taken - counts.total)
        }
    }

    /// At rest, with an empty queue and an idle writer, nothing is in flight; what is has been lost in between.
    package func settleAtRest() {
        self.totals.withLock { totals in
            totals.unaccounted += abs(totals.inFlight)
        }
    }
}

extension Accounts.FrameCounts {
    mutating func add(_ other: Self) {
        self.received += other.received
        self.embedded += other.embedded
        self.duplicates += other.duplicates
        self.rejected.merge(other.rejected, uniquingKeysWith: +)
        self.queued += other.queued
        self.unreadable += other.unreadable
        self.messages.merge(other.messages, uniquingKeysWith: +)
        self.bytes += other.bytes
    }
}

extension Accounts.WriteCounts {
    fileprivate mutating func add(_ other: Self) {
        self.written += other.written
        self.duplicates += other.duplicates
        self.retried += other.retried
        self.replaced += other.replaced
        self.deleted += other.deleted
        self.rejected.merge(other.rejected, uniquingKeysWith: +)
        self.kinds.merge(other.kinds, uniquingKeysWith: +)
    }

    /// Counts an outcome; `isRetry` says that an earlier attempt to write the batch may have committed.
    package mutating func add(_ outcome: WriteOutcome, of kind: Kind, isRetry: Bool) {
        switch outcome {
        case .written:
            self.written += 1
            self.kinds[kind, default: Accounts.KindCounts()].written += 1
        case .duplicate:
            if isRetry { self.retried += 1 } else { self.duplicates += 1 }
        case .replaced:
            self.replaced += 1
            self.kinds[kind, default: Accounts.KindCounts()].replaced += 1
        case .deleted:
            self.deleted += 1
            self.kinds[kind, default: Accounts.KindCounts()].deleted += 1
        case .rejected(let reason): self.rejected[reason, default: 0] += 1
        }
    }
}
