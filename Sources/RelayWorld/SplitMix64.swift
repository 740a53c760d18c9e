/// A small generator of pseudo-random numbers, the same everywhere for the same seed.
///
/// Everything random in the world comes from here. The standard library's own algorithms (`shuffle`, `random(in:)`) may
/// change between releases, so the few that are needed stand here too.
package struct SplitMix64: RandomNumberGenerator, Hashable, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        self.state = seed
    }

    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` − 1; the bias of 1 in 2^64 / bound does not matter here.
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "There is no number below \(bound)")
        return Int(self.next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// True once in `1 / probability` calls.
    package mutating func chance(_ probability: Double) -> Bool {
        Double(self.next() >> 11) * 0x1p-53 < probability
    }

    package mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[self.below(elements.count)]
    }

    /// An index in proportion to its weight; the sum of the weights must be positive.
    package mutating func index(weights: [Double]) -> Int {
        var rest = Double(self.next() >> 11) * 0x1p-53 * weights.reduce(0, +)
        for (index, weight) in weights.enumerated() {
            rest -= weight
            if rest < 0 { return index }
        }
        return weights.lastIndex { $0 > 0 } ?? 0
    }

    /// A small number is much likelier than a large one: few authors write most of a network's events.
    package mutating func skewed(below bound: Int) -> Int {
        let uniform = Double(self.next() >> 11) * 0x1p-53
        return min(bound - 1, Int(uniform * uniform * uniform * Double(bound)))
    }

    package mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for index in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(index, self.below(index + 1))
        }
    }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let word = self.next()
            for shift in stride(from: 0, to: 64, by: 8) where bytes.count < count {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return bytes
    }
}
