import Nostr
import Testing

struct JSONScannerTests {
    /// Whether the scanner takes all of `json` for one value.
    static func accepts(_ json: [UInt8]) -> Bool {
        var scanner = JSONScanner()
        return (try? scanner.skipValue(json.span)) != nil && (try? scanner.expectEnd(json.span)) != nil
    }

    static func text(_ json: [UInt8]) -> JSONScanner.Text? {
        var scanner = JSONScanner()
        guard let text = try? scanner.string(json.span), scanner.offset == json.count else { return nil }
        return text
    }

    /// RFC 8259 sections 2 to 7.
    @Test(arguments: [
        "null", "true", "false", "0", "-0", "1", "-1", "10", "0.0", "1.5", "-1.50", "1e1", "1E+1", "1e-01", "0e0",
        "123456789012345678901234567890", "\"\"", "\"a\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\\uabcd\"",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\u{7F}\u{2028}\u{FFFF}\"", "[]", "[ ]", "[1,2]", "[[],[]]", "{}", "{ }",
        "{\"\":0}", "{\"a\":1,\"a\":2}", " \t\n\r[ 1 , { \"a\" : null } ] \t\n\r",
    ])
    func `JSON is accepted`(json: String) {
        #expect(Self.accepts(Array(json.utf8)))
        #expect(ReferenceJSON(json) != nil)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "NULL", "undefined", "NaN", "Infinity", "-", "+1", "01", "-01", "00", "1.",
        ".1",
        "1.e1", "1e", "1e+", "1e1.5", "0x10", "1 2", "- 1", "--1", "1_000", "\"", "\"a", "\"\\", "\"\\\"", "\"\\x\"",
        "\"\\u\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\U0041\"", "\"\\'\"", "'a'", "\"\t\"", "\"\n\"", "\"\u{0}\"",
        "\"\u{1F}\"", "\"\\\n\"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{", "}", "{\"a\"", "{\"a\":",
        "{\"a\":1", "{\"a\":1,}", "{,}", "{a:1}", "{1:1}", "{\"a\" 1}", "{\"a\"::1}", "{\"a\":1 \"b\":2}", "// c\n1",
        "1 // c", "/**/1", "[1]]", "{}{}", "\u{FEFF}1", "1\u{0}", "\u{A0}1", "\u{C}1", "\u{B}1", "\"\\ud800\\u\"",
        "\"\\ud800\\u12\"", "\"\\ud800\\x\"", "\"\\ud800\\",
    ])
    func `what is nearly JSON is refused`(json: String) {
        #expect(!Self.accepts(Array(json.utf8)))
        #expect(ReferenceJSON(json) == nil)
    }

    /// Table 3-7 of the Unicode standard: the borders of every row, and one byte beyond them.
    @Test(
        arguments: [
            ([0x7F], true), ([0x80], false), ([0xBF], false), ([0xC0, 0x80], false), ([0xC1, 0xBF], false),
            ([0xC2, 0x80], true), ([0xC2, 0x7F], false), ([0xC2, 0xC0], false), ([0xC2], false), ([0xDF, 0xBF], true),
            ([0xE0, 0x9F, 0x80], false), ([0xE0, 0xA0, 0x80], true), ([0xE0, 0xBF, 0xBF], true), ([0xE0, 0xA0], false),
            ([0xE1, 0x80, 0x80], true), ([0xE1, 0x7F, 0x80], false), ([0xE1, 0x80, 0xC0], false), ([0xE1], false),
            ([0xEC, 0xBF, 0xBF], true), ([0xED, 0x80, 0x80], true), ([0xED, 0x9F, 0xBF], true),
            ([0xED, 0xA0, 0x80], false),
            ([0xED, 0xBF, 0xBF], false), ([0xEE, 0x80, 0x80], true), ([0xEF, 0xBF, 0xBF], true),
            ([0xEF, 0xBB, 0xBF], true),
            ([0xF0, 0x8F, 0xBF, 0xBF], false), ([0xF0, 0x90, 0x80, 0x80], true), ([0xF0, 0x90, 0x80], false),
            ([0xF1, 0x80, 0x80, 0x80], true), ([0xF3, 0xBF, 0xBF, 0xBF], true), ([0xF4, 0x80, 0x80, 0x80], true),
            ([0xF4, 0x8F, 0xBF, 0xBF], true), ([0xF4, 0x90, 0x80, 0x80], false), ([0xF5, 0x80, 0x80, 0x80], false),
            ([0xF8, 0x88, 0x80, 0x80, 0x80], false), ([0xFE], false), ([0xFF], false), ([0xC3, 0xA9, 0xA9], false),
        ] as [([UInt8], Bool)])
    func `a string is UTF-8 without overlong forms and surrogates`(bytes: [UInt8], isValid: Bool) {
        // At every place of a word of eight bytes, and at the end of one.
        for before in 0..<9 {
            for after in [0, 1, 7, 8] {
                let json =
                    [0x22] + Array(repeating: 0x61, count: before) + bytes + Array(repeating: 0x61, count: after) + [
                        0x22
                    ]
                #expect(Self.accepts(json) == isValid)
                #expect((ReferenceJSON(json) != nil) == isValid)
            }
        }
    }

    /// The loop reads eight bytes at a time and the rest one by one.
    @Test(arguments: 0...40)
    func `a special byte is found at every place and alignment`(count: Int) throws {
        let specials: [(UInt8, isValid: Bool)] = [
            (0x00, false), (0x01, false), (0x1F, false), (0x20, true), (0x21, true), (0x22, false), (0x23, true),
            (0x5B, true), (0x5C, false), (0x5D, true), (0x7F, true), (0x80, false), (0xA2, false), (0xDC, false),
            (0xFF, false),
        ]
        for alignment in 0..<8 {
            var json = [UInt8](repeating: 0x20, count: alignment) + [0x22]
            json += [UInt8](repeating: 0x7A, count: count) + [0x22]
            let text = try #require(Self.text(json))
            #expect(text.range == (alignment + 1)..<(alignment + 1 + count))
            #expect(!text.isEscaped && text.isCanonical && !text.hasNUL && !text.hasLoneSurrogate)
            // Collected, for an expectation of its own for each of 100,000 takes a minute.
            var mistaken: [String] = []
            for place in text.range {
                for (special, isValid) in specials {
                    json[place] = special
                    if Self.accepts(json) != isValid { mistaken.append("\(special) at \(place) of \(count)") }
                }
                json[place] = 0x7A
            }
            #expect(mistaken.isEmpty)
        }
    }

    /// `JSON.stringify` writes each character in one way (nips.md 2.2).
    @Test(
        arguments: [
            ("a", true), ("\\n", true), ("\\\"", true), ("\\\\", true), ("\\b\\f\\r\\t", true), ("/", true),
            ("\\/", false),
            ("\\u0000", true), ("\\u0001", true), ("\\u0007", true), ("\\u0008", false), ("\\u0009", false),
            ("\\u000a", false), ("\\u000A", false), ("\\u000b", true), ("\\u000B", false), ("\\u000c", false),
            ("\\u000d", false), ("\\u000e", true), ("\\u0010", true), ("\\u001f", true), ("\\u001F", false),
            ("\\u0020", false), ("\\u0022", false), ("\\u005c", false), ("\\u007f", false), ("\u{7F}", true),
            ("\\u0080", false), ("\\u00e9", false), ("é", true), ("\\u2028", false), ("\u{2028}", true),
            ("\\ud83d\\ude00", false), ("😀", true), ("\\ud83d", false), ("\\ude00", false),
        ] as [(String, Bool)])
    func `text is canonical where it is what stringify writes`(characters: String, isCanonical: Bool) throws {
        let text = try #require(Self.text(Array("\"x\(characters)y\"".utf8)))
        #expect(text.isCanonical == isCanonical)
        #expect(text.isEscaped == characters.utf8.contains(UInt8(ascii: "\\")))
        #expect(text.hasNUL == (characters == "\\u0000"))
        #expect(text.hasLoneSurrogate == (characters == "\\ud83d" || characters == "\\ude00"))
    }

    @Test(
        arguments: [
            ("\\ud83d\\ude00", false), ("\\uD83D\\uDE00", false), ("\\ud83dx", true), ("\\ud83d\\n", true),
            ("\\ud83d\\ud83d\\ude00", true), ("\\ude00\\ud83d", true), ("\\ud83d\\u0041", true),
            ("\\udbff\\udfff", false),
        ] as [(String, Bool)])
    func `a surrogate without its other half is noticed`(characters: String, isLone: Bool) throws {
        #expect(try #require(Self.text(Array("\"\(characters)\"".utf8))).hasLoneSurrogate == isLone)
    }

    @Test func `nothing nests deeper than the limit, and a bomb of 10,000 does not exhaust the stack`() {
        for (opening, closing) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = { (depth: Int) in
                Array((String(repeating: opening, count: depth) + "1" + String(repeating: closing, count: depth)).utf8)
            }
            #expect(Self.accepts(nested(JSONScanner.depthMax - 1)))
            #expect(!Self.accepts(nested(JSONScanner.depthMax)))
            #expect(!Self.accepts(nested(10_000)))
            #expect(!Self.accepts(Array(String(repeating: opening, count: 10_000).utf8)))
            #expect(JSONValue(parsing: String(decoding: nested(JSONScanner.depthMax - 1), as: UTF8.self)) != nil)
            #expect(JSONValue(parsing: String(decoding: nested(10_000), as: UTF8.self)) == nil)
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `the scanner and the reference agree on what is JSON`(seed: UInt64) {
        var random = SplitMix64(seed: 2_000 + seed)
        var accepted = 0
        for _ in 0..<400 {
            let wire = RandomEvent(using: &random).spelled(using: &random)
            let json = random.oneIn(8) ? wire : Mutation.mutant(of: wire, using: &random)
            let isJSON = ReferenceJSON(json) != nil
            #expect(Self.accepts(json) == isJSON, "seed \(seed): \(String(decoding: json, as: UTF8.self))")
            accepted += isJSON ? 1 : 0
        }
        #expect((50..<350).contains(accepted))
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `a text reads as the reference reads it and is written as stringify writes it`(seed: UInt64) throws {
        var random = SplitMix64(seed: 3_000 + seed)
        for _ in 0..<300 {
            let wanted = RandomEvent(using: &random).content
            var speller = Speller(random: random)
            let json = speller.string(wanted)
            random = speller.random
            let text = try #require(Self.text(json))
            var unescaped: [UInt8] = []
            JSONText.appendUnescaped(json.span, text.range, to: &unescaped)
            #expect(unescaped == RandomEvent.utf8(wanted))
            var escaped: [UInt8] = []
            JSONText.appendEscaped(unescaped.span, to: &escaped)
            #expect([0x22] + escaped + [0x22] == ReferenceJSON.stringify(unescaped))
            #expect(text.isCanonical == (escaped == json.dropFirst().dropLast()))
        }
    }
}
