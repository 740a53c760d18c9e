import Nostr
import Testing

/// NIP-25, with the emoji of NIP-30.
struct ReactionTests {
    static let vectors = ReadingVector.all("nip25-reactions.json")
    static let id = String(repeating: "a", count: 64)
    static let key = String(repeating: "1", count: 64)

    static func reaction(
        _ content: String = "+", kind: UInt16 = 7, tags: [[String]] = [["e", ReactionTests.id]]
    ) throws -> Reaction {
        try #require(Reaction(Event.unsigned(kind: kind, tags: tags, content: content)))
    }

    @Test func `every case of the design has rows`() {
        #expect(Self.vectors.count == 39)
        #expect(Set(Self.vectors.compactMap { Int($0.id.dropFirst(3).prefix { $0.isNumber }) }) == Set(1...28))
    }

    @Test(arguments: vectors)
    func `a reaction is read as its case states`(vector: ReadingVector) throws {
        let reaction = try #require(Reaction(vector.event))
        let hasRow = !reaction.targets.isEmpty
        var (name, url): (WireText?, WireText?)
        if case .custom(let custom, let picture) = reaction.value { (name, url) = (custom, picture) }
        let targets = reaction.targets.enumerated().map { index, reference in
            ReferenceJSON.target(reference.target, with: ["primary": .bool(index == reaction.targets.count - 1)])
        }
        if let joined = vector.expected["flags_on_join"] {
            let kind = try #require(vector.context?["target_kind"]?.integer.flatMap { UInt16(exactly: $0) })
            let pubkey = try #require(vector.context?["target_pubkey"]?.text.flatMap { PublicKey(hex: $0) })
            #expect(ReferenceJSON.flags(reaction.flags(joining: Kind(kind), by: pubkey)) == joined)
        }
        expect(
            [
                "rows": .number(Array(String(reaction.targets.count).utf8)),
                "value_type": hasRow ? .text(reaction.value.typeName) : .null,
                "emoji_key": hasRow ? .text(reaction.value.key) : .null,
                "custom_name": .text(name), "custom_url": .text(url), "targets": .array(targets),
                "target_author": .hex(reaction.targetAuthor), "target_kind": .kind(reaction.targetKind),
                "flags": .flags(reaction.flags),
            ], equals: vector.expected, besides: ["flags_on_join"])
    }

    @Test(
        arguments: [
            ("\r\n", .like), ("\r\n+\r\n", .like), ("\u{0B}\u{0C}-", .dislike), ("\u{A0}+", .other), ("++", .other),
            ("\u{FF0B}", .other), ("\u{2212}", .other), ("+\u{301}", .other), ("LIKE", .other),
            ("👍", .emoji(key: WireText("👍"))), ("©", .emoji(key: WireText("©"))), ("🇮", .emoji(key: WireText("🇮"))),
            ("#\u{FE0F}\u{20E3}", .emoji(key: WireText("#\u{20E3}"))), ("#", .other),
            ("*\u{20E3}", .emoji(key: WireText("*\u{20E3}"))),
            ("🇮🇹🇮🇹", .other), ("👍 👍", .other), ("a👍", .other), ("é", .other), ("\u{FE0F}", .other), ("\u{200D}👩", .other),
            ("👩\u{FE0F}\u{FE0E}\u{FE0F}", .emoji(key: WireText("👩"))), ("::", .other), (":", .other), (":a", .other),
            (":a:b:", .other), (": a:", .other), (":é:", .other), (":\u{212A}:", .other),
            (":a_-9Z:", .custom(name: WireText("a_-9Z"), url: nil)), (":a::b:", .other),
            (":a: ", .custom(name: WireText("a"), url: nil)),
        ] as [(String, Reaction.Value)])
    func `a value is a like, a dislike, one emoji, one name or none of them`(
        content: String, value: Reaction.Value
    ) throws {
        #expect(try Self.reaction(content).value == value)
    }

    /// D7 of the design: a key takes at most 128 bytes.
    @Test(
        arguments: [
            (LongText("👩", "\u{301}", times: 62), 128), (LongText("👩", "\u{301}", times: 63), nil),
            (LongText("👩", "\u{FE0F}", times: 100), 4), (LongText("👩", "\u{FE0F}", times: 100_000), nil),
            (LongText(":", "a", times: 126, ":"), 128), (LongText(":", "a", times: 127, ":"), nil),
            (LongText("+", times: 500_000), nil), (LongText("👩\u{200D}", times: 60_000, "👩"), nil),
        ] as [(LongText, Int?)])
    func `a key has a limit`(content: LongText, bytes: Int?) throws {
        #expect(try Self.reaction(content.text).value.key?.bytes.count == bytes)
    }

