import Nostr
import Testing

struct FilterTests {
    static let hex = String(repeating: "0f", count: 32)
    static let other = String(repeating: "e1", count: 32)

    static func filter(_ json: String) throws -> Filter { try Filter(try #require(JSONValue(parsing: json))) }

    /// NIP-01 and nips.md 2.7; the event is of kind 1111, from second 100, with the tags below.
    @Test(arguments: [
        ("{}", true), (#"{"limit":0}"#, true), (#"{"kinds":[1111]}"#, true), (#"{"kinds":[1,1111]}"#, true),
        // 01-25.
        (#"{"kinds":[1]}"#, false),
        // Both ends belong to the interval.
        (#"{"since":100}"#, true), (#"{"since":101}"#, false), (#"{"until":100}"#, true), (#"{"until":99}"#, false),
        (#"{"since":100,"until":100}"#, true), (#"{"since":101,"until":99}"#, false),
        ("{\"ids\":[\"\(EventID.sample)\"]}", true), ("{\"ids\":[\"\(hex)\"]}", false),
        ("{\"ids\":[\"\(hex)\",\"\(EventID.sample)\"]}", true),
        ("{\"authors\":[\"\(PublicKey.sample)\"]}", true), ("{\"authors\":[\"\(hex)\"]}", false),
        // The case of a tag's name matters, and so does the case of its value.
        ("{\"#e\":[\"\(hex)\"]}", true), ("{\"#E\":[\"\(hex)\"]}", false), ("{\"#E\":[\"\(other)\"]}", true),
        ("{\"#e\":[\"\(other)\"]}", false), (##"{"#t":["nostr"]}"##, true), (##"{"#t":["Nostr"]}"##, false),
        (##"{"#t":["x","nostr"]}"##, true), (##"{"#t":["second"]}"##, true), (##"{"#t":["third element"]}"##, false),
        // An empty value is a value; a missing one is none.
        (##"{"#r":[""]}"##, true), (##"{"#p":[""]}"##, false), (##"{"#x":["x"]}"##, false),
        // 01-30: KELVIN SIGN is no K, as name or as value.
        (##"{"#K":["1063"]}"##, false), (##"{"#k":["K"]}"##, false), ("{\"#k\":[\"\u{212A}\"]}", true),
        (##"{"#k":["\u212a"]}"##, true), ("{\"#l\":[\"caf\u{E9}\"]}", true), ("{\"#l\":[\"cafe\u{301}\"]}", false),
        (##"{"#q":["a\n\"b"]}"##, true), (##"{"#q":["a\\n\\\"b"]}"##, false),
        // All conditions must hold.
        (##"{"kinds":[1111],"#t":["nostr"],"#r":[""]}"##, true),
        (##"{"kinds":[1111],"#t":["nostr"],"#r":["x"]}"##, false),
        (##"{"kinds":[1],"#t":["nostr"]}"##, false),
    ])
    func `a filter matches what all of its conditions ask for`(json: String, matches: Bool) throws {
        let event = try Event.unsigned(
            kind: 1_111,
            tags: [
                [], [""], ["e", Self.hex], ["E", Self.other], ["t", "nostr", "third element"], ["t", "second"],
                ["r", ""],
                ["p"], ["\u{212A}", "1063"], ["k", "\u{212A}"], ["l", "caf\u{E9}"], ["q", "a\n\"b"], ["xx", "x"],
            ], createdAt: 100)
        #expect(try Self.filter(json).matches(event) == matches)
    }

    @Test(arguments: [
        "{}", #"{"kinds":[0,65535]}"#, "{\"ids\":[\"\(hex)\"],\"authors\":[\"\(other)\",\"\(hex)\"]}",
        ##"{"kinds":[7],"#e":["a","b\"\n"],"#E":["é"],"since":0,"until":9007199254740991,"limit":500}"##,
        ##"{"#t":[""]}"##, #"{"limit":0}"#,
    ])
    func `a filter is written as it was read`(json: String) throws {
        let filter = try Self.filter(json)
        #expect(filter.json.text == json)
        #expect(try Filter(filter.json) == filter)
    }

    @Test(arguments: [
        ("[]", "JSON object"), ("null", "JSON object"), (#"{"search":"x"}"#, "'search'"), (#"{"kind":[1]}"#, "'kind'"),
        (#"{"Kinds":[1]}"#, "'Kinds'"), (##"{"#ab":["x"]}"##, "'#ab'"), (##"{"#1":["x"]}"##, "'#1'"),
        (##"{"#":["x"]}"##, "'#'"), (##"{"#é":["x"]}"##, "'#é'"), ("{\"#\u{212A}\":[\"x\"]}", "'#\u{212A}'"),
        // Relays disagree on what an empty list asks for.
        (#"{"kinds":[]}"#, "'kinds'"), (#"{"ids":[]}"#, "'ids'"), (#"{"authors":[]}"#, "'authors'"),
        (##"{"#e":[]}"##, "'#e'"), (#"{"kinds":1}"#, "'kinds'"), (#"{"kinds":null}"#, "'kinds'"),
        (#"{"kinds":[65536]}"#, "65536"), (#"{"kinds":[-1]}"#, "-1"), (#"{"kinds":[1.0]}"#, "1.0"),
        (#"{"kinds":["1"]}"#, "\"1\""), (#"{"ids":["ab"]}"#, "\"ab\""),
        ("{\"ids\":[\"\(hex.uppercased())\"]}", "'ids'"),
        (#"{"authors":["npub1xyz"]}"#, "npub1xyz"), (##"{"#e":[1]}"##, "'#e'"), (##"{"#e":[null]}"##, "null"),
        (#"{"since":-1}"#, "'since'"), (#"{"since":1.5}"#, "'since'"), (#"{"until":"1"}"#, "'until'"),
        (#"{"limit":null}"#, "'limit'"), (#"{"until":9007199254740992}"#, "'until'"),
        // Two readers could disagree on which of two members counts.
        (#"{"kinds":[1],"kinds":[2]}"#, "'kinds'"), (##"{"#e":["a"],"#e":["b"]}"##, "'#e'"),
        (#"{"limit":1,"limit":2}"#, "'limit'"),
    ])
    func `a malformed filter is refused with the name of what is wrong`(json: String, named: String) throws {
        let value = try #require(JSONValue(parsing: json))
        let error = #expect(throws: Filter.Malformed.self) { try Filter(value) }
        #expect(error?.description.contains(named) == true)
    }

    @Test(arguments: [
        (#"{"kinds":[7,1,1]}"#, #"{"kinds":[1,7]}"#), (#"{"kinds":[10,9]}"#, #"{"kinds":[9,10,9]}"#),
        ("{\"ids\":[\"\(other)\",\"\(hex)\"]}", "{\"ids\":[\"\(hex)\",\"\(other)\"]}"),
        (##"{"#e":["b","a"],"kinds":[1]}"##, ##"{"kinds":[1],"#e":["a","b","a"]}"##),
        (##"{"#e":["x"],"#E":["y"]}"##, ##"{"#E":["y"],"#e":["x"]}"##),
        (#"{"kinds":[1],"since":1,"until":2,"limit":3}"#, #"{"kinds":[1]}"#),
        ("{\"#t\":[\"\\u00e9\"]}", "{\"#t\":[\"é\"]}"),
    ])
    func `the same question in other words has the same canonical text`(left: String, right: String) throws {
        #expect(try Self.filter(left).canonicalText == Self.filter(right).canonicalText)
    }

    @Test(arguments: [
        ("{}", #"{"kinds":[1]}"#), (#"{"kinds":[1]}"#, #"{"kinds":[11]}"#),
        ("{\"ids\":[\"\(hex)\"]}", "{\"authors\":[\"\(hex)\"]}"),
        (##"{"#e":["x"]}"##, ##"{"#E":["x"]}"##), (##"{"#e":["a","b"]}"##, ##"{"#e":["a\",\"b"]}"##),
        ("{\"#t\":[\"caf\u{E9}\"]}", "{\"#t\":[\"cafe\u{301}\"]}"), ("{\"#t\":[\"K\"]}", "{\"#t\":[\"\u{212A}\"]}"),
        (##"{"#t":["a"]}"##, ##"{"#t":["A"]}"##), ("{\"#t\":[\"\u{E9}\",\"e\u{301}\"]}", "{\"#t\":[\"\u{E9}\"]}"),
    ])
    func `another question has another canonical text and is another filter`(left: String, right: String) throws {
        let (left, right) = (try Self.filter(left), try Self.filter(right))
        #expect(!left.canonicalText.utf8.elementsEqual(right.canonicalText.utf8))
        #expect(left != right)
    }

    @Test func `the canonical text is sorted by bytes and has no white space`() throws {
        let filter = try Self.filter(
            ##"{"kinds":[7,10,9],"#t":["b","a"],"#E":["x"],"authors":["\##(Self.hex)"],"limit":5}"##)
        #expect(
            filter.canonicalText
                == ##"{"#E":["x"],"#t":["a","b"],"authors":["\##(Self.hex)"],"kinds":[7,9,10]}"##)
    }
}
