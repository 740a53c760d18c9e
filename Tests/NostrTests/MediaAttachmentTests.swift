import Nostr
import Testing

/// NIP-92 and NIP-94: files.
struct MediaAttachmentTests {
    static func all(_ tags: [[String]]) throws -> [MediaAttachment] {
        MediaAttachment.all(in: try Event.unsigned(tags: tags))
    }

    /// 92-1 and 92-3.
    @Test func `an attachment is read, keys repeated and values with spaces`() throws {
        let digest = String(repeating: "a1", count: 32)
        let attachment = try #require(
            try Self.all([
                [
                    "imeta", "url https://x/a.jpg", "m image/JPEG", "alt A scenic photo", "dim 3024x4032",
                    "x \(digest)",
                    "ox \(digest.uppercased())", "size 12345", "fallback https://y/a", "fallback https://z/a",
                    "blurhash e\\\"x",
                ]
            ]).first)
        #expect(attachment.url == WireText("https://x/a.jpg") && attachment.mediaType == "image/jpeg")
        #expect(attachment.alt == WireText("A scenic photo") && attachment.bytesCount == 12_345)
        #expect(attachment.dimensions?.width == 3_024 && attachment.dimensions?.height == 4_032)
        #expect(attachment.digest?.hex == digest && attachment.originalDigest == nil)
        #expect(attachment.fallbacks.map(\.string) == ["https://y/a", "https://z/a"])
        #expect(attachment.blurhash == WireText("e\\\"x"))
    }

    /// 92-2, and what has no key.
    @Test(arguments: [
        ["imeta", "url https://x"], ["imeta", "url https://x", "alt"], ["imeta", "url https://x", "alt "],
        ["imeta", "m a", "alt b"],
        ["imeta"], ["Imeta", "url https://x", "m a"], [],
    ])
    func `an attachment needs a URL and something about it`(tag: [String]) throws {
        #expect(try Self.all([tag]).isEmpty)
    }

    @Test func `attachments are found by URL, each once and not without end`() throws {
        let tags = (0..<1_000).map { ["imeta", "url https://x/\($0 / 2)", "alt \($0)"] }
        let all = try Self.all(tags)
        #expect(all.count == MediaAttachment.attachmentsMax && all[1].alt == WireText("2"))
    }

    @Test(
        arguments: [
            ("1x1", true), ("x1", false), ("1x", false), ("1x1x1", false), ("-1x1", false), ("1X1", false),
            ("1000000000x1", false),
            ("", false),
        ])
    func `dimensions are two integers`(text: String, isRead: Bool) throws {
        let tags = [["url", "https://x"], ["dim", text], ["m", "A/B"], ["size", "1e3"]]
        let file = try #require(MediaAttachment(file: Event.unsigned(kind: 1063, tags: tags)))
        #expect((file.dimensions != nil) == isRead && file.mediaType == "a/b" && file.bytesCount == nil)
        #expect(try MediaAttachment(file: Event.unsigned(kind: 1063, tags: [["m", "a/b"], ["url"]])) == nil)
    }
}

/// NIP-88: polls.
struct PollTests {
    static let options = [["option", "a", "Yes"], ["option", "b", "No"], ["option", "b", "Never"], ["option", "c"]]

    static func poll(_ tags: [[String]]) throws -> Poll {
        Poll(try Event.unsigned(kind: 1068, tags: options + tags, id: .sample))
    }

    static func vote(_ responses: [String], at time: Int64 = 100, by key: UInt64 = 1, id: UInt64 = 1) throws -> PollVote
    {
        let tags = [["e", EventID.sample.description]] + responses.map { ["response", $0] }
        let event = try Event.unsigned(
            kind: 1018, tags: tags, createdAt: time, pubkey: PublicKey(Bytes32(key, 0, 0, 0)),
            id: EventID(Bytes32(id, 0, 0, 0)))
        return try #require(PollVote(event))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var tags: [[String]] = []
        let votes: [@Sendable () throws -> PollVote]
        let counts: [Int]
    }

    static let cases = [
        Case(
            testDescription: "88-1 two votes, the latest counts",
            votes: [{ try vote(["a"], at: 100) }, { try vote(["b"], at: 101, id: 2) }], counts: [0, 1, 0]),
        Case(
            testDescription: "88-2 a vote after the end", tags: [["endsAt", "100"]],
            votes: [{ try vote(["a"], at: 100) }, { try vote(["b"], at: 101, id: 2) }], counts: [1, 0, 0]),
        Case(
            testDescription: "88-3 equal times, the lowest id counts",
            votes: [{ try vote(["a"], id: 2) }, { try vote(["b"], id: 1) }], counts: [0, 1, 0]),
        Case(
            testDescription: "88-4 two responses to a single choice", votes: [{ try vote(["b", "a"]) }],
            counts: [0, 1, 0]),
        Case(
            testDescription: "88-5 an unknown option", votes: [{ try vote(["x"]) }, { try vote(["c"], by: 2) }],
            counts: [0, 0, 1]),
        Case(
            testDescription: "multiple choice, each option once", tags: [["polltype", "multiplechoice"]],
            votes: [{ try vote(["b", "a", "b", "x"]) }, { try vote(["b"], by: 2) }], counts: [1, 2, 0]),
        Case(
            testDescription: "a withdrawn vote", votes: [{ try vote(["a"]) }, { try vote([], at: 101) }],
            counts: [0, 0, 0]),
    ]

    @Test(arguments: cases)
    func `votes are counted, in whatever order they came`(row: Case) throws {
        let poll = try Self.poll(row.tags)
        let votes = try row.votes.map { try $0() }
        #expect(poll.counts(of: votes) == row.counts && poll.counts(of: votes.reversed()) == row.counts)
    }

    @Test func `a poll is read, each option once`() throws {
        let poll = try Self.poll([["polltype", "other"], ["endsAt", "1e3"]])
        #expect(poll.options.map(\.label.string) == ["Yes", "No", ""])
        #expect(poll.choice == .single && poll.endsAt == nil && poll.flags == [.badTag])
    }

    @Test func `a vote names its poll`() throws {
        #expect(try PollVote(Event.unsigned(kind: 1018, tags: [["e", "x"], ["response", "a"]])) == nil)
        let other = try #require(
            PollVote(
                Event.unsigned(kind: 1018, tags: [["e", String(repeating: "a1", count: 32)], ["response", "a"]])))
        #expect(try Self.poll([]).counts(of: [other]) == [0, 0, 0])
    }
}

/// NIP-85: assertions of a provider.
struct AssertionTests {
    static let hex = String(repeating: "a1", count: 32)

    @Test(
        arguments: [
            (30_382, hex, true), (30_382, "x", false), (30_383, hex, true), (30_383, "30023:\(hex):x", false),
            (30_384, "30023:\(hex):a:b", true), (30_384, hex, false), (30_385, "https://e.com/a:b", true),
            (30_385, "isbn:1", false),
            (30_385, "", false), (30_386, hex, false),
        ] as [(UInt16, String, Bool)])
    func `an assertion is about what its kind says`(kind: UInt16, identifier: String, isOne: Bool) throws {
        #expect((Assertion(try Event.unsigned(kind: kind, tags: [["d", identifier]])) != nil) == isOne)
    }
}
