/// Steps over JSON text (RFC 8259), strictly, without building anything.
///
/// The scanner holds positions only; the bytes are passed to every call, so nothing is copied and every read is checked
/// against their bounds. It is stricter than Foundation's readers: no byte order mark, no trailing comma, no raw control
/// character, no invalid UTF-8, no leading zero, and nothing nested deeper than `depthMax`.
package struct JSONScanner {
    /// Where the next token starts.
    package private(set) var offset: Int

    /// An unknown member could otherwise exhaust the stack. Nothing in the protocol nests deeper than four.
    package static let depthMax = 32

    package init(at offset: Int = 0) {
        self.offset = offset
    }

    /// A string token: where its characters are, between the quotes, and what they need before they can be used.
    package struct Text: Sendable {
        package let start: Int
        package let end: Int
        /// Whether there is a backslash: the characters are not the text itself.
        package let isEscaped: Bool
        /// Whether the characters differ from what `JSON.stringify` writes for the same text.
        package let isCanonical: Bool
        /// Whether the text contains U+0000, necessarily as an escape.
        package let hasNUL: Bool
        /// Whether an unpaired surrogate is escaped: legal JSON, but no text.
        package let hasLoneSurrogate: Bool

        package var range: Range<Int> { self.start..<self.end }
    }

    /// A number token, as written.
    package struct Number: Sendable {
        package let range: Range<Int>
        /// Whether it has neither fraction nor exponent.
        package let isInteger: Bool
        package let isNegative: Bool
    }

    package enum Token: Sendable {
        case object, array, string, number, literal, invalid
    }

    /// The kind of the value that starts at `offset`; consumes nothing but white space.
    package mutating func peek(_ bytes: Span<UInt8>) -> Token {
        self.skipWhitespace(bytes)
        guard self.offset < bytes.count else { return .invalid }
        switch bytes[self.offset] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): return .literal
        default: return .invalid
        }
    }

    /// RFC 8259 section 2: the four white space characters.
    @inline(__always)
    package mutating func skipWhitespace(_ bytes: Span<UInt8>) {
        while self.offset < bytes.count {
            switch bytes[self.offset] {
            case 0x20, 0x09, 0x0A, 0x0D: self.offset += 1
            default: return
            }
        }
    }

    /// Consumes `byte` after white space, if it is next.
    @inline(__always)
    package mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        if self.offset < bytes.count, bytes[self.offset] == byte {
            self.offset += 1
            return true
        }
        self.skipWhitespace(bytes)
        guard self.offset < bytes.count, bytes[self.offset] == byte else { return false }
        self.offset += 1
        return true
    }

    /// Consumes the ASCII text `word`, if it is next; passes over nothing else.
    @inline(__always)
    mutating func take(_ word: StaticString, _ bytes: Span<UInt8>) -> Bool {
        guard bytes.matches(word, at: self.offset) else { return false }
        self.offset += word.utf8CodeUnitCount
        return true
    }

    @inline(__always)
    package mutating func expect(_ byte: UInt8, _ bytes: Span<UInt8>) throws(EventRejection) {
        guard self.take(byte, bytes) else { throw .malformedJSON }
    }

    /// Nothing but white space may follow.
    package mutating func expectEnd(_ bytes: Span<UInt8>) throws(EventRejection) {
        self.skipWhitespace(bytes)
        guard self.offset == bytes.count else { throw .malformedJSON }
    }

    /// Consumes `null`, `true` or `false`; returns its first byte.
    package mutating func literal(_ bytes: Span<UInt8>) throws(EventRejection) -> UInt8 {
        self.skipWhitespace(bytes)
        guard self.offset < bytes.count else { throw .malformedJSON }
        let first = bytes[self.offset]
        let word: StaticString =
            switch first {
            case UInt8(ascii: "n"): "null"
            case UInt8(ascii: "t"): "true"
            case UInt8(ascii: "f"): "false"
            default: throw .malformedJSON
            }
        guard bytes.matches(word, at: self.offset) else { throw .malformedJSON }
        self.offset += word.utf8CodeUnitCount
        return first
    }

    /// Consumes a number (RFC 8259 section 6).
    package mutating func number(_ bytes: Span<UInt8>) throws(EventRejection) -> Number {
        self.skipWhitespace(bytes)
        let start = self.offset
        let isNegative = self.take(UInt8(ascii: "-"), bytes)
        let digits = self.skipDigits(bytes)
        guard digits > 0 else { throw .malformedJSON }
        if digits > 1, bytes[self.offset - digits] == UInt8(ascii: "0") { throw .malformedJSON }
        var isInteger = true
        if self.offset < bytes.count, bytes[self.offset] == UInt8(ascii: ".") {
            self.offset += 1
            isInteger = false
            guard self.skipDigits(bytes) > 0 else { throw .malformedJSON }
        }
        if self.offset < bytes.count, bytes[self.offset] | 0x20 == UInt8(ascii: "e") {
            self.offset += 1
            isInteger = false
            if !self.take("+", bytes) { _ = self.take("-", bytes) }
            guard self.skipDigits(bytes) > 0 else { throw .malformedJSON }
        }
        return Number(range: start..<self.offset, isInteger: isInteger, isNegative: isNegative)
    }

    private mutating func skipDigits(_ bytes: Span<UInt8>) -> Int {
        let start = self.offset
        while self.offset < bytes.count, bytes[self.offset] &- UInt8(ascii: "0") < 10 { self.offset += 1 }
        return self.offset - start
    }

    /// Consumes any value and checks that it is one.
    package mutating func skipValue(_ bytes: Span<UInt8>, depth: Int = 0) throws(EventRejection) {
        guard depth < Self.depthMax else { throw .malformedJSON }
        switch self.peek(bytes) {
        case .string:
            _ = try self.string(bytes)
        case .number:
            _ = try self.number(bytes)
        case .literal:
            _ = try self.literal(bytes)
        case .array:
            self.offset += 1
            if self.take(UInt8(ascii: "]"), bytes) { return }
            repeat { try self.skipValue(bytes, depth: depth + 1) } while self.take(UInt8(ascii: ","), bytes)
            try self.expect(UInt8(ascii: "]"), bytes)
        case .object:
            self.offset += 1
            if self.take(UInt8(ascii: "}"), bytes) { return }
            repeat {
                _ = try self.string(bytes)
                try self.expect(UInt8(ascii: ":"), bytes)
                try self.skipValue(bytes, depth: depth + 1)
            } while self.take(UInt8(ascii: ","), bytes)
            try self.expect(UInt8(ascii: "}"), bytes)
        case .invalid:
            throw .malformedJSON
        }
    }
}

