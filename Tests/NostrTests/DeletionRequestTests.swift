import Nostr
import Testing

struct DeletionRequestTests {
    static let key = PublicKey.sample.description
    static let other = String(repeating: "2", count: 64)
    static let first = String(repeating: "1", count: 64)
    static let second = String(repeating: "a", count: 64)

    static func request(_ tags: [[String]]) throws -> DeletionRequest {
        try #require(DeletionRequest(Event.unsigned(kind: 5, tags: tags, createdAt: 1_700_000_010)))
    }

    /// nips.md 5.1 by the numbers that the request alone decides.
    @Test(
        arguments: [
            ("09-1", [["e", first]], [first], []),
            ("09-3", [["e", first], ["e", second]], [first, second], []),
            ("09-9", [["a", "30023:\(key):foo:bar"]], [], ["30023:\(key):foo:bar"]),
            ("09-10", [["a", "10002:\(key)"]], [], ["10002:\(key):"]),
            ("09-12", [["e", second], ["e", first], ["e", second]], [first, second], []),
            ("09-12", [["a", "10002:\(key)"], ["a", "10002:\(key):"]], [], ["10002:\(key):"]),
            ("09-13", [], [], []),
            ("09-13", [["e"], ["e", ""], ["a", ""], ["a"], [], [""]], [], []),
            ("09-15", [["e", first], ["expiration", "1"]], [first], []),
            ("09-17", [["a", "30023:\(other):x"]], [], []),
            ("09-20", [["a", "10002:\(key):"]], [], ["10002:\(key):"]),
            ("09-21", [["e", first], ["k", "7"], ["k", "x"]], [first], []),
            ("", [["a", "30023:\(key):"], ["e", first]], [first], ["30023:\(key):"]),
            ("", [["E", first], ["A", "30023:\(key):x"], ["\u{212A}", first], ["q", first]], [], []),
            (
                "", [["a", "30023:\(key):caf\u{E9}"], ["a", "30023:\(key):cafe\u{301}"]], [],
                ["30023:\(key):caf\u{E9}", "30023:\(key):cafe\u{301}"]
            ),
        ] as [(String, [[String]], [String], [String])])
    func `a request names events and own addresses`(
        number: String, tags: [[String]], events: [String], addresses: [String]
    ) throws {
        let request = try Self.request(tags)
        #expect(request.events.map(\.description) == events)
        #expect(request.addresses.map { Array($0.description.utf8) } == addresses.map { Array($0.utf8) })
        #expect(request.until == Timestamp(1_700_000_010) && request.pubkey == .sample)
        #expect(request.flags.isEmpty)
    }

    /// nips.md 5.1, 09-14 and 09-18, and 2.6: what is malformed is passed over and flagged.
    @Test(
        arguments: [
            ["e", first.uppercased().replacing("1", with: "A")], ["e", "note1xyz"], ["e", String(first.dropLast())],
            ["a", "1:\(key):"], ["a", "30023:\(key)"], ["a", "30023:\(key.uppercased()):x"], ["a", "030023:\(key):x"],
            ["a", "+30023:\(key):x"], ["a", "65536:\(key):x"], ["a", "20000:\(key):x"], ["a", "5:\(key):"],
            ["a", "62:\(key):"], ["a", ":\(key):x"], ["a", "30023"], ["a", "30023:"],
        ])
    func `a malformed reference names nothing`(tag: [String]) throws {
        let request = try Self.request([tag])
        #expect(request.events.isEmpty && request.addresses.isEmpty)
        #expect(request.flags == [.badTag])
        #expect(try Self.request([tag, ["e", Self.second]]).events.map(\.description) == [Self.second])
    }

    @Test(arguments: [0, 1, 7, 62, 1059] as [UInt16])
    func `another kind is no request`(kind: UInt16) throws {
        #expect(try DeletionRequest(Event.unsigned(kind: kind, tags: [["e", Self.first]])) == nil)
    }

    /// nips.md 5.1, 09-11 and 09-19; NIP-59.
    @Test(
        arguments: [
            (1, [["p", other]], [key]), (30_023, [], [key]), (5, [], []), (62, [], []), (1059, [], [key]),
            (1059, [["p", other]], [other, key]),
            (1059, [["p", other], ["p", other], ["p", "x"], ["P", first]], [other, key]),
            (1059, [["p", key]], [key]), (13, [["p", other]], [key]),
        ] as [(UInt16, [[String]], [String])])
    func `an event is deleted by its author and a gift wrap by its recipient`(
        kind: UInt16, tags: [[String]], deleters: [String]
    ) throws {
        #expect(try Event.unsigned(kind: kind, tags: tags).deleters.map(\.description) == deleters)
    }

    /// Ids are anybody's choice: with equal first words a set of them would take quadratic time.
    @Test(.timeLimit(.minutes(1)))
    func `as many chosen ids as an event can hold take no longer than others`() throws {
        let ids = (0..<3_000).map { String(repeating: "0", count: 56) + Hex.string(Self.bytes($0)) }
        let request = try Self.request((ids + ids.reversed()).map { ["e", $0] })
        #expect(request.events.map(\.description) == ids)
        let addresses = (0..<5_000).map { ["a", "30023:\(Self.key):\($0 % 2_500)"] }
        #expect(try Self.request(addresses).addresses.count == 2_500)
    }

    private static func bytes(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(number >> (24 - 8 * $0) & 0xFF) } }

    @Test func `a large value is passed over`() throws {
        let long = String(repeating: "a", count: 65_536)
        let request = try Self.request([["e", long], ["a", long], ["a", "30023:\(Self.key):\(long)"]])
        #expect(request.events.isEmpty && request.addresses.map(\.identifier.bytes.count) == [65_536])
        #expect(request.flags == [.badTag])
    }
}
