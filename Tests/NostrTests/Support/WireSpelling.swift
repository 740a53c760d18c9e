import Nostr

/// An event made at random, by nobody and about nothing, and the ways in which its JSON can be written.
struct RandomEvent: Sendable {
    let id, pubkey: [UInt8]
    let sig: [UInt8]
    let createdAt: Int64
    let kind: Int64
    let tags: [[[Unicode.Scalar]]]
    let content: [Unicode.Scalar]

    init(using random: inout SplitMix64) {
        self.id = Self.digits(64, using: &random)
        self.pubkey = Self.digits(64, using: &random)
        self.sig = Self.digits(128, using: &random)
        self.createdAt = random.pick([0, 1, 1_700_000_000, 4_294_967_296, 9_007_199_254_740_991])
        self.kind = random.pick([0, 1, 5, 1_111, 30_023, 65_535])
        self.tags = (0..<random.below(4)).map { _ in
            (0..<random.below(4)).map { _ in Self.text(random.below(9), using: &random) }
        }
        self.content = Self.text(random.below(40), using: &random)
    }

    private static func digits(_ count: Int, using random: inout SplitMix64) -> [UInt8] {
        (0..<count).map { _ in Array("0123456789abcdef".utf8)[random.below(16)] }
    }

    /// What JSON escapes, what other encoders escape, the borders of UTF-8 and of the planes, and letters.
    static let scalars: [Unicode.Scalar] =
        [
            "\u{0}", "\u{1}", "\u{8}", "\t", "\n", "\u{B}", "\u{C}", "\r", "\u{1F}", "\"", "\\", "/", "<", "&",
            "\u{7F}",
            "\u{80}", "\u{85}", "é", "e", "\u{301}", "\u{7FF}", "\u{800}", "\u{2028}", "\u{212A}", "\u{D7FF}",
            "\u{E000}", "\u{FEFF}", "\u{FFFD}", "\u{FFFF}", "\u{10000}", "😀", "\u{10FFFF}", "[", "]", "{", "}", ",",
            ":",
        ] + "abcdeknpt0123 ".unicodeScalars

    private static func text(_ count: Int, using random: inout SplitMix64) -> [Unicode.Scalar] {
        (0..<count).map { _ in random.pick(self.scalars) }
    }

    static func utf8(_ text: [Unicode.Scalar]) -> [UInt8] { text.flatMap { Array(UTF8.encode($0) ?? .init()) } }

    var tagsUTF8: [[[UInt8]]] { self.tags.map { $0.map(Self.utf8) } }

    var hasNUL: Bool { self.content.contains("\u{0}") || self.tags.joined().joined().contains("\u{0}") }

    /// The canonical bytes, by the reference's rules (nips.md 2.2).
    var canonical: [UInt8] {
        ReferenceJSON.array([
            .number([0x30]), .string(self.pubkey), .number(Array(String(self.createdAt).utf8)),
            .number(Array(String(self.kind).utf8)),
            .array(self.tagsUTF8.map { .array($0.map(ReferenceJSON.string)) }), .string(Self.utf8(self.content)),
        ]).stringified
    }

    /// The event as most relays write it.
    var plain: [UInt8] {
        let member = { (name: String, value: ReferenceJSON) in
            ReferenceJSON.Member(name: Array(name.utf8), value: value)
        }
        return ReferenceJSON.object([
            member("id", .string(self.id)), member("pubkey", .string(self.pubkey)),
            member("created_at", .number(Array(String(self.createdAt).utf8))),
            member("kind", .number(Array(String(self.kind).utf8))),
            member("tags", .array(self.tagsUTF8.map { .array($0.map(ReferenceJSON.string)) })),
            member("content", .string(Self.utf8(self.content))), member("sig", .string(self.sig)),
        ]).stringified
    }

