import Nostr
import Testing

/// NIP-72: communities, posts and approvals.
struct CommunityTests {
    static let vectors = ReadingVector.all("nip72-communities.json")

    @Test func `the file has every row, and each is tested`() {
        #expect(Self.vectors.count == 35)
        #expect(Self.definitions.count + Self.posts.count + Self.approvals.count == 35)
    }

    static let definitions = vectors.filter { $0.expected["community"] != nil }
    static let posts = vectors.filter { $0.expected["posts"] != nil }
    static let approvals = vectors.filter { $0.expected["rows"] != nil }

    @Test(arguments: definitions)
    func `a definition is read as the vectors expect`(vector: ReadingVector) {
        let community = Community(vector.event)
        let read = ReferenceJSON.members([
            "address": .text(community.address.description), "name": .text(community.name),
            "description": .text(community.description), "image": .text(community.image),
            "image_size": .text(community.imageSize), "owner": .hex(community.owner),
            "moderators": .array(community.moderators.map { .hex($0) }),
            "other_p": .array(
                community.others.map { .members(["pubkey": .hex($0.pubkey), "role": .text($0.role)]) }),
            "relays": .array(
                community.relays.map { .members(["url": .text($0.url.raw), "role": .text($0.role)]) }),
            "flags": .flags(community.flags),
        ])
        #expect(read == vector.expected["community"])
    }

    @Test(arguments: posts)
    func `posts are read as the vectors expect`(vector: ReadingVector) {
        let posts = CommunityPost.all(in: vector.event).map { post in
            ReferenceJSON.members([
                "community": .address(post.community), "legacy": .bool(post.isLegacy),
                "top_level": .bool(post.isTopLevel), "parent": .hex(post.parent),
            ])
        }
        #expect(ReferenceJSON.array(posts) == vector.expected["posts"])
    }

    @Test(arguments: approvals)
    func `an approval is read as the vectors expect`(vector: ReadingVector) throws {
        let now = Timestamp(try #require(vector.context?["now"]?.integer))
        let approval = CommunityApproval(vector.event, verifier: EventVerifier(keys: Pipeline.keys), now: now)
        let moderators = vector.context?["moderators"]
        let embed =
            switch approval.embed {
            case .absent: "absent"
            case .invalid: "invalid"
            case .mismatch: "mismatch"
            case .protected: "protected"
            case .expired: "expired"
            case .valid: "valid"
            }
        let rows = approval.rows.map { row in
            let keys = moderators?[row.community.description]?.elements.compactMap {
                $0.text.flatMap(PublicKey.init(hex:))
            }
            return ReferenceJSON.members([
                "community": .address(row.community), "post": .target(row.post),
                "approved": .bool(approval.counts(in: row.community, moderators: keys ?? [])),
            ])
        }
        let read = ReferenceJSON.members([
            "rows": .array(rows), "post_author": .hex(approval.postAuthor), "embed": .text(embed),
            "content_event_id": .hex(approval.embed.event?.event.id), "flags": .flags(approval.flags),
        ])
        #expect(read == vector.expected)
    }

    static let owner = String(repeating: "a1", count: 32)
    static let id = String(repeating: "b2", count: 32)
    static let community = "34550:\(owner):swift"

    @Test(arguments: [5, 7, 1984, 1985, 9735, 10_004, 30_003] as [UInt16])
    func `elsewhere a community is the community itself`(kind: UInt16) throws {
        #expect(try CommunityPost.all(in: Event.unsigned(kind: kind, tags: [["a", Self.community]])).isEmpty)
    }

    @Test func `the kinds of the older form are configurable`() throws {
        let event = try Event.unsigned(kind: 30_311, tags: [["a", Self.community], ["a", Self.community]])
        #expect(CommunityPost.all(in: event).isEmpty)
        #expect(CommunityPost.all(in: event, legacyKinds: [Kind(30_311)]).map(\.isTopLevel) == [true])
        let note = try Event.unsigned(kind: 1, tags: [["a", Self.community]])
        #expect(CommunityPost.all(in: note, legacyKinds: []).isEmpty)
    }

    @Test func `a repost of a community is not posted in it`() throws {
        let event = try Event.unsigned(kind: 16, tags: [["a", Self.community], ["k", "34550"]])
        #expect(CommunityPost.all(in: event).isEmpty)
    }

    @Test func `one approval makes a bounded number of rows`() throws {
        let communities = (0..<2_000).map { ["a", "\(Self.community)\($0)"] }
        let posts = (0..<2_000).map { ["a", "30023:\(Self.owner):\($0)"] }
        let event = try Event.unsigned(kind: 4550, tags: communities + posts + [["p", Self.owner]])
        let approval = CommunityApproval(event, verifier: EventVerifier(keys: Pipeline.keys), now: .zero)
        #expect(approval.rows.count == CommunityApproval.communitiesMax * CommunityApproval.postsMax)
        #expect(approval.flags == [.tooMany])
        #expect(approval.communities.first?.identifier == WireText("swift0"))
    }

    @Test func `the same reference twice is one`() throws {
        let tags = [
            ["a", Self.community], ["a", Self.community], ["e", Self.id], ["e", Self.id, "wss://r.example"],
        ]
        let approval = CommunityApproval(
            try Event.unsigned(kind: 4550, tags: tags), verifier: EventVerifier(keys: Pipeline.keys), now: .zero)
        #expect(approval.rows.count == 1 && approval.flags == [.pMissing])
    }
}
