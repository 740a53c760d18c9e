import Nostr
import Testing

@testable import NostrCache

struct LedgerPlanTests {
    /// The three steps of the plan give what item after item gives.
    @Test(arguments: 0..<50)
    func `folding a batch equals doing item after item`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var model = LedgerModel()
        var folded = LedgerModel()
        for _ in 0..<10 {
            let items = LedgerModel.randomItems(relay: RelayID(1), stream: StreamID(1), using: &random)
            for item in items { model.apply(item) }
            folded.apply(LedgerPlan(items[...]))
            #expect(folded == model)
        }
    }

    @Test func `relays and streams do not mix, and keys are sorted`() {
        let span = (0..<10 as Range<Int64>).timestamps
        let items: [CacheItem] = [(2, 1), (1, 2), (1, 1)].map { relay, stream in
            .coverage(CoverageAdvance(relay: RelayID(relay), stream: StreamID(stream), span: span, proof: .live))
        }
        let keys = LedgerPlan(items[...]).sorted.map(\.key)
        #expect(keys.map(\.relay) == [RelayID(1), RelayID(1), RelayID(2)])
        #expect(keys.map(\.stream) == [StreamID(1), StreamID(2), StreamID(1)])
    }

    @Test func `an empty span changes nothing`() {
        let span = (5..<5 as Range<Int64>).timestamps
        let items: [CacheItem] = [
            .coverage(CoverageAdvance(relay: RelayID(1), stream: StreamID(1), span: span, proof: .live)),
            .hole(CoverageHole(relay: RelayID(1), stream: StreamID(1), span: span, reason: .refused)),
        ]
        #expect(LedgerPlan(items[...]).isEmpty)
    }
}

/// What the ledger's tables hold for one relay and stream, item after item.
struct LedgerModel: Equatable {
    struct Hole: Equatable {
        var reason: HoleReason
        var attempts: Int32
    }

    var covered = CoverageSet()
    var lastProof: CoverageProof?
    var holes: [Range<Timestamp>: Hole] = [:]

    mutating func apply(_ item: CacheItem) {
        switch item {
        case .coverage(let advance):
            self.covered.insert(advance.span)
            self.lastProof = advance.proof
            self.forgetHoles(in: advance.span)
        case .hole(let hole):
            self.covered.subtract(hole.span)
            self.holes[hole.span] = Hole(reason: hole.reason, attempts: (self.holes[hole.span]?.attempts ?? 0) + 1)
        case .event, .quarantine, .sighting, .heartbeat:
            break
        }
    }

    /// As the writer's statements do it.
    mutating func apply(_ plan: LedgerPlan) {
        for (_, entry) in plan.sorted {
            self.covered.subtract(entry.withdrawn)
            self.covered.formUnion(entry.covered)
            self.lastProof = entry.lastProof ?? self.lastProof
            for span in entry.spans { self.forgetHoles(in: span) }
            for hole in entry.holes {
                self.holes[hole.span] = Hole(
                    reason: hole.reason, attempts: (self.holes[hole.span]?.attempts ?? 0) + hole.attempts)
            }
        }
    }

    private mutating func forgetHoles(in span: Range<Timestamp>) {
        self.holes = self.holes.filter {
            !($0.key.lowerBound >= span.lowerBound && $0.key.upperBound <= span.upperBound)
        }
    }

    static func randomItems(
        relay: RelayID, stream: StreamID, using random: inout some RandomNumberGenerator
    ) -> [CacheItem] {
        (0..<Int.random(in: 0...6, using: &random)).map { _ in
            let lower = Int64.random(in: 0..<40, using: &random)
            let isAdvance = Bool.random(using: &random)
            let span = (lower..<lower + Int64.random(in: 1...(isAdvance ? 15 : 4), using: &random)).timestamps
            let proof = CoverageProof.allCases.randomElement(using: &random) ?? .live
            let reason = HoleReason.allCases.randomElement(using: &random) ?? .refused
            return isAdvance
                ? .coverage(CoverageAdvance(relay: relay, stream: stream, span: span, proof: proof))
                : .hole(CoverageHole(relay: relay, stream: stream, span: span, reason: reason))
        }
    }
}
