/// The generator of every random test: the same seed gives the same test on every machine.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A number below `bound`. Cheaper than `Int.random(in:using:)` in a debug build, and even enough for tests.
    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: self.next() >> 33) % bound
    }

    /// True once in `chances` times.
    mutating func oneIn(_ chances: Int) -> Bool { self.below(chances) == 0 }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[self.below(elements.count)] }
}
