import Ingest
import Nostr
import NostrCache
import Testing

struct AccountsTests {
    func counts(received: Int, duplicates: Int = 0, rejected: Int = 0, queued: Int = 0) -> Accounts.FrameCounts {
        var counts = Accounts.FrameCounts()
        counts.received = received
        counts.duplicates = duplicates
        if rejected > 0 { counts.rejected[.badSignature] = rejected }
        counts.queued = queued
        return counts
    }

    private static func writes(_ outcomes: [WriteOutcome], isRetry: Bool = false) -> Accounts.WriteCounts {
        outcomes.reduce(into: Accounts.WriteCounts()) { $0.add($1, of: .note, isRetry: isRetry) }
    }

    @Test func `outcomes are also counted by kind`() {
        let accounts = Accounts()
        let batch: [(kind: Kind, outcome: WriteOutcome)] = [
            (.note, .written), (.profile, .replaced), (.note, .written), (.reaction, .deleted), (.note, .duplicate),
        ]
        let counts = batch.reduce(into: Accounts.WriteCounts()) { $0.add($1.outcome, of: $1.kind, isRetry: false) }
        for _ in 1...2 { accounts.settle(counts, taken: batch.count) }
        #expect(
            accounts.snapshot.write.kinds == [
                .note: .init(written: 4), .profile: .init(replaced: 2), .reaction: .init(deleted: 2),
            ])
    }

    @Test func `what is received and settled balances`() {
        let accounts = Accounts()
        accounts.settle(self.counts(received: 10, duplicates: 3, rejected: 2, queued: 5), from: "a")
        #expect(accounts.snapshot.inFlight == 5)
        accounts.settle(
            Self.writes([.written, .written, .duplicate, .replaced, .rejected(.unstorable)]),
            taken: 5)
        accounts.settleAtRest()
        #expect(accounts.snapshot.unaccounted == 0)
        #expect(accounts.snapshot.inFlight == 0)
        #expect(accounts.snapshot.rejected == [.badSignature: 2, .unstorable: 1])
    }

    @Test func `a frame that no branch counted is unaccounted`() {
        let accounts = Accounts()
        accounts.settle(self.counts(received: 10, duplicates: 3, rejected: 2, queued: 4), from: "a")
        #expect(accounts.snapshot.unaccounted == 1)
    }

    @Test func `an event that the writer took and gave no outcome is unaccounted`() {
        let accounts = Accounts()
        accounts.settle(self.counts(received: 3, queued: 3), from: "a")
        accounts.settle(Self.writes([.written, .written]), taken: 3)
        #expect(accounts.snapshot.unaccounted == 1)
    }

    @Test func `an event that vanished between queue and writer is unaccounted at rest`() {
        let accounts = Accounts()
        accounts.settle(self.counts(received: 3, queued: 3), from: "a")
        accounts.settle(Self.writes([.written, .written]), taken: 2)
        accounts.settleAtRest()
        #expect(accounts.snapshot.unaccounted == 1)
    }

    @Test func `faults of two kinds do not cancel each other out`() {
        let accounts = Accounts()
        accounts.settle(self.counts(received: 3, queued: 2), from: "a")
        accounts.settle(self.counts(received: 2, queued: 3), from: "b")
        #expect(accounts.snapshot.unaccounted == 2)
    }

    @Test func `copies found while writing again are told from others`() {
        let counts = Self.writes([.duplicate, .written], isRetry: true)
        #expect(counts.retried == 1)
        #expect(counts.duplicates == 0)
        #expect(counts.total == 2)
    }

    @Test func `what a stopping queue did not take is neither lost nor in flight`() {
        let accounts = Accounts()
        accounts.settle(self.counts(received: 3, queued: 3), from: "a")
        accounts.abandon(3)
        accounts.settleAtRest()
        #expect(accounts.snapshot.unaccounted == 0)
    }
}
