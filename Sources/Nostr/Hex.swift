/// Lower-case hexadecimal, the only spelling of ids, keys and signatures in NIP-01.
package enum Hex {
    /// The value of each digit `0…9a…f`, and 0xFF for every other byte: upper case is refused.
    private static let values: InlineArray<256, UInt8> = {
        var table = InlineArray<256, UInt8>(repeating: 0xFF)
        for digit in UInt8(ascii: "0")...UInt8(ascii: "9") { table[Int(digit)] = digit - UInt8(ascii: "0") }
        for digit in UInt8(ascii: "a")...UInt8(ascii: "f") { table[Int(digit)] = digit - UInt8(ascii: "a") + 10 }
        return table
    }()

    private static let digits: [UInt8] = Array("0123456789abcdef".utf8)

    /// Sixteen digits as one big-endian word; nil where one of them is none.
    @inline(__always)
    static func word(_ bytes: Span<UInt8>, at offset: Int) -> UInt64? {
        var errors: UInt64 = 0
        let word = self.word(bytes, at: offset, errors: &errors)
        return errors == 0 ? word : nil
    }

    /// Sixteen digits as one big-endian word; `errors` is no longer zero where one of them is none.
    ///
    /// Eight digits at a time in one register, and no branch until the last of 64: a table of 256 entries costs two loads
    /// a digit, and an event has 256 digits in its id, key and signature.
    @inline(__always)
    static func word(_ bytes: Span<UInt8>, at offset: Int, errors: inout UInt64) -> UInt64 {
        let high = self.half(bytes, at: offset, errors: &errors)
        let low = self.half(bytes, at: offset + 8, errors: &errors)
        return high << 32 | low
    }

    /// Eight digits as one big-endian half word.
    @inline(__always)
    private static func half(_ bytes: Span<UInt8>, at offset: Int, errors: inout UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let word = UInt64(
            littleEndian: bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
        // A byte above 0x7F is an error; without that bit nothing carries into its neighbour.
        let text = word & ~tops
        // 0x80 in every byte that is at least the bound.
        func atLeast(_ bound: UInt64) -> UInt64 { (text &+ ones &* (0x80 - bound)) & tops }
        let isDigit = atLeast(0x30) & ~atLeast(0x3A)
        let isLetter = atLeast(0x61) & ~atLeast(0x67)
        errors |= (word & tops) | ((isDigit | isLetter) ^ tops)
        // '0'…'9' are 0x30…0x39, 'a'…'f' are 0x61…0x66: the low nibble, plus nine for letters.
        let nibbles = (text & (ones &* 0x0F)) &+ (isLetter >> 7) &* 9
        // The first digit is the lowest byte: fold pairs, then quads, then all eight, keeping the first one highest.
        let pairs = ((nibbles << 4) | (nibbles >> 8)) & 0x00FF_00FF_00FF_00FF
        let quads = ((pairs << 8) | (pairs >> 16)) & 0x0000_FFFF_0000_FFFF
        return ((quads << 16) | (quads >> 32)) & 0xFFFF_FFFF
    }

    /// Nil unless `text` is an even number of lower-case digits.
    package static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 2)
        var high: UInt8?
        for character in text {
            let value = self.values[Int(character)]
            guard value != 0xFF else { return nil }
            if let first = high {
                result.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return result
    }

    package static func string(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.count)
        self.append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends two digits for each byte.
    package static func append(_ bytes: some Collection<UInt8>, to text: inout [UInt8]) {
        for byte in bytes {
            text.append(self.digits[Int(byte >> 4)])
            text.append(self.digits[Int(byte & 0x0F)])
        }
    }
}
