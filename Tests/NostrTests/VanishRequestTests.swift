import Nostr
import Testing

struct VanishRequestTests {
    static let own: Set<RelayURL> = Set([RelayURL("wss://cache.example.com")].compactMap(\.self))

    /// nips.md 5.3, 62-1 to 62-3, 62-10, 62-11.
    @Test(
        arguments: [
            ("62-1", [["relay", "ALL_RELAYS"]], true, []),
            ("62-2", [["relay", "all_relays"]], false, []),
            ("62-2", [["relay", "ALL_RELAYS "], ["Relay", "ALL_RELAYS"]], false, []),
            ("62-3", [["relay", "wss://a.example.com"]], false, ["wss://a.example.com"]),
            (
                "62-3", [["relay", "wss://a.example.com"], ["relay", "WSS://A.example.com:443/"]], false,
                ["wss://a.example.com"]
            ),
            ("62-11", [["relay", "wss://cache.example.com"]], true, []),
            ("62-11", [["relay", "wss://Cache.example.com:443/"]], true, []),
            ("62-11", [["relay", "wss://a.example.com"], ["relay", "wss://cache.example.com"]], true, []),
            ("62-11", [["relay", "wss://cache.example.com/other"]], false, ["wss://cache.example.com/other"]),
            ("62-11", [["relay", "ws://cache.example.com"]], false, ["ws://cache.example.com"]),
            (
                "", [["relay", "x"], ["relay"], ["relay", ""], ["relay", "wss://b.example.com", "x"]], false,
                ["wss://b.example.com"]
            ),
            ("", [["relay", "wss://a.example.com"], ["relay", "ALL_RELAYS"]], true, []),
        ] as [(String, [[String]], Bool, [String])])
    func `a request reaches everybody, this service or other relays`(
        number: String, tags: [[String]], isEverything: Bool, relays: [String]
    ) throws {
        let event = try Event.unsigned(kind: 62, tags: tags, createdAt: 1_700_000_010)
        let request = try #require(VanishRequest(event))
        let expected: VanishRequest.Reach = isEverything ? .everything : .relays(relays.compactMap { RelayURL($0) })
        #expect(request.reach(ownURLs: Self.own) == expected)
        #expect(request.pubkey == event.pubkey && request.until == event.createdAt)
    }

    /// nips.md 5.3, 62-10.
    @Test(
        arguments: [[], [["relay"]], [["relay", ""]], [["Relay", "ALL_RELAYS"]], [["r", "ALL_RELAYS"]]] as [[[String]]])
    func `a request to nobody is none`(tags: [[String]]) throws {
        #expect(try VanishRequest(Event.unsigned(kind: 62, tags: tags)) == nil)
    }

    @Test func `another kind is no request`() throws {
        #expect(try VanishRequest(Event.unsigned(kind: 5, tags: [["relay", "ALL_RELAYS"]])) == nil)
    }

    @Test(.timeLimit(.minutes(1)))
    func `ten thousand relays and long text are read once`() throws {
        let tags = (0..<9_999).map { ["relay", "wss://r\($0 % 3_333).example.com"] }
        let long = [["relay", "wss://" + String(repeating: "a", count: 65_536)]]
        let request = try #require(VanishRequest(Event.unsigned(kind: 62, tags: tags + long)))
        #expect(request.relays.count == 3_333)
        #expect(request.reach(ownURLs: Self.own) == .relays(request.relays))
    }
}