// MARK: - Strings

extension JSONScanner {
    /// Consumes a string: most of the bytes of an event are inside one.
    package mutating func string(_ bytes: Span<UInt8>) throws(EventRejection) -> Text {
        guard self.take(UInt8(ascii: "\""), bytes) else { throw .malformedJSON }
        let start = self.offset
        var escapes = Escapes()
        var highBits: UInt64 = 0
        while true {
            highBits |= self.skipOrdinary(bytes)
            guard self.offset < bytes.count else { throw .malformedJSON }
            switch bytes[self.offset] {
            case UInt8(ascii: "\""):
                let end = self.offset
                self.offset += 1
                if highBits != 0, !Self.isUTF8(bytes.extracting(start..<end)) { throw .malformedJSON }
                return Text(
                    start: start, end: end, isEscaped: escapes.any, isCanonical: escapes.isCanonical,
                    hasNUL: escapes.hasNUL, hasLoneSurrogate: escapes.hasLoneSurrogate)
            case UInt8(ascii: "\\"):
                try self.skipEscape(bytes, noting: &escapes)
            default:
                throw .malformedJSON
            }
        }
    }

    private struct Escapes {
        var any = false
        var isCanonical = true
        var hasNUL = false
        var hasLoneSurrogate = false
    }

    /// Skips to the next quote, backslash or control character; returns the high bits of what it skipped.
    ///
    /// Eight bytes at a time: a byte by byte loop is what made the first version five times slower.
    @inline(__always)
    private mutating func skipOrdinary(_ bytes: Span<UInt8>) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let raw = bytes.bytes
        var highBits: UInt64 = 0
        var offset = self.offset
        let last = bytes.count - 8
        while offset <= last {
            let word = UInt64(littleEndian: raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let special =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)
            let hits = special & tops
            if hits == 0 {
                highBits |= word & tops
                offset += 8
                continue
            }
            // A borrow can only invent hits above the first true one, which is the one used.
            let first = hits.trailingZeroBitCount / 8
            highBits |= word & tops & ~(UInt64.max << UInt64(8 * first))
            self.offset = offset + first
            return highBits
        }
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == 0x22 || byte == 0x5C || byte < 0x20 { break }
            highBits |= UInt64(byte & 0x80)
            offset += 1
        }
        self.offset = offset
        return highBits
    }

    private mutating func skipEscape(_ bytes: Span<UInt8>, noting escapes: inout Escapes) throws(EventRejection) {
        escapes.any = true
        guard self.offset + 1 < bytes.count else { throw .malformedJSON }
        let letter = bytes[self.offset + 1]
        self.offset += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            break
        case UInt8(ascii: "/"):
            escapes.isCanonical = false
        case UInt8(ascii: "u"):
            let unit = try self.hexUnit(bytes)
            switch unit {
            case 0:
                escapes.hasNUL = true
                escapes.isCanonical = escapes.isCanonical && bytes[self.offset - 1] == UInt8(ascii: "0")
            case 0xD800..<0xDC00:
                escapes.isCanonical = false
                try self.lowSurrogate(bytes, noting: &escapes)
            case 0xDC00..<0xE000:
                escapes.isCanonical = false
                escapes.hasLoneSurrogate = true
            default:
                escapes.isCanonical = escapes.isCanonical && Self.isCanonicalEscape(unit, bytes, endingAt: self.offset)
            }
        default:
            throw .malformedJSON
        }
    }

    /// A high surrogate must be followed by an escaped low one.
    private mutating func lowSurrogate(_ bytes: Span<UInt8>, noting escapes: inout Escapes) throws(EventRejection) {
        guard bytes.matches("\\u", at: self.offset) else {
            escapes.hasLoneSurrogate = true
            return
        }
        let here = self.offset
        self.offset += 2
        let unit = try self.hexUnit(bytes)
        if !(0xDC00..<0xE000).contains(unit) {
            // Not a low one: it stands for itself and is read again.
            escapes.hasLoneSurrogate = true
            self.offset = here
        }
    }

    /// `JSON.stringify` writes `\u00xx`, in lower case, for control characters without a short escape, and nothing else.
    private static func isCanonicalEscape(_ unit: UInt16, _ bytes: Span<UInt8>, endingAt end: Int) -> Bool {
        guard unit < 0x20, unit != 0x08, unit != 0x09, unit != 0x0A, unit != 0x0C, unit != 0x0D else { return false }
        let last = bytes[end - 1]
        return last < UInt8(ascii: "A") || last > UInt8(ascii: "F")
    }

    /// Four hexadecimal digits of either case (RFC 8259 section 7).
    private mutating func hexUnit(_ bytes: Span<UInt8>) throws(EventRejection) -> UInt16 {
        guard let unit = JSONText.hexUnit(bytes, at: self.offset) else { throw .malformedJSON }
        self.offset += 4
        return unit
    }

    static func isUTF8(_ bytes: Span<UInt8>) -> Bool {
        do {
            _ = try UTF8Span(validating: bytes)
            return true
        } catch {
            return false
        }
    }
}

extension Span<UInt8> {
    /// Whether the ASCII text `word` stands at `offset`.
    @inline(__always)
    package func matches(_ word: StaticString, at offset: Int) -> Bool {
        guard offset >= 0, offset + word.utf8CodeUnitCount <= self.count else { return false }
        return word.withUTF8Buffer { expected in
            for index in 0..<expected.count where self[offset + index] != expected[index] { return false }
            return true
        }
    }

    /// Whether the bytes are exactly the ASCII text `word`.
    @inline(__always)
    package func equals(_ word: StaticString) -> Bool {
        self.count == word.utf8CodeUnitCount && self.matches(word, at: 0)
    }
}
