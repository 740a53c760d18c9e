import Nostr
import Testing

/// NIP-18: reposts. The embedded events are signed ones of the vectors.
struct RepostTests {
    static let now = Timestamp(1_700_000_600)

    static func embedded(_ name: String) throws -> String {
        String(decoding: try EventVector.named(name).wire, as: UTF8.self)
    }

    /// What an approval of the vectors embeds.
    static func approved(_ id: String) throws -> String {
        try #require(CommunityTests.vectors.first { $0.id == id }).event.content
    }

    static func id(of json: String) throws -> String {
        try #require(ReferenceJSON(json)?["id"]?.text)
    }

    static func repost(_ kind: UInt16, _ tags: [[String]], _ content: String = "") throws -> Repost? {
        Repost(
            try Event.unsigned(kind: kind, tags: tags, content: content), verifier: EventVerifier(keys: Pipeline.keys),
            now: self.now)
    }

    static let ids = ["a1", "b2", "c3"].map { String(repeating: $0, count: 32) }
    static let article = "30023:\(ids[0]):x"

    /// 18-1.
    @Test func `a valid embed is the target and another event to store`() throws {
        let note = try Self.embedded("crlf")
        let id = try Self.id(of: note)
        let repost = try #require(try Self.repost(6, [["e", id, "wss://r.example"], ["p", Self.ids[1]]], note))
        #expect(repost.target.eventID?.description == id && repost.embed.event?.event.id.description == id)
        #expect(repost.hint == WireText("wss://r.example") && repost.kind == .note && repost.flags.isEmpty)
        // The embedded event knows its author; a tag is anybody's claim.
        #expect(repost.author == repost.embed.event?.event.pubkey)
    }

    /// 18-2.
    @Test func `an embed with another id is ignored`() throws {
        let repost = try #require(try Self.repost(6, [["e", Self.ids[0]]], Self.embedded("crlf")))
        #expect(repost.target.eventID?.description == Self.ids[0] && repost.embed.event == nil)
        #expect(repost.flags == [.embedMismatch])
    }

    /// 18-3 and 18-9, and whatever else may stand in a content.
    @Test(arguments: [
        "signature", "duplicate key", "U+0000", "U+0000 escaped again", "future", "id", "no event", "no JSON",
        "two events",
        "deep", "never stored",
    ])
    func `an embed that is not as good as one from a relay is ignored`(defect: String) throws {
        let note = try Self.embedded("crlf")
        var id = try Self.id(of: note)
        let json: String
        switch defect {
        case "signature": json = try Self.approved("72-8")
        case "duplicate key": json = "{\"content\":\"good\"," + note.dropFirst()
        case "U+0000": json = try Self.embedded("other-c0-stringify")
        case "U+0000 escaped again": json = note.replacing("a\\r", with: "\\u0000a\\r")
        case "future": json = try Self.embedded("created-at-u32-plus")
        case "id": json = try Self.embedded("del-escaped")
        case "no event": json = "{\"id\":\"\(id)\"}"
        case "two events": json = note + note
        case "deep": json = String(repeating: "[", count: 60_000)
        case "never stored": json = note.replacing("\"kind\":1,", with: "\"kind\":22242,")
        default: json = " "
        }
        id = ReferenceJSON(json)?["id"]?.text ?? id
        let repost = try #require(try Self.repost(6, [["e", id]], json))
        #expect(repost.target.eventID?.description == id && repost.embed.event == nil)
        #expect(repost.flags == [.embedInvalid])
    }

    /// 18-4.
    @Test func `an empty content leaves the target`() throws {
        let repost = try #require(try Self.repost(6, [["e", Self.ids[0], "", "", Self.ids[1]], ["p", Self.ids[2]]]))
        #expect(repost.target.eventID?.description == Self.ids[0] && repost.flags.isEmpty)
        #expect(repost.author?.description == Self.ids[1] && repost.kind == .note)
    }

