/// Checks a text that arrives in pieces (RFC 3629 section 4, Unicode table 3-7).
///
/// A piece may end within a character; `isComplete` says whether the text so far does not.
struct UTF8Validator: Sendable {
    /// Continuation bytes that the character under way still needs.
    private var missing = 0
    /// What the next continuation byte may be; narrower than 80…BF after E0, ED, F0 and F4.
    private var allowed: ClosedRange<UInt8> = Self.continuation

    private static let continuation: ClosedRange<UInt8> = 0x80...0xBF

    var isComplete: Bool { self.missing == 0 }

    /// False as soon as the bytes so far cannot be the start of valid text.
    mutating func append(_ bytes: RawSpan) -> Bool {
        var offset = 0
        let count = bytes.byteCount
        while offset < count {
            if self.missing == 0 {
                offset = Self.endOfASCII(in: bytes, from: offset)
                guard offset < count else { return true }
            }
            guard self.append(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)) else { return false }
            offset += 1
        }
        return true
    }

    /// Eight bytes at a time: most of what relays send is ASCII.
    private static func endOfASCII(in bytes: RawSpan, from start: Int) -> Int {
        var offset = start
        let count = bytes.byteCount
        while offset + 8 <= count,
            bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            offset += 8
        }
        while offset < count, bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) < 0x80 { offset += 1 }
        return offset
    }

    private mutating func append(_ byte: UInt8) -> Bool {
        if self.missing > 0 {
            guard self.allowed.contains(byte) else { return false }
            self.missing -= 1
            self.allowed = Self.continuation
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: self.missing = 1
        case 0xE0: (self.missing, self.allowed) = (2, 0xA0...0xBF)
        case 0xED: (self.missing, self.allowed) = (2, 0x80...0x9F)
        case 0xE1...0xEF: self.missing = 2
        case 0xF0: (self.missing, self.allowed) = (3, 0x90...0xBF)
        case 0xF4: (self.missing, self.allowed) = (3, 0x80...0x8F)
        case 0xF1...0xF3: self.missing = 3
        default: return false
        }
        return true
    }
}
