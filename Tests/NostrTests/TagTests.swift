import Nostr
import Testing

struct TagTests {
    static let hex = String(repeating: "0f", count: 32)

    static func tags(_ tags: [[String]]) throws -> Tags { try Event.unsigned(tags: tags).tags }

    @Test func `tags are read in order, empty ones included`() throws {
        let written = [[], [""], ["e", "x", "", "root"], ["p"], ["t", "a\"b\\c\n\u{1}"], ["[],\"", "]"]]
        let tags = try Self.tags(written)
        #expect(tags.strings == written)
        #expect(tags.map(\.count) == [0, 1, 4, 1, 2, 2])
        #expect(try Self.tags([]).isEmpty)
    }

    @Test func `an element beyond the end is nil`() throws {
        let tag = try #require(Self.tags([["e", "x"]]).first)
        #expect(tag[0]?.string == "e" && tag[1]?.string == "x" && tag[2] == nil && tag[1_000] == nil)
    }

    /// nips.md 2.6: a missing value means that the tag is absent.
    @Test func `a tag without a value is as if it were not there`() throws {
        let tags = try Self.tags([["e"], ["e", ""], ["e", "1"], ["e", "2"]])
        #expect(tags.first(named: "e")?.count == 1)
        #expect(tags.value(of: "e")?.string == "1")
        #expect(tags.value(of: "p") == nil)
        #expect(tags.map { $0.value?.string } == [nil, nil, "1", "2"])
    }

    /// nips.md 2.12, 01-30 and 0.2: `String` calls KELVIN SIGN and K equal.
    @Test func `a name is compared by bytes`() throws {
        let tags = try Self.tags([["\u{212A}", "1063"], ["k", "1"], ["K", "2"]])
        #expect(tags.first(named: "K")?.value?.string == "2")
        #expect(tags.map { $0[0]?.letter } == [nil, UInt8(ascii: "k"), UInt8(ascii: "K")])
        #expect(tags.map { $0.isNamed("k") } == [false, true, false])
    }

    @Test(arguments: ["", "ee", "1", "-", "@", "[", "`", "{", "é", "\n", "\\", "\u{0}"])
    func `only a single ASCII letter is a letter`(name: String) throws {
        #expect(try #require(Self.tags([[name, "x"]]).first)[0]?.letter == nil)
    }

    @Test(arguments: ["ab", hex.uppercased(), hex + "0", String(hex.dropLast()), " " + hex.dropLast(), "note1xyz"])
    func `only 64 lower-case digits are an id`(value: String) throws {
        #expect(try #require(Self.tags([["e", value]]).first).value?.hex32 == nil)
        #expect(try #require(Self.tags([["e", Self.hex]]).first).value?.hex32?.hex == Self.hex)
    }

    @Test(arguments: [
        ("caf\u{E9}", "cafe\u{301}"), ("\u{212A}", "K"), ("\r\n", "\n"), (";", "\u{37E}"), ("a", "a "), ("", " "),
        ("\\n", "\n"), ("\"", "\\\""), ("\u{0}", ""), ("\u{E9}\n", "e\u{301}\n"),
    ])
    func `two texts are equal when their bytes are`(left: String, right: String) throws {
        let tags = try Self.tags([["t", left], ["t", right], ["x", left, left]])
        let values = tags.compactMap { $0[1] }
        #expect(values[0] != values[1])
        #expect(values[0] == values[2] && values[0].hashValue == values[2].hashValue)
        #expect(Set(values).count == 2)
        // The same text from elsewhere, never escaped.
        #expect(WireText(left) == values[0] && WireText(left).hashValue == values[0].hashValue)
        #expect(WireText(left) != values[1] && WireText(right) == values[1])
        #expect(values[0].string.utf8.elementsEqual(left.utf8) && values[0].bytes == Array(left.utf8))
    }

    @Test func `text equals a word only when it is that word`() {
        #expect(WireText("root").equals("root"))
        #expect(!WireText("roots").equals("root") && !WireText("roo").equals("root") && !WireText("").equals("root"))
        #expect(WireText.empty.isEmpty && WireText.empty == WireText(""))
    }
}

/// The `d` part of a coordinate (NIP-01, nips.md 2.5).
struct EventIdentifierTests {
    @Test(
        arguments: [
            ([], ""), ([["d"]], ""), ([["d", ""]], ""), ([["d", "x"]], "x"), ([["d", "a"], ["d", "b"]], "a"),
            ([["D", "x"]], ""), ([["dd", "x"]], ""), ([["t", "d"], ["d", "x", "y"]], "x"), ([["d"], ["d", "b"]], ""),
            ([["d", "30023:pk:\u{301}x"]], "30023:pk:\u{301}x"), ([["d", "a\"\n"]], "a\"\n"), ([[], ["d", "x"]], "x"),
        ] as [([[String]], String)])
    func `the identifier is the value of the first d tag, or empty`(tags: [[String]], identifier: String) throws {
        let event = try Event.unsigned(kind: 30_001, tags: tags)
        #expect(event.identifier == WireText(identifier))
    }

    /// nips.md 2.12: 01-18 and 01-34 are two coordinates each, 01-19 is one.
    @Test(
        arguments: [
            ([["d", "x"]], [["d", "X"]], false), ([["d", "caf\u{E9}"]], [["d", "cafe\u{301}"]], false),
            ([], [["d", ""]], true), ([["d"]], [["d", "", "x"]], true), ([["d", "K"]], [["d", "\u{212A}"]], false),
        ] as [([[String]], [[String]], Bool)])
    func `two events share a coordinate when their identifiers have the same bytes`(
        left: [[String]], right: [[String]], isSame: Bool
    ) throws {
        let left = try Event.unsigned(kind: 30_023, tags: left)
        let right = try Event.unsigned(kind: 30_023, tags: right)
        #expect((left.identifier == right.identifier) == isSame)
        #expect((left.identifier.hashValue == right.identifier.hashValue) == isSame)
    }
}
