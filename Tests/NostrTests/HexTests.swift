import Nostr
import Testing

struct HexTests {
    /// The digit's value, the slow way.
    static func value(_ digit: UInt8) -> UInt64? {
        switch digit {
        case 0x30...0x39: UInt64(digit) - 0x30
        case 0x61...0x66: UInt64(digit) - 0x61 + 10
        default: nil
        }
    }

    static func read(_ text: [UInt8], at offset: Int = 0) -> Bytes32? { Bytes32(hex: text.span, at: offset) }

    /// The value of 64 digits in words, the slow way.
    static func words(_ text: [UInt8]) -> Bytes32? {
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, digit) in text.enumerated() {
            guard let value = self.value(digit) else { return nil }
            words[index / 16] = words[index / 16] << 4 | value
        }
        return Bytes32(words[0], words[1], words[2], words[3])
    }

    @Test(arguments: 0..<64)
    func `every byte at every place is a digit or refused`(place: Int) {
        let digits = Array("0123456789abcdef".utf8)
        var text = (0..<64).map { digits[($0 * 7 + place) % 16] }
        var mistaken: [UInt8] = []
        for byte in UInt8.min...UInt8.max {
            text[place] = byte
            if Self.read(text) != Self.words(text) { mistaken.append(byte) }
        }
        #expect(mistaken.isEmpty)
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `random digits are read as the slow way reads them`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("0123456789abcdef".utf8)
        for round in 0..<500 {
            var text = (0..<64).map { _ in random.pick(alphabet) }
            if round % 2 == 1 { text[random.below(64)] = UInt8(truncatingIfNeeded: random.next()) }
            // At every alignment, between bytes that are digits too.
            let before = [UInt8](repeating: 0x61, count: random.below(9))
            let bytes = before + text + [0x62]
            #expect(Self.read(bytes, at: before.count) == Self.words(text))
        }
    }

    @Test func `digits beyond the end are not read`() {
        let text = [UInt8](repeating: 0x30, count: 64)
        #expect(Self.read(text) != nil)
        for offset in [-64, -1, 1, 8, 63, 64, 65, 1_000] { #expect(Self.read(text, at: offset) == nil) }
        #expect(Self.read(Array(text.dropLast())) == nil)
    }

    @Test func `bytes are written as they are read`() throws {
        let bytes = (0..<256).map { UInt8($0) }
        let text = Hex.string(bytes)
        #expect(text.hasPrefix("000102") && text.hasSuffix("fdfeff"))
        #expect(Hex.bytes(text.utf8) == bytes)
    }

    @Test(arguments: ["a", "0g", "AB", "é", " 0", "0x"])
    func `text that is no lower-case hexadecimal is nil`(text: String) {
        #expect(Hex.bytes(text.utf8) == nil)
    }

    @Test func `no digits are no bytes`() {
        #expect(Hex.bytes("".utf8) == [])
    }
}

struct Bytes32Tests {
    @Test(arguments: 0..<4 as Range<UInt64>)
    func `the order is that of the bytes and of the digits`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<300 {
            var left = (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            var right = left
            // Mostly equal in front, so that every word decides at times.
            right[random.below(32)] = UInt8(truncatingIfNeeded: random.next())
            if random.oneIn(2) { swap(&left, &right) }
            guard let low = Bytes32(bytes: left), let high = Bytes32(bytes: right) else { continue }
            #expect((low < high) == left.lexicographicallyPrecedes(right))
            #expect((low < high) == (low.hex < high.hex))
            #expect((low == high) == (left == right))
            #expect(low.bytes == left)
        }
    }

    /// nips.md 2.12, 01-17 and 8.3: of two events of one second the lowest id stays.
    @Test func `the lowest id of the public pair is the one that starts with b39e`() throws {
        let low = try #require(EventID(hex: "b39e" + String(repeating: "f", count: 60)))
        let high = try #require(EventID(hex: "eedc" + String(repeating: "0", count: 60)))
        #expect(low < high)
        #expect(min(high, low) == low)
    }

    @Test(arguments: [0, 31, 33, 64])
    func `only 32 bytes are 32 bytes`(count: Int) {
        #expect(Bytes32(bytes: Array(repeating: 0, count: count)) == nil)
    }

    @Test(arguments: ["", "ab", String(repeating: "AB", count: 32), String(repeating: "é", count: 32)])
    func `an id and a key are 64 lower-case digits`(text: String) {
        #expect(EventID(hex: text) == nil)
        #expect(PublicKey(hex: text) == nil)
    }
}
