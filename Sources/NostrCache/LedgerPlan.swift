import Nostr

/// What the coverage items of a batch come to: one change of coverage for each (relay, stream), and the holes that
/// stay.
///
/// A hole withdraws what was covered of its span, and an advance deletes the holes inside its span. Doing the steps in
/// the order withdraw, advance, forget, record gives the same tables as doing item after item.
struct LedgerPlan {
    struct Key: Hashable, Comparable {
        let relay: RelayID
        let stream: StreamID

        static func < (left: Key, right: Key) -> Bool {
            left.relay != right.relay ? left.relay < right.relay : left.stream < right.stream
        }
    }

    struct Hole {
        let span: Range<Timestamp>
        var reason: HoleReason
        var attempts: Int32
    }

    struct Entry {
        var covered = CoverageSet()
        /// What holes took back, and no later advance has proven again.
        var withdrawn = CoverageSet()
        var lastProof: CoverageProof?
        /// Some proof of the batch was an answer of stored events.
        var hasEOSE = false
        /// The spans as they came: a hole is explained by one of them, not by two together.
        var spans: [Range<Timestamp>] = []
        var holes: [Hole] = []
    }

    private(set) var entries: [Key: Entry] = [:]

    init(_ items: ArraySlice<CacheItem>) {
        for item in items {
            switch item {
            case .coverage(let advance):
                guard !advance.span.isEmpty else { continue }
                self.entries[Key(relay: advance.relay, stream: advance.stream), default: Entry()].add(advance)
            case .hole(let hole):
                guard !hole.span.isEmpty else { continue }
                self.entries[Key(relay: hole.relay, stream: hole.stream), default: Entry()].add(hole)
            case .event, .quarantine, .sighting, .heartbeat:
                break
            }
        }
    }

    var isEmpty: Bool { self.entries.isEmpty }

    /// Sorted by key, so that two writers lock in one order.
    var sorted: [(key: Key, entry: Entry)] {
        self.entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

extension LedgerPlan.Entry {
    mutating func add(_ advance: CoverageAdvance) {
        self.covered.insert(advance.span)
        self.withdrawn.subtract(advance.span)
        self.lastProof = advance.proof
        if advance.proof != .live { self.hasEOSE = true }
        self.spans.append(advance.span)
        self.holes.removeAll {
            advance.span.lowerBound <= $0.span.lowerBound && $0.span.upperBound <= advance.span.upperBound
        }
    }

    mutating func add(_ hole: CoverageHole) {
        self.covered.subtract(hole.span)
        self.withdrawn.insert(hole.span)
        if let index = self.holes.firstIndex(where: { $0.span == hole.span }) {
            self.holes[index].reason = hole.reason
            self.holes[index].attempts += 1
        } else {
            self.holes.append(LedgerPlan.Hole(span: hole.span, reason: hole.reason, attempts: 1))
        }
    }
}
