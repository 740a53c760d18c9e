import Nostr
import Testing

/// NIP-22: comments.
struct CommentEventTests {
    static let vectors = ReadingVector.all("nip22-comments.json")

    @Test func `the file has every row`() {
        #expect(Self.vectors.count == 25)
    }

    static func json(_ side: CommentEvent.Side?) -> ReferenceJSON {
        .target(
            side?.target,
            with: ["kind": .kind(side?.kind), "author": .hex(side?.author), "hint": .text(side?.hint)])
    }

    static func json(_ comment: CommentEvent?) -> ReferenceJSON {
        .members([
            "row": .bool(comment != nil), "root": self.json(comment?.root), "parent": self.json(comment?.parent),
            "is_top_level": comment.map { .bool($0.isTopLevel) } ?? .null, "flags": .flags(comment?.flags ?? []),
        ])
    }

    @Test(arguments: vectors)
    func `a comment is read as the vectors expect`(vector: ReadingVector) {
        #expect(Self.json(CommentEvent(vector.event)) == vector.expected)
    }

    /// The same letters in another order are the same comment, as long as each letter occurs once.
    @Test(arguments: vectors.filter { $0.id != "22-12" })
    func `the order of tags does not matter`(vector: ReadingVector) throws {
        for seed in 0..<8 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            var tags = vector.event.tags.strings
            tags.shuffle(using: &random)
            let event = try Event.unsigned(kind: vector.event.kind.rawValue, tags: tags)
            #expect(Self.json(CommentEvent(event)) == vector.expected)
        }
    }

    static let key = String(repeating: "a1", count: 32)
    static let id = String(repeating: "b2", count: 32)
    static let other = String(repeating: "c3", count: 32)

    @Test(
        arguments: [
            ([["i", "isbn:12345"], ["k", "isbn"], ["I", "#a"], ["K", "#"]], ["bad_tag", "parent_missing"]),
            ([["p", "x"], ["e", id], ["k", "1111"], ["E", other], ["K", "1"]], ["bad_tag", "reply_to_kind1"]),
            ([["I", "#a"], ["K", "1063"], ["i", "#a"], ["k", "geo"]], ["k_mismatch"]),
            ([["I", "#a"], ["i", "#a"], ["k", ""]], ["k_missing"]),
            ([["E", id], ["E", ""], ["E"], ["K", "1063"], ["e", id], ["k", "1063"]], []),
        ] as [([[String]], [String])])
    func `what is odd about a comment is flagged`(tags: [[String]], flags: [String]) throws {
        #expect(try #require(CommentEvent(Event.unsigned(kind: 1111, tags: tags))).flags.names == flags)
    }

    @Test(arguments: ["1111", "1244", "", "65536", "web"])
    func `a comment, or who knows what, is no root`(k: String) throws {
        let comment = try CommentEvent(Event.unsigned(kind: 1111, tags: [["e", Self.id], ["k", k]]))
        #expect(comment?.root == nil && comment?.parent.target.eventID?.description == Self.id)
        #expect(comment?.isTopLevel == false && comment?.flags.contains(.rootMissing) == true)
    }

    /// Several lower-case `p` may be mentions (nips#2084).
    @Test func `the author in the tag of the parent comes before p, and P before the one of the root`() throws {
        let comment = try #require(
            CommentEvent(
                Event.unsigned(
                    kind: 1111,
                    tags: [
                        ["E", Self.id, "", Self.other], ["P", Self.key], ["K", "1063"], ["p", Self.key],
                        ["e", Self.other, "", Self.other], ["k", "1111"],
                    ])))
        #expect(comment.root?.author?.description == Self.key)
        #expect(comment.parent.author?.description == Self.other)
    }
}
