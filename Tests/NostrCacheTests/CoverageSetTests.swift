import Nostr
import NostrCache
import Testing

struct CoverageSetTests {
    /// Every operation agrees with a plain set of seconds.
    @Test(arguments: 0..<20)
    func `behaves like a set of seconds`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var set = CoverageSet()
        var model: Set<Int64> = []
        for _ in 0..<200 {
            let bounds = [Int64.random(in: 0...60, using: &random), Int64.random(in: 0...60, using: &random)].sorted()
            let range = bounds[0]..<bounds[1]
            if Bool.random(using: &random) {
                set.insert(range.timestamps)
                model.formUnion(range)
            } else {
                set.subtract(range.timestamps)
                model.subtract(range)
            }
            #expect(seconds(set.ranges) == model)
            #expect(isNormal(set))
            #expect(CoverageSet(set.description) == set)
            #expect(CoverageSet(set.ranges.shuffled(using: &random)) == set)
            let window = bounds[0]..<(bounds[0] + 20)
            #expect(seconds(set.holes(in: window.timestamps)) == Set(window).subtracting(model))
            #expect(seconds(set.intersection(window.timestamps).ranges) == model.intersection(window))
            #expect(set.contains(window.timestamps) == model.isSuperset(of: window))
            #expect(set.contains(Timestamp(bounds[0])) == model.contains(bounds[0]))
            #expect(set.upperBound?.seconds == model.max().map { $0 + 1 })
        }
    }

    private func seconds(_ ranges: [Range<Timestamp>]) -> Set<Int64> {
        Set(ranges.flatMap { $0.lowerBound.seconds..<$0.upperBound.seconds })
    }

    /// Sorted, no empty range, no two that touch.
    private func isNormal(_ set: CoverageSet) -> Bool {
        set.ranges.allSatisfy { !$0.isEmpty }
            && zip(set.ranges, set.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
    }

    @Test func `sets combine with sets`() {
        let left = CoverageSet([(0..<10).timestamps, (20..<30).timestamps])
        let right = CoverageSet([(5..<25).timestamps])
        #expect(left.intersection(right) == CoverageSet([(5..<10).timestamps, (20..<25).timestamps]))
        var union = left
        union.formUnion(right)
        #expect(union.description == "{[0,30)}")
        var rest = left
        rest.subtract(right)
        #expect(rest.description == "{[0,5),[25,30)}")
    }

    @Test(arguments: [
        "", "{", "[0,1)", "{[0,1]}", "{(0,1)}", "{[1,1)}", "{[2,1)}", "{[0,)}", "{(,5)}", "{[0,1),}", "{[0,1),[5}",
    ])
    func `other text is no coverage`(text: String) {
        #expect(CoverageSet(text) == nil)
    }

    @Test(arguments: ["{}", "{[0,10)}", "{[0,10),[20,9007199254740991)}"])
    func `what PostgreSQL writes is read and written again`(text: String) {
        #expect(CoverageSet(text)?.description == text)
    }
}
