import Nostr
import Testing

struct EventParserTests {
    static let hex = String(repeating: "ab", count: 32)

    /// An event of which nothing is wrong but what a test changes.
    static func json(
        id: String = "\"\(hex)\"", pubkey: String = "\"\(hex)\"", createdAt: String = "1", kind: String = "1",
        tags: String = "[]", content: String = "\"\"", sig: String = "\"\(hex + hex)\"", more: String = ""
    ) -> [UInt8] {
        let members = "\"id\":\(id),\"pubkey\":\(pubkey),\"created_at\":\(createdAt),\"kind\":\(kind)"
        return Array("{\(members),\"tags\":\(tags),\"content\":\(content),\"sig\":\(sig)\(more)}".utf8)
    }

    static func reason(_ json: [UInt8], limits: EventLimits = EventLimits()) -> EventRejection? {
        rejection { () throws(EventRejection) in _ = try Event(json: json, limits: limits) }
    }

    @Test func `an event without faults is read`() throws {
        let event = try Event(json: Self.json(tags: #"[["e","x"],["p"]]"#, content: #""a\nb""#))
        #expect(event.canonical == Array("[0,\"\(Self.hex)\",1,1,[[\"e\",\"x\"],[\"p\"]],\"a\\nb\"]".utf8))
        #expect(event.content == "a\nb")
        #expect(event.contentIsEscaped)
        #expect(event.tags.strings == [["e", "x"], ["p"]])
        #expect(Array(event.tagsJSON) == Array(#"[["e","x"],["p"]]"#.utf8))
    }

    /// nips.md 1, step 2: JSON that cannot be read wins, then size, then the first wrong member, then a missing one.
    @Test(
        arguments: [
            (json(id: "1", sig: "x"), EventRejection.malformedJSON),
            (json(id: "1", kind: "70000"), .badType),
            (json(id: "\"AB\"", kind: "70000"), .badHex),
            (json(createdAt: "-1", kind: "70000"), .createdAtRange),
            (json(kind: "70000", more: ",\"kind\":1"), .kindRange),
            (json(more: ",\"kind\":70000"), .duplicateKey),
            (json(more: ",\"\\u006bind\":1"), .duplicateKey),
            (json(more: ",\"kin\":1,\"Kind\":2,\"kind \":3"), nil),
            (Array(#"{"id":1}"#.utf8), .badType),
            (Array(#"{"kind":1}"#.utf8), .missingField),
            (Array("{}".utf8), .missingField), (Array("{ }".utf8), .missingField),
            (Array("[]".utf8), .notObject), (Array("null".utf8), .notObject), (Array("1".utf8), .notObject),
            (Array("".utf8), .malformedJSON), (Array("{".utf8), .malformedJSON), (Array("[".utf8), .malformedJSON),
            (json() + [0x7D], .malformedJSON), (json() + [0x20, 0x0A], nil), ([0x0D] + json(), nil),
            ([0xEF, 0xBB, 0xBF] + json(), .malformedJSON),
        ] as [([UInt8], EventRejection?)])
    func `the first fault in the order of the rules is the reason`(json: [UInt8], reason: EventRejection?) {
        #expect(Self.reason(json) == reason)
    }

    /// nips.md 2.12, 01-10 and 01-11.
    @Test(
        arguments: [
            ("0", nil), ("9007199254740991", nil), ("9007199254740992", .createdAtRange),
            ("9223372036854775807", .createdAtRange), ("9223372036854775808", .createdAtRange),
            ("18446744073709551616", .createdAtRange), ("99999999999999999999999999", .createdAtRange),
            ("-1", .createdAtRange), ("-9223372036854775809", .createdAtRange), ("-0", .badType), ("-0.0", .badType),
            ("0.0", .badType), ("1e0", .badType), ("1E9", .badType), ("1700000000.0", .badType), ("-1.5", .badType),
            ("\"1\"", .badType), ("true", .badType), ("null", .badType), ("[]", .badType), ("{}", .badType),
            ("00", .malformedJSON), ("01", .malformedJSON), ("-01", .malformedJSON), ("+1", .malformedJSON),
            ("1.", .malformedJSON), (".5", .malformedJSON), ("1e", .malformedJSON), ("1e+", .malformedJSON),
            ("0x1", .malformedJSON), ("NaN", .malformedJSON), ("Infinity", .malformedJSON), ("-", .malformedJSON),
            ("1_0", .malformedJSON), ("١", .malformedJSON), ("", .malformedJSON), ("tru", .malformedJSON),
        ] as [(String, EventRejection?)])
    func `created_at is an integer from 0 to 2^53 - 1, written in one way`(token: String, reason: EventRejection?) {
        #expect(Self.reason(Self.json(createdAt: token)) == reason)
    }

    @Test(
        arguments: [
            ("0", nil), ("65535", nil), ("65536", .kindRange), ("-1", .kindRange), ("18446744073709551617", .kindRange),
            ("1.0", .badType), ("-0", .badType), ("\"1\"", .badType), ("true", .badType), ("01", .malformedJSON),
        ] as [(String, EventRejection?)])
    func `kind is an integer from 0 to 65535, written in one way`(token: String, reason: EventRejection?) {
        #expect(Self.reason(Self.json(kind: token)) == reason)
    }

    /// nips.md 2.12, 01-12 and 01-13.
    @Test(
        arguments: [
            ("null", nil), ("[]", nil), ("[ ]", nil), ("[[]]", nil), ("[[],[\"\"]]", nil),
            ("[ [ \"a\" , \"b\" ] ]", nil),
            ("true", .badType), ("false", .badType), ("{}", .badType), ("\"\"", .badType), ("0", .badType),
            ("[null]", .badType), ("[\"e\"]", .badType), ("[{}]", .badType), ("[[1]]", .badType),
            ("[[null]]", .badType),
            ("[[true]]", .badType), ("[[[]]]", .badType), ("[[\"a\",{}]]", .badType), ("[[\"\\ud800\"]]", .badType),
            ("[[\"\\udc00\\ud800\"]]", .badType), ("[[\"\\ud83d\\ude00\"]]", nil),
            ("[", .malformedJSON), ("[[\"a\"]", .malformedJSON), ("[[\"a\",]]", .malformedJSON),
            ("[,]", .malformedJSON),
            ("[[\"a\"],]", .malformedJSON), ("[[\"a\" \"b\"]]", .malformedJSON), ("nul", .malformedJSON),
        ] as [(String, EventRejection?)])
    func `tags are an array of arrays of strings, or null`(token: String, reason: EventRejection?) {
        #expect(Self.reason(Self.json(tags: token)) == reason)
    }

    /// nips.md 7 (m): real relays send it, and the ids hold only so.
    @Test func `tags that are null are canonical as an empty list`() throws {
        let event = try Event(json: Self.json(tags: "null"))
        #expect(try event == Event(json: Self.json()))
        #expect(event.tags.isEmpty)
    }

    /// nips.md 2.12, 01-9.
    @Test(arguments: [
        "\"\"", "\"ab\"", "\"\(hex)a\"", "\"\(hex.dropLast())\"", "\"\(hex.uppercased())\"", "\"\(hex.dropLast())g\"",
        "\"\(hex.dropLast(2))é\"", "\"\(hex.dropLast()) \"", "\"0x\(hex.dropLast(2))\"", "\"\(hex.dropLast(2))\\/\"",
    ])
    func `an id and a key are 64 lower-case digits, a signature has 128`(token: String) {
        #expect(Self.reason(Self.json(id: token)) == .badHex)
        #expect(Self.reason(Self.json(pubkey: token)) == .badHex)
        #expect(Self.reason(Self.json(sig: token)) == .badHex)
        #expect(Self.reason(Self.json(sig: "\"\(Self.hex)\(token.dropFirst())")) == .badHex)
        #expect(Self.reason(Self.json(sig: "\"\(Self.hex)\"")) == .badHex)
    }

    @Test func `escaped digits are digits`() throws {
        let escaped = "\"\\u0061\\u0062\(Self.hex.dropFirst(2))\""
        let sig = "\"\\u0061\(Self.hex.dropFirst())\(Self.hex)\""
        let event = try Event(json: Self.json(id: escaped, pubkey: escaped, sig: sig))
        #expect(try event == Event(json: Self.json()))
    }

    @Test func `an event of the largest size is read and a larger one is not`() {
        var limits = EventLimits()
        let json = Self.json(content: "\"" + String(repeating: "x", count: 1_000) + "\"")
        limits.eventBytesMax = json.count
        #expect(Self.reason(json, limits: limits) == nil)
        #expect(Self.reason([0x20] + json + [0x20], limits: limits) == nil)
        limits.eventBytesMax = json.count - 1
        #expect(Self.reason(json, limits: limits) == .tooLarge)
    }

    @Test func `the most tags that are allowed are read and one more is not`() {
        let tags = { (count: Int) in "[" + Array(repeating: "[]", count: count).joined(separator: ",") + "]" }
        #expect(Self.reason(Self.json(tags: tags(10_000))) == nil)
        #expect(Self.reason(Self.json(tags: tags(10_001))) == .tooManyTags)
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":"])
    func `a nest of 10,000 values is refused wherever it stands`(opening: String) {
        let bomb = String(repeating: opening, count: 10_000)
        for json in [
            Self.json(more: ",\"x\":" + bomb), Self.json(tags: bomb), Self.json(content: bomb), Self.json(id: bomb),
            Self.json(kind: bomb), Array(bomb.utf8),
        ] {
            #expect(Self.reason(json) == .malformedJSON)
        }
    }

    @Test func `an unknown member may nest as deep as the limit and no deeper`() {
        let nested = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        #expect(Self.reason(Self.json(more: ",\"x\":" + nested(31))) == nil)
        #expect(Self.reason(Self.json(more: ",\"x\":" + nested(32))) == .malformedJSON)
    }

    @Test func `U+0000 is noticed in the content, in a tag and nowhere else`() throws {
        #expect(try Event(json: Self.json(content: #""a\u0000""#)).hasNUL)
        #expect(try Event(json: Self.json(tags: #"[["t"],["t","\u0000"]]"#)).hasNUL)
        #expect(try !Event(json: Self.json(more: #","x":"\u0000""#)).hasNUL)
        #expect(try !Event(json: Self.json(content: #""\\u0000""#)).hasNUL)
    }
}
