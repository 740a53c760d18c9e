import Nostr
import Testing

struct JSONValueTests {
    @Test func `a document is kept as it was written`() {
        let text = #"{"a":[1,1.0,-0,1e2,12345678901234567890],"b":null,"c":{"d":true},"a":"x\ny","":false}"#
        #expect(JSONValue(parsing: text)?.text == text)
    }

    /// As JavaScript and `jsonb` read it.
    @Test func `the last of two members of one name counts`() {
        #expect(JSONValue(parsing: #"{"a":1,"a":2}"#)?["a"]?.integer == 2)
        #expect(JSONValue(parsing: #"{"a":1}"#)?["b"] == nil)
        #expect(JSONValue(parsing: "[1]")?["a"] == nil)
    }

    /// `String` calls KELVIN SIGN and K equal.
    @Test func `members are found by the bytes of their names`() {
        let value = JSONValue(parsing: "{\"\u{212A}\":1,\"e\u{301}\":2}")
        #expect(value?["K"] == nil)
        #expect(value?["\u{212A}"]?.integer == 1)
        #expect(value?["\u{E9}"] == nil)
    }

    @Test(
        arguments: [
            ("0", 0), ("7", 7), ("9223372036854775807", .max), ("9223372036854775808", nil), ("-1", nil), ("1.0", nil),
            ("1e3", nil), ("-0", nil), ("\"1\"", nil), ("true", nil), ("null", nil),
        ] as [(String, Int64?)])
    func `an integer is one that is written as one`(text: String, value: Int64?) throws {
        #expect(try #require(JSONValue(parsing: text)).integer == value)
    }

    /// nips.md 2.12, 01-24: a member of another type is nil, and the others stay.
    @Test func `a member of the wrong type is not read as text`() throws {
        let profile = try #require(JSONValue(parsing: #"{"name":5,"about":null,"picture":"u"}"#))
        #expect(profile["name"]?.string == nil)
        #expect(profile["about"]?.string == nil)
        #expect(profile["picture"]?.string == "u")
    }

    @Test func `a lone surrogate reads as a replacement character`() {
        #expect(JSONValue(parsing: #""a\ud800b""#)?.string == "a\u{FFFD}b")
    }

    @Test(arguments: ["", "{", "[1,]", "1 2", "\u{FEFF}{}", "not json"])
    func `what is no document is nil`(text: String) {
        #expect(JSONValue(parsing: text) == nil)
    }
}
