import Nostr
import Testing

@testable import NostrCache

struct EventRowTests {
    let signer = TestSigner()

    struct Classification: Sendable, CustomTestStringConvertible {
        let row: JSONValue
        var testDescription: String { "\(self.row["id"]?.string ?? "") \(self.row["note"]?.string ?? "")" }

        static let all = VectorFile.rows("clawstr-classification.json").map { Classification(row: $0) }
    }

    @Test func `the classification vectors are all there`() {
        #expect(Classification.all.count == 59)
    }

    /// D1 … D5 of the cache design.
    @Test(arguments: Classification.all)
    func `derives what the classification vectors expect`(vector: Classification) throws {
        let kind = UInt16(try #require(vector.row["kind"]?.integer))
        let expected = try #require(vector.row["expected"])
        let row = EventRow(self.signer.event(kind, tags: try #require(vector.row["tags"]).tags), bases: .standard)
        #expect(row.identifier == expected["identifier"]?.string)
        #expect(row.subclaw == expected["subclaw"]?.string)
        #expect(row.parentID?.description == expected["parent_id"]?.string)
        #expect(row.isTopLevel == expected["is_top_level"]?.bool)
        #expect(row.isAI == expected["is_ai"]?.bool)
    }

    struct Thread: Sendable, CustomTestStringConvertible {
        let row: JSONValue
        var testDescription: String { "\(self.row["id"]?.string ?? "") \(self.row["note"]?.string ?? "")" }

        static let all = VectorFile.rows("nip10-threads.json").map { Thread(row: $0) }
    }

    /// NIP-10 as D5 and R1 read it: an `a` root is no `root_id`, and a root without marks is the first `e`.
    @Test(arguments: Thread.all)
    func `derives parent and root of the NIP-10 vectors`(vector: Thread) throws {
        let expected = try #require(vector.row["expected"])
        let row = EventRow(self.signer.event(1, tags: try #require(vector.row["tags"]).tags), bases: .standard)
        #expect(row.parentID?.description == expected["parent"]?.string)
        #expect(row.rootID?.description == expected["root"]?.string)
        #expect(row.rootAddress == nil)
    }

    static let community = "https://clawstr.com/c/tech"
    static let alias = "https://openagents.com/c/Tech/"
    static let page = "https://example.com/a"

    /// Of a community the column `subclaw` says enough; anything else has a row in `nostr_external_ids`.
    @Test(arguments: [
        (root: nil as String?, parent: nil as String?, names: false), (Self.page, nil, true), (nil, Self.page, true),
        (Self.community, nil, false), (nil, Self.community, false), (Self.community, Self.community, false),
        (Self.community, Self.alias, false), (Self.community, Self.page, true), (Self.page, Self.community, true),
        (Self.page, Self.page, true),
    ])
    func `a comment names a page if its root or its parent is none of the communities`(
        root: String?, parent: String?, names: Bool
    ) {
        let tags = [root.map { ["I", $0] }, parent.map { ["i", $0] }].compactMap { $0 }
        for tags in [tags, tags.reversed()] {
            #expect(EventRow(self.signer.event(1111, tags: tags), bases: .standard).namesPage == names)
        }
    }

    static let id = String(repeating: "ab", count: 32)
    static let addresses: [(String, Bool)] = [
        ("30023:\(id):", true), ("30023:\(id):a:b", true), ("0:\(id):", true), ("0:\(id)", true), ("10002:\(id)", true),
        ("10002:\(id):d", true), ("30023:\(id):\"quoted\"", true), ("30023:\(id)", false), ("1:\(id):", false),
        ("20000:\(id):", false), ("030023:\(id):", false), ("+30023:\(id):", false), ("65536:\(id):", false),
        ("330023:\(id):", false), ("99999999999999999999:\(id):", false), (":\(id):", false), ("30023", false),
        ("30023:", false), ("30023:\(id.uppercased()):", false), ("30023:\(id.dropLast()):", false),
        ("30023:\(id)x", false),
    ]

    @Test(arguments: addresses)
    func `a root address is a coordinate, raw`(value: String, isValid: Bool) {
        let row = EventRow(
            self.signer.event(1111, tags: [["A", "nonsense"], ["A", value], ["A", "0:\(Self.id):"]]), bases: .standard)
        #expect(row.rootAddress == (isValid ? value : "0:\(Self.id):"))
    }

    static let expirations: [(UInt16, [[String]], Int64?)] = [
        (1, [["expiration", "1800000000"]], 1_800_000_000),
        (1, [["expiration", "5"], ["expiration", "6"]], 5),
        // The first tag counts, even where it cannot be read (NIP-40).
        (1, [["expiration", "abc"], ["expiration", "6"]], nil),
        (1, [["expiration"], ["expiration", "6"]], nil),
        (1, [["expiration", ""]], nil), (1, [["expiration", "+5"]], nil), (1, [["expiration", "1.5"]], nil),
        (1, [["expiration", "9007199254740991"]], 9_007_199_254_740_991),
        (1, [["expiration", "9007199254740992"]], nil),
        (5, [["expiration", "1800000000"]], nil), (62, [["expiration", "1800000000"]], nil),
    ]

    @Test(arguments: expirations)
    func `expires when its first expiration tag says so`(kind: UInt16, tags: [[String]], expected: Int64?) {
        let event = self.signer.event(kind, tags: tags)
        #expect(EventRow(event, bases: .standard).expiresAt?.seconds == expected)
        #expect(EventRow(event, bases: .standard).expiresAt == event.event.expiration.time)
    }

    @Test func `bases are aliases, and a base may have a path`() {
        let bases = CommunityBases(["https://forum.example/x", "https://other.example"])
        func slug(_ value: String) -> String? {
            EventRow(self.signer.event(1111, tags: [["I", value]]), bases: bases).subclaw
        }
        #expect(slug("https://forum.example/x/c/Cats") == "cats")
        #expect(slug("HTTPS://FORUM.EXAMPLE/X/C/cats/") == "cats")
        #expect(slug("https://other.example/c/\(String(repeating: "a", count: 128))") != nil)
        #expect(slug("https://other.example/c/\(String(repeating: "a", count: 129))") == nil)
        #expect(slug("https://forum.example/c/cats") == nil)
        #expect(slug("https://clawstr.com/c/cats") == nil)
        #expect(slug("https://other.example/c/") == nil)
        #expect(slug("https://other.example/c//") == nil)
    }

    /// The scan over raw bytes and the collection of tags read the same event.
    @Test(arguments: 0..<200)
    func `the scan reads what the tags say`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let words = [
            "e", "E", "l", "L", "agent", "ai", "expiration", "", "\"", "\\", "x\ny", "[\"L\",\"agent\"]", "é", "🐦",
            Self.id, "\u{1}",
        ]
        let tags = (0..<Int.random(in: 0...8, using: &random)).map { _ in
            (0..<Int.random(in: 0...6, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }
        }
        let event = self.signer.event(7, tags: tags).event
        var scanner = TagScanner(event.tagsRange)
        var scanned: [[String]] = []
        while let tag = scanner.next(event.canonical.span) {
            let pieces = [tag.name, tag.value, tag.third, tag.fourth].prefix(tag.count)
            scanned.append(pieces.map { String(decoding: $0.text(event.canonical.span), as: UTF8.self) })
        }
        #expect(scanned == tags.map { Array($0.prefix(4)) })
        let row = EventRow(event, bases: .standard)
        let hasNamespace = tags.contains { $0.starts(with: ["L", "agent"]) }
        #expect(row.isAI == (hasNamespace && tags.contains { $0.starts(with: ["l", "ai", "agent"]) }))
        #expect(row.parentID?.description == tags.last { $0.starts(with: ["e", Self.id]) }.map { _ in Self.id })
        #expect(row.expiresAt == event.expiration.time)
    }
}
