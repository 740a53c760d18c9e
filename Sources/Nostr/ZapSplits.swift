/// How the author of an event wants zaps of it to be divided: its `zap` tags (NIP-57, appendix G).
package struct ZapSplits: Sendable {
    package struct Split: Hashable, Sendable {
        package let pubkey: PublicKey
        package let relay: WireText?
        /// As written; nil if the tag ends before it. An empty one is a missing one.
        package let weight: WireText?
        package let share: Fraction
    }

    /// In lowest terms: thirds are no decimal numbers.
    package struct Fraction: Hashable, Sendable {
        package let numerator, denominator: UInt128

        init(_ numerator: UInt128, of whole: UInt128) {
            var (divisor, rest) = (whole, numerator)
            while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
            self.numerator = divisor == 0 ? 0 : numerator / divisor
            self.denominator = divisor == 0 ? 1 : whole / divisor
        }
    }

    /// Digits before the decimal point; a weight beyond a trillion is unreadable.
    package static let integerDigitsMax = 12
    /// Digits behind it that count: one more would not move a millisatoshi of all there are.
    package static let fractionDigitsMax = 18

    /// In the order of the tags; one with an invalid key is passed over.
    package let splits: [Split]

    package init(_ tags: Tags) {
        let entries = tags.compactMap { tag -> (PublicKey, Tag)? in
            guard tag.isNamed("zap"), let key = tag.value?.hex32 else { return nil }
            return (PublicKey(key), tag)
        }
        // Without any weight everybody has the same; beside one, a missing weight is none.
        let isWeighted = entries.contains { _, tag in tag.nonEmpty(3) != nil }
        let weights = entries.map { _, tag in isWeighted ? tag.nonEmpty(3).map { Self.weight($0.bytes) } ?? 0 : 1 }
        let sum = weights.reduce(0, +)
        self.splits = zip(entries, weights).map { entry, weight in
            Split(
                pubkey: entry.0, relay: entry.1.nonEmpty(2), weight: entry.1[3], share: Fraction(weight, of: sum))
        }
    }

    /// Whether there is anybody to pay.
    package var isPayable: Bool { self.splits.contains { $0.share.numerator > 0 } }

    /// `\d+(\.\d+)?` as an integer, scaled by 10^18; zero for anything else.
    private static func weight(_ text: [UInt8]) -> UInt128 {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isDigit) }) else { return 0 }
        let integer = parts[0].drop { $0 == UInt8(ascii: "0") }
        guard integer.count <= Self.integerDigitsMax else { return 0 }
        let fraction = parts.dropFirst().first?.prefix(Self.fractionDigitsMax) ?? []
        let zeros = repeatElement(UInt8(ascii: "0"), count: Self.fractionDigitsMax - fraction.count)
        return (Array(integer) + fraction + zeros).reduce(0) { $0 * 10 + UInt128($1 - UInt8(ascii: "0")) }
    }
}
