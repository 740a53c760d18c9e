import Nostr
import Testing

@testable import NostrCache

/// What appears and disappears in threads, against threads that are counted reply by reply.
struct ThreadDifferenceTests {
    /// A thread of numbered replies: each has a lower number as its parent, or nothing.
    private struct Forest {
        var parents: [Int?]
        var isAI: [Bool]
        var isStored: [Bool]

        init(seed: UInt64, count: Int) {
            var random = SeededGenerator(seed: seed)
            // Chains longer than the levels that are counted, and bushes.
            let reach = [2, 8, count].randomElement(using: &random) ?? count
            self.parents = (0..<count).map { number in
                number == 0 || Int.random(in: 0..<20, using: &random) == 0
                    ? nil : number - Int.random(in: 1...min(number, reach), using: &random)
            }
            self.isAI = (0..<count).map { _ in Int.random(in: 0..<3, using: &random) > 0 }
            self.isStored = (0..<count).map { _ in Bool.random(using: &random) }
        }

        static func id(_ number: Int) -> EventID { EventID(Bytes32(UInt64(number), 1, 2, 3)) }

        /// Descendants of each, all and over AI replies alone, up to twenty levels.
        var counts: [NamedID: [Int]] {
            var counts: [NamedID: [Int]] = [:]
            for reply in self.parents.indices where self.isStored[reply] {
                var isAIPath = self.isAI[reply]
                var above = self.parents[reply]
                for _ in 1...20 {
                    guard let target = above else { break }
                    let key = NamedID(Self.id(target))
                    counts[key, default: [0, 0]][0] += 1
                    counts[key, default: [0, 0]][1] += isAIPath ? 1 : 0
                    guard self.isStored[target] else { break }
                    isAIPath = isAIPath && self.isAI[target]
                    above = self.parents[target]
                }
            }
            return counts
        }

        /// The difference of the numbered replies, which are stored here, with what a database would answer.
        func difference(of set: [Int]) -> ThreadDifference {
            var difference = ThreadDifference(
                set.compactMap { number in
                    self.parents[number].map {
                        ThreadDifference.Reply(
                            id: Self.id(number), parent: NamedID(Self.id($0)), isAI: self.isAI[number])
                    }
                })
            for number in self.parents.indices where self.isStored[number] {
                difference.above[NamedID(Self.id(number))] = ThreadDifference.Link(
                    parent: self.parents[number].map { NamedID(Self.id($0)) }, isAI: self.isAI[number])
            }
            for number in set {
                var level = [(number, self.isAI[number])]
                var depths = ThreadDifference.Depths()
                for depth in 1..<ThreadDifference.levelsMax {
                    level = level.flatMap { (parent, isAI) in
                        self.parents.indices.filter { self.isStored[$0] && self.parents[$0] == parent }
                            .map { ($0, isAI && self.isAI[$0]) }
                    }
                    depths.set(all: level.count, ai: level.count { $0.1 }, at: depth)
                }
                difference.below[NamedID(Self.id(number))] = depths
            }
            return difference
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `replies that appear and disappear change what a recount changes`(seed: UInt64) {
        var random = SeededGenerator(seed: seed + 1_000)
        var forest = Forest(seed: seed, count: 60)
        var counts = forest.counts
        for _ in 0..<4 {
            for sign in [-1, 1] {
                let candidates = forest.parents.indices.filter { forest.isStored[$0] == (sign < 0) }
                let set = Array(candidates.shuffled(using: &random).prefix(Int.random(in: 0...12, using: &random)))
                var changes = StatsChanges(replyKinds: [.comment])
                if sign < 0 { forest.difference(of: set).apply(sign: -1, to: &changes) }
                for number in set { forest.isStored[number] = sign > 0 }
                if sign > 0 { forest.difference(of: set).apply(sign: 1, to: &changes) }
                for (target, change) in changes.events {
                    counts[target, default: [0, 0]][0] += change.count.descendants
                    counts[target, default: [0, 0]][1] += change.count.descendantsAI
                }
                #expect(counts.filter { $0.value != [0, 0] } == forest.counts.filter { $0.value != [0, 0] })
            }
        }
    }

    @Test func `the twentieth level counts and the twenty-first does not`() {
        var forest = Forest(seed: 0, count: 22)
        forest.parents = [nil] + (0..<21).map { $0 }
        forest.isAI = Array(repeating: true, count: 22)
        forest.isStored = Array(repeating: true, count: 22)
        var changes = StatsChanges(replyKinds: [.comment])
        forest.difference(of: [21]).apply(sign: 1, to: &changes)
        #expect(changes.events[NamedID(Forest.id(1))]?.count.descendants == 1)
        #expect(changes.events[NamedID(Forest.id(1))]?.count.descendantsAI == 1)
        #expect(changes.events[NamedID(Forest.id(0))] == nil)
    }
}