    @Test(
        arguments: [
            ([["emoji", "x", "https://a/1"], ["emoji", "x", "https://a/2"]], "https://a/1"),
            ([["emoji", "y", "https://a/1"], ["emoji", "x", "HTTPS://a/2"]], "HTTPS://a/2"),
            (
                [["emoji", "x"], ["emoji", "x", ""], ["emoji", "x", "data:,"], ["emoji", "x", "http://a"]], "http://a"
            ),
            ([["emoji", "X", "https://a"], ["Emoji", "x", "https://a"], ["emoji", "x", "https:a"]], nil),
            (
                [["emoji", "x", "https://a/" + String(repeating: "a", count: 2_038)]],
                "https://a/" + String(repeating: "a", count: 2_038)
            ),
            ([["emoji", "x", "https://a/" + String(repeating: "a", count: 2_039)]], nil),
            ([["emoji", "x", "javascript://a"]], nil),
        ] as [([[String]], String?)])
    func `a picture is the first http address for the name`(tags: [[String]], url: String?) throws {
        let reaction = try Self.reaction(":x:", tags: [["e", Self.id]] + tags)
        #expect(reaction.value == .custom(name: WireText("x"), url: url.map { WireText($0) }))
        #expect(reaction.flags.contains(.emojiUnresolved) == (url == nil))
    }

    /// nips.md 4.5: the last valid one of each counts, and what cannot be read is flagged.
    @Test(
        arguments: [
            ([["e", id], ["a", "30023:\(key):x"], ["a", "bad"]], key, ["bad_tag"]),
            ([["e", id, "", key]], key, []), ([["e", id, "", "reply", key], ["p", "npub1"]], key, ["bad_tag"]),
            ([["e", id, "", String(repeating: "2", count: 64)], ["p", key], ["p"], ["p", ""]], key, []),
            ([["e", id], ["E", "bad"], ["P", "bad"], ["q", "bad"]], nil, []),
            ([["a", "10002:\(key)"]], key, ["no_e"]),
        ] as [([[String]], String?, [String])])
    func `the author of the target is the last p, else what its reference says`(
        tags: [[String]], author: String?, flags: [String]
    ) throws {
        let reaction = try Self.reaction(tags: tags)
        #expect(reaction.targetAuthor?.description == author)
        #expect(reaction.flags.names == flags)
        #expect(reaction.targets.count == 1)
    }

    @Test(
        arguments: [("1", 1), ("x", nil), ("01", nil), ("65536", nil), ("", nil), ("+1", nil)] as [(String, UInt16?)])
    func `the kind of the target is a number`(text: String, kind: UInt16?) throws {
        #expect(try Self.reaction(tags: [["e", Self.id], ["k", text]]).targetKind == kind.map { Kind($0) })
    }

    @Test func `a target is found by the number of its tag`() throws {
        let tags = [["t", "x"], ["e", Self.id], ["e", "bad"], ["k", "1"]]
        #expect(try Self.reaction(tags: tags).targets.map(\.tag) == [1])
        let pages = [["i", "https://a/"], ["i", "isbn:1"], ["r", "https://c/"], ["i", "https://b/"], ["k", "web"]]
        let reaction = try Self.reaction(kind: 17, tags: pages)
        #expect(reaction.targets.map(\.tag) == [0, 3])
        #expect(reaction.flags.names == ["invalid"])
    }

    @Test func `other kinds are no reactions`() throws {
        #expect(try Reaction(Event.unsigned(kind: 1, tags: [["e", Self.id]], content: "+")) == nil)
        #expect(try Self.reaction(kind: 17, tags: [["e", Self.id], ["i", "#x"], ["k", "#"]]).targets.count == 1)
    }

    @Test(.timeLimit(.minutes(1)))
    func `ten thousand tags and large values are read once`() throws {
        let many = (0..<5_000).flatMap { [["i", "https://a/\($0)"], ["k", "x\($0)"]] }
        let reaction = try Self.reaction(kind: 17, tags: many)
        #expect(reaction.targets.map(\.tag) == (4_980..<5_000).map { 2 * $0 })
        #expect(reaction.flags.names == ["k_mismatch"])
        let names = (0..<9_998).map { ["emoji", "n\($0)", "https://a/\($0)"] }
        let custom = try Self.reaction(":n9997:", tags: names + [["e", Self.id]])
        #expect(custom.value == .custom(name: WireText("n9997"), url: WireText("https://a/9997")))
        let long = String(repeating: "a", count: 65_536)
        let large = try Self.reaction(
            long,
            tags: [
                ["e", long], ["p", long], ["a", long], ["k", long], ["i", "https://a/" + long], ["e", Self.id],
            ])
        #expect(large.value == .other && large.flags == [.badTag] && large.targets.count == 1)
    }
}
