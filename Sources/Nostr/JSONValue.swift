/// A JSON document in memory: for what is small and rare, such as kind 0 content, NIP-11 and filters.
///
/// Events never pass through here; `EventParser` reads them in place.
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// As written: nothing is lost between 2^53, 1.0 and 1e0.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// In the order of the text; a member that occurs twice is here twice.
    case object([Member])

    package struct Member: Hashable, Sendable {
        package let name: String
        package let value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// Reads one document; nil unless all of `bytes` is one (RFC 8259).
    package init?(parsing bytes: Span<UInt8>) {
        var scanner = JSONScanner()
        guard let value = try? Self.value(bytes, &scanner, depth: 0), (try? scanner.expectEnd(bytes)) != nil else {
            return nil
        }
        self = value
    }

    package init?(parsing text: String) {
        self.init(parsing: Array(text.utf8).span)
    }

    private static func value(
        _ bytes: Span<UInt8>, _ scanner: inout JSONScanner, depth: Int
    ) throws(EventRejection) -> JSONValue {
        guard depth < JSONScanner.depthMax else { throw .malformedJSON }
        switch scanner.peek(bytes) {
        case .string:
            return .string(try self.text(bytes, &scanner))
        case .number:
            let number = try scanner.number(bytes)
            return .number(String(copying: bytes, number.range))
        case .literal:
            let first = try scanner.literal(bytes)
            return first == UInt8(ascii: "n") ? .null : .bool(first == UInt8(ascii: "t"))
        case .array:
            try scanner.expect(UInt8(ascii: "["), bytes)
            var elements: [JSONValue] = []
            if scanner.take(UInt8(ascii: "]"), bytes) { return .array(elements) }
            repeat {
                elements.append(try self.value(bytes, &scanner, depth: depth + 1))
            } while scanner.take(UInt8(ascii: ","), bytes)
            try scanner.expect(UInt8(ascii: "]"), bytes)
            return .array(elements)
        case .object:
            try scanner.expect(UInt8(ascii: "{"), bytes)
            var members: [Member] = []
            if scanner.take(UInt8(ascii: "}"), bytes) { return .object(members) }
            repeat {
                let name = try self.text(bytes, &scanner)
                try scanner.expect(UInt8(ascii: ":"), bytes)
                members.append(Member(name: name, value: try self.value(bytes, &scanner, depth: depth + 1)))
            } while scanner.take(UInt8(ascii: ","), bytes)
            try scanner.expect(UInt8(ascii: "}"), bytes)
            return .object(members)
        case .invalid:
            throw .malformedJSON
        }
    }

    private static func text(_ bytes: Span<UInt8>, _ scanner: inout JSONScanner) throws(EventRejection) -> String {
        let text = try scanner.string(bytes)
        return String(unescaping: bytes, text)
    }
}

extension JSONValue {
    /// The last member of that name, as JavaScript and `jsonb` read a repeated name; compared by bytes.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var array: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The integer, if it is one that is written without sign, fraction or exponent and below 2^63.
    package var integer: Int64? {
        guard case .number(let text) = self, text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        return Int64(text)
    }

    /// Appends the document without white space.
    package func append(to json: inout [UInt8]) {
        switch self {
        case .null: json.append(contentsOf: "null".utf8)
        case .bool(let value): json.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let text): json.append(contentsOf: text.utf8)
        case .string(let text): JSONText.appendString(text, to: &json)
        case .array(let elements):
            json.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                element.append(to: &json)
            }
            json.append(UInt8(ascii: "]"))
        case .object(let members):
            json.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { json.append(UInt8(ascii: ",")) }
                JSONText.appendString(member.name, to: &json)
                json.append(UInt8(ascii: ":"))
                member.value.append(to: &json)
            }
            json.append(UInt8(ascii: "}"))
        }
    }

    /// The document without white space.
    package var text: String {
        var json: [UInt8] = []
        self.append(to: &json)
        return String(decoding: json, as: UTF8.self)
    }
}

extension String {
    /// The text of the bytes in `range`, which must be UTF-8.
    init(copying bytes: Span<UInt8>, _ range: Range<Int>) {
        self = bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    /// The text of a string token.
    package init(unescaping bytes: Span<UInt8>, _ text: JSONScanner.Text) {
        guard text.isEscaped else {
            self.init(copying: bytes, text.range)
            return
        }
        var unescaped: [UInt8] = []
        JSONText.appendUnescaped(bytes, text.range, to: &unescaped)
        self.init(decoding: unescaped, as: UTF8.self)
    }
}