    /// 18-5.
    @Test func `a kind 6 around another kind is flagged`() throws {
        let article = try Self.approved("72-19a")
        let id = try Self.id(of: article)
        #expect(try Self.repost(6, [["e", id]], article)?.flags == [.wrongKind])
        #expect(try Self.repost(16, [["e", id]], article)?.flags == [])
        #expect(try Self.repost(6, [["e", id], ["k", "30023"]])?.flags == [.wrongKind])
        #expect(try Self.repost(6, [["a", Self.article]])?.flags == [.wrongKind])
        #expect(try Self.repost(16, [["e", id], ["k", "1"]])?.flags == [.wrongKind])
        #expect(try Self.repost(16, [["e", id], ["k", "30024"]], article)?.flags == [.kMismatch])
    }

    /// 18-6, and an event beside the coordinate: that is its version.
    @Test func `a coordinate is the target`() throws {
        let repost = try #require(try Self.repost(16, [["a", Self.article, "wss://a.example"]]))
        #expect(repost.target.address?.description == Self.article && repost.target.eventID == nil)
        #expect(repost.hint == WireText("wss://a.example") && repost.author?.description == Self.ids[0])
        let version = try #require(try Self.repost(16, [["e", Self.ids[1]], ["a", Self.article], ["k", "30023"]]))
        guard case .address = version.target else {
            Issue.record("The target is no coordinate")
            return
        }
        #expect(version.target.eventID?.description == Self.ids[1])
    }

    @Test func `an embed may be another version of the coordinate`() throws {
        let article = try Self.approved("72-19b")
        let address = try #require(Event(json: Array(article.utf8)).address).description
        let repost = try #require(
            try Self.repost(16, [["e", Self.ids[0]], ["a", address], ["k", "30023"]], article))
        #expect(repost.embed.event != nil && repost.flags.isEmpty)
    }

    @Test(
        arguments: [
            // A community beside an event is where it was posted (NIP-72).
            ([["e", ids[0]], ["a", "34550:\(ids[1]):c"], ["k", "1111"]], nil),
            ([["e", ids[0]], ["a", "34550:\(ids[1]):c"]], nil),
            ([["a", "34550:\(ids[1]):c"], ["a", article]], article),
            ([["a", article], ["a", "34550:\(ids[1]):c"]], article),
            ([["a", "34550:\(ids[1]):c"]], "34550:\(ids[1]):c"),
            ([["a", article], ["a", "34550:\(ids[1]):c"], ["k", "34550"]], "34550:\(ids[1]):c"),
            ([["a", article], ["k", "30024"]], article),
        ] as [([[String]], String?)])
    func `of several references one is reposted`(tags: [[String]], address: String?) throws {
        let repost = try #require(try Self.repost(16, tags))
        #expect(repost.target.address?.description == address)
    }

    /// 18-7.
    @Test func `of several e the last valid one counts`() throws {
        let tags = [["e", Self.ids[0]], ["e", Self.ids[1]], ["e", Self.ids[2].uppercased()]]
        let repost = try #require(try Self.repost(6, tags))
        #expect(repost.target.eventID?.description == Self.ids[1] && repost.flags == [.badTag])
    }

    /// 18-8, and one that has expired.
    @Test(arguments: [("72-20", Flag.embedProtected), ("72-20b", .embedExpired)])
    func `a protected or expired embed is ignored`(vector: String, flag: Flag) throws {
        let note = try Self.approved(vector)
        let repost = try #require(try Self.repost(6, [["e", try Self.id(of: note)]], note))
        #expect(repost.embed.event == nil && repost.flags == [flag])
    }

    @Test(arguments: [[], [["e"]], [["e", "x"]], [["p", ids[0]]], [["q", ids[0]]]])
    func `without a reference there is no repost`(tags: [[String]]) throws {
        #expect(try Self.repost(6, tags, Self.embedded("crlf")) == nil)
    }
}