    /// The event with escapes, white space, unknown members and an order of members as they come.
    func spelled(using random: inout SplitMix64) -> [UInt8] {
        var speller = Speller(random: random)
        defer { random = speller.random }
        var members: [[UInt8]] = [
            speller.member("id", speller.string(Self.scalars(self.id))),
            speller.member("pubkey", speller.string(Self.scalars(self.pubkey))),
            speller.member("created_at", Array(String(self.createdAt).utf8)),
            speller.member("kind", Array(String(self.kind).utf8)),
            speller.member("tags", speller.tags(self.tags)),
            speller.member("content", speller.string(self.content)),
            speller.member("sig", speller.string(Self.scalars(self.sig))),
        ]
        for _ in 0..<speller.random.below(3) { members.append(speller.unknownMember()) }
        members.shuffle(using: &speller.random)
        return speller.enclosed(members, in: ("{", "}"))
    }

    private static func scalars(_ ascii: [UInt8]) -> [Unicode.Scalar] { ascii.map { Unicode.Scalar($0) } }
}

/// Writes JSON in one of the many ways in which it can be written.
struct Speller {
    var random: SplitMix64

    mutating func space() -> [UInt8] {
        guard self.random.oneIn(4) else { return [] }
        return (0..<self.random.below(3)).map { _ in self.random.pick([0x20, 0x09, 0x0A, 0x0D]) }
    }

    mutating func enclosed(_ elements: [[UInt8]], in brackets: (String, String)) -> [UInt8] {
        var json = self.space() + Array(brackets.0.utf8) + self.space()
        for (index, element) in elements.enumerated() {
            if index > 0 { json += [0x2C] + self.space() }
            json += element + self.space()
        }
        return json + Array(brackets.1.utf8) + self.space()
    }

    mutating func member(_ name: String, _ value: [UInt8]) -> [UInt8] {
        // Mostly plain: an escaped name leaves the fast path.
        let name =
            self.random.oneIn(8) ? self.string(Array(name.unicodeScalars)) : ReferenceJSON.stringify(Array(name.utf8))
        return name + self.space() + [0x3A] + self.space() + value
    }

    mutating func unknownMember() -> [UInt8] {
        let name = self.random.pick(["seen", "ids", "i", "relay", "", "tagz", "Content", "meta"])
        let id = "\"" + String(repeating: "e", count: 64) + "\""
        let value = self.random.pick([
            "null", "true", "-1.5e+3", "0", "\"\\ud800\"", "[]", "{}", "[[1,[2]],{\"a\":{}}]", "\"}],\\\"id\\\":\"",
            "{\"a\":1,\"id\":\(id)}", "[{\"kind\":1,\"id\":\(id)}]",
        ])
        return self.member(name, Array(value.utf8))
    }

    mutating func tags(_ tags: [[[Unicode.Scalar]]]) -> [UInt8] {
        if tags.isEmpty, self.random.oneIn(4) { return Array("null".utf8) }
        var elements: [[UInt8]] = []
        for tag in tags {
            var strings: [[UInt8]] = []
            for text in tag { strings.append(self.string(text)) }
            elements.append(self.enclosed(strings, in: ("[", "]")))
        }
        return self.enclosed(elements, in: ("[", "]"))
    }

    mutating func string(_ text: [Unicode.Scalar]) -> [UInt8] {
        let isPlain = self.random.oneIn(2)
        var json: [UInt8] = [0x22]
        for scalar in text { json += isPlain ? self.plain(scalar) : self.any(scalar) }
        return json + [0x22]
    }

    private func plain(_ scalar: Unicode.Scalar) -> [UInt8] {
        ReferenceJSON.stringify(RandomEvent.utf8([scalar])).dropFirst().dropLast()
    }

    private mutating func any(_ scalar: Unicode.Scalar) -> [UInt8] {
        if self.random.oneIn(2) { return self.plain(scalar) }
        if scalar == "/", self.random.oneIn(2) { return Array("\\/".utf8) }
        var json: [UInt8] = []
        for unit in Array(String(Character(scalar)).utf16) {
            let digits = String(unit, radix: 16, uppercase: self.random.oneIn(2))
            json += Array("\\u".utf8) + Array(repeating: 0x30, count: 4 - digits.utf8.count) + Array(digits.utf8)
        }
        return json
    }
}
