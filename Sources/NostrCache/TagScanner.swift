import Nostr

/// Steps over the canonical JSON of tags, one tag at a time, and builds nothing.
///
/// Canonical tags hold brackets, commas and strings only, without white space, and were accepted by `JSONScanner`; so
/// the scanner looks for the end of each string and trusts the rest.
struct TagScanner {
    /// A string of a tag: where its JSON text stands, quotes excluded.
    struct Piece: Equatable {
        var start: UInt32 = 0
        var end: UInt32 = 0
        var isEscaped = false

        var count: Int { Int(self.end - self.start) }
        var isEmpty: Bool { self.end == self.start }
        var range: Range<Int> { Int(self.start)..<Int(self.end) }
    }

    /// A tag: how many strings it has, and the first four of them; no rule of ours reads further.
    struct RawTag {
        var count = 0
        var name = Piece()
        var value = Piece()
        var third = Piece()
        var fourth = Piece()
    }

    private var offset: Int
    private let end: Int

    /// - Parameter range: the array of tags, brackets included.
    init(_ range: Range<Int>) {
        self.offset = range.lowerBound + 1
        self.end = range.upperBound - 1
    }

    @inline(__always)
    mutating func next(_ bytes: Span<UInt8>) -> RawTag? {
        if self.offset < self.end, bytes[self.offset] == UInt8(ascii: ",") { self.offset += 1 }
        guard self.offset < self.end else { return nil }
        self.offset += 1
        var tag = RawTag()
        while bytes[self.offset] != UInt8(ascii: "]") {
            if bytes[self.offset] == UInt8(ascii: ",") { self.offset += 1 }
            let piece = self.string(bytes)
            switch tag.count {
            case 0: tag.name = piece
            case 1: tag.value = piece
            case 2: tag.third = piece
            case 3: tag.fourth = piece
            default: break
            }
            tag.count += 1
        }
        self.offset += 1
        return tag
    }

    /// Consumes a string; the offset is at its opening quote.
    @inline(__always)
    private mutating func string(_ bytes: Span<UInt8>) -> Piece {
        let start = self.offset + 1
        var offset = start
        var isEscaped = false
        while true {
            offset = Self.quoteOrBackslash(bytes, from: offset)
            guard bytes[offset] == UInt8(ascii: "\\") else { break }
            isEscaped = true
            offset += 2
        }
        self.offset = offset + 1
        return Piece(start: UInt32(start), end: UInt32(offset), isEscaped: isEscaped)
    }

    /// Eight bytes at a time: ids and URLs are most of what there is.
    @inline(__always)
    private static func quoteOrBackslash(_ bytes: Span<UInt8>, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let raw = bytes.bytes
        var offset = start
        while offset + 8 <= bytes.count {
            let word = UInt64(littleEndian: raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let hits = (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & (ones &* 0x80)
            // A borrow can only invent hits above the first true one, which is the one used.
            if hits != 0 { return offset + hits.trailingZeroBitCount / 8 }
            offset += 8
        }
        while bytes[offset] != UInt8(ascii: "\""), bytes[offset] != UInt8(ascii: "\\") { offset += 1 }
        return offset
    }
}

extension TagScanner.Piece {
    /// Whether the text is the ASCII text `word`, which holds nothing that JSON escapes.
    @inline(__always)
    func equals(_ word: StaticString, _ bytes: Span<UInt8>) -> Bool {
        guard self.count == word.utf8CodeUnitCount else { return false }
        let start = Int(self.start)
        return word.withUTF8Buffer { word in
            for index in word.indices where bytes[start + index] != word[index] { return false }
            return true
        }
    }

    /// Whether the text begins with `word`, which holds nothing that JSON escapes.
    @inline(__always)
    func starts(with word: StaticString, _ bytes: Span<UInt8>) -> Bool {
        self.count >= word.utf8CodeUnitCount && bytes.matches(word, at: Int(self.start))
    }

    /// The byte, if the text is one ASCII character.
    @inline(__always)
    func character(_ bytes: Span<UInt8>) -> UInt8? {
        self.count == 1 ? bytes[Int(self.start)] : nil
    }

    /// The value, if the text is an id or a key: 64 lower-case hexadecimal digits.
    @inline(__always)
    func hex32(_ bytes: Span<UInt8>) -> Bytes32? {
        self.count == 64 ? Bytes32(hex: bytes, at: Int(self.start)) : nil
    }

    /// Whether two texts of one event are equal bytes. Canonical text has one spelling.
    func equals(_ other: Self, _ bytes: Span<UInt8>) -> Bool {
        guard self.count == other.count else { return false }
        for index in 0..<self.count where bytes[Int(self.start) + index] != bytes[Int(other.start) + index] {
            return false
        }
        return true
    }

    /// Appends the text in UTF-8.
    func append(_ bytes: Span<UInt8>, to text: inout [UInt8]) {
        if self.isEscaped {
            JSONText.appendUnescaped(bytes, self.range, to: &text)
        } else {
            for index in self.range { text.append(bytes[index]) }
        }
    }

    func text(_ bytes: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        self.append(bytes, to: &text)
        return text
    }
}
