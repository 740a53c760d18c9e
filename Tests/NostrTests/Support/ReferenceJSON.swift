/// A strict reader of RFC 8259, slow and obvious, that shares no line with the sources: what they are compared with.
indirect enum ReferenceJSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case number([UInt8])
    /// The text in UTF-8; an unpaired surrogate is U+FFFD.
    case string([UInt8])
    case array([ReferenceJSON])
    case object([Member])

    struct Member: Equatable, Sendable {
        let name: [UInt8]
        let value: ReferenceJSON
    }

    struct Unreadable: Error {}

    /// Nil unless all of `bytes` is one document nested no deeper than `depthMax`.
    init?(_ bytes: [UInt8], depthMax: Int = 32) {
        var reader = Reader(bytes: bytes, depthMax: depthMax)
        guard let value = try? reader.document() else { return nil }
        self = value
    }

    init?(_ text: String) {
        self.init(Array(text.utf8))
    }

    subscript(_ name: String) -> ReferenceJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == Array(name.utf8) }?.value
    }

    subscript(_ index: Int) -> ReferenceJSON? {
        guard case .array(let elements) = self, index < elements.count else { return nil }
        return elements[index]
    }

    var elements: [ReferenceJSON] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    /// The text of a string in UTF-8.
    var bytes: [UInt8]? {
        guard case .string(let bytes) = self else { return nil }
        return bytes
    }

    var text: String? { self.bytes.map { String(decoding: $0, as: UTF8.self) } }

    var integer: Int64? {
        guard case .number(let digits) = self else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self))
    }

    /// The document as `JSON.stringify` writes it.
    var stringified: [UInt8] {
        switch self {
        case .null: return Array("null".utf8)
        case .bool(let value): return Array((value ? "true" : "false").utf8)
        case .number(let digits): return digits
        case .string(let text): return Self.stringify(text)
        case .array(let elements):
            return Array("[".utf8) + Array(elements.map(\.stringified).joined(separator: [0x2C])) + Array("]".utf8)
        case .object(let members):
            let pairs = members.map { Self.stringify($0.name) + [0x3A] + $0.value.stringified }
            return Array("{".utf8) + Array(pairs.joined(separator: [0x2C])) + Array("}".utf8)
        }
    }

    /// A string as `JSON.stringify` writes it (nips.md 2.2), quotes included.
    static func stringify(_ text: [UInt8]) -> [UInt8] {
        let short: [UInt8: String] = [
            0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0C: "\\f", 0x0D: "\\r", 0x22: "\\\"", 0x5C: "\\\\",
        ]
        var json: [UInt8] = [0x22]
        for byte in text {
            if let escape = short[byte] {
                json += Array(escape.utf8)
            } else if byte < 0x20 {
                let digits = String(byte, radix: 16)
                json += Array(("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits).utf8)
            } else {
                json.append(byte)
            }
        }
        return json + [0x22]
    }
}

extension ReferenceJSON {
    private struct Reader {
        let bytes: [UInt8]
        let depthMax: Int
        var offset = 0

        init(bytes: [UInt8], depthMax: Int) {
            self.bytes = bytes
            self.depthMax = depthMax
        }

        var next: UInt8? { self.offset < self.bytes.count ? self.bytes[self.offset] : nil }

        mutating func document() throws -> ReferenceJSON {
            let value = try self.value(depth: 0)
            self.space()
            if self.next != nil { throw Unreadable() }
            return value
        }

        mutating func space() {
            while let byte = self.next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
                self.offset += 1
            }
        }

        mutating func accept(_ word: String) -> Bool {
            guard self.bytes[self.offset...].starts(with: word.utf8) else { return false }
            self.offset += word.utf8.count
            return true
        }

        mutating func require(_ word: String) throws {
            if !self.accept(word) { throw Unreadable() }
        }

        mutating func value(depth: Int) throws -> ReferenceJSON {
            if depth >= self.depthMax { throw Unreadable() }
            self.space()
            if self.accept("null") { return .null }
            if self.accept("true") { return .bool(true) }
            if self.accept("false") { return .bool(false) }
            if self.next == 0x22 { return .string(try self.string()) }
            if self.accept("[") { return try self.array(depth: depth) }
            if self.accept("{") { return try self.object(depth: depth) }
            return .number(try self.number())
        }

        mutating func array(depth: Int) throws -> ReferenceJSON {
            var elements: [ReferenceJSON] = []
            self.space()
            if self.accept("]") { return .array([]) }
            while true {
                elements.append(try self.value(depth: depth + 1))
                self.space()
                if self.accept("]") { return .array(elements) }
                try self.require(",")
            }
        }

        mutating func object(depth: Int) throws -> ReferenceJSON {
            var members: [Member] = []
            self.space()
            if self.accept("}") { return .object([]) }
            while true {
                self.space()
                let name = try self.string()
                self.space()
                try self.require(":")
                members.append(Member(name: name, value: try self.value(depth: depth + 1)))
                self.space()
                if self.accept("}") { return .object(members) }
                try self.require(",")
            }
        }

        mutating func digits() throws {
            let start = self.offset
            while let byte = self.next, (0x30...0x39).contains(byte) { self.offset += 1 }
            if self.offset == start { throw Unreadable() }
        }

        mutating func number() throws -> [UInt8] {
            let start = self.offset
            _ = self.accept("-")
            if !self.accept("0") { try self.digits() }
            if self.accept(".") { try self.digits() }
            if self.accept("e") || self.accept("E") {
                if !self.accept("+") { _ = self.accept("-") }
                try self.digits()
            }
            return Array(self.bytes[start..<self.offset])
        }

        mutating func string() throws -> [UInt8] {
            try self.require("\"")
            var units: [UInt16] = []
            while true {
                if self.accept("\"") { return Array(String(decoding: units, as: UTF16.self).utf8) }
                if self.accept("\\") { units.append(try self.escape()) } else { units += try self.scalar() }
            }
        }

        mutating func escape() throws -> UInt16 {
            guard let letter = self.next else { throw Unreadable() }
            self.offset += 1
            let short: [UInt8: UInt16] = [
                0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, 0x62: 0x08, 0x66: 0x0C, 0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09,
            ]
            if let unit = short[letter] { return unit }
            guard letter == 0x75, self.offset + 4 <= self.bytes.count else { throw Unreadable() }
            let digits = self.bytes[self.offset..<(self.offset + 4)]
            let alphabet = Set("0123456789abcdefABCDEF".utf8)
            guard digits.allSatisfy(alphabet.contains),
                let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
            else { throw Unreadable() }
            self.offset += 4
            return unit
        }

        /// One scalar in UTF-8, by table 3-7 of the Unicode standard.
        mutating func scalar() throws -> [UInt16] {
            let first = try self.byte(in: 0x20...0xFF)
            switch first {
            case 0x20...0x7F:
                return [UInt16(first)]
            case 0xC2...0xDF:
                return try self.units(UInt32(first & 0x1F), second: 0x80...0xBF, more: 0)
            case 0xE0...0xEF:
                let second: ClosedRange<UInt8> = first == 0xE0 ? 0xA0...0xBF : first == 0xED ? 0x80...0x9F : 0x80...0xBF
                return try self.units(UInt32(first & 0x0F), second: second, more: 1)
            case 0xF0...0xF4:
                let second: ClosedRange<UInt8> = first == 0xF0 ? 0x90...0xBF : first == 0xF4 ? 0x80...0x8F : 0x80...0xBF
                return try self.units(UInt32(first & 0x07), second: second, more: 2)
            default:
                throw Unreadable()
            }
        }

        mutating func byte(in range: ClosedRange<UInt8>) throws -> UInt8 {
            guard let byte = self.next, range.contains(byte) else { throw Unreadable() }
            self.offset += 1
            return byte
        }

        mutating func units(_ head: UInt32, second: ClosedRange<UInt8>, more: Int) throws -> [UInt16] {
            var value = head << 6 | UInt32(try self.byte(in: second) & 0x3F)
            for _ in 0..<more { value = value << 6 | UInt32(try self.byte(in: 0x80...0xBF) & 0x3F) }
            guard value >= 0x10000 else { return [UInt16(value)] }
            return [UInt16(0xD800 + (value - 0x10000) >> 10), UInt16(0xDC00 + (value - 0x10000) & 0x3FF)]
        }
    }
}
