import Nostr
import Testing

/// NIP-65: relay lists.
struct RelayListTests {
    static func list(_ tags: [[String]]) throws -> RelayList {
        RelayList(try Event.unsigned(kind: 10_002, tags: tags))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let tags: [[String]]
        var read: [String] = []
        var write: [String] = []
        var flags: Flags = []
    }

    static let cases = [
        Case(
            testDescription: "65-1 one relay, both ways",
            tags: [["r", "wss://A.example/"], ["r", "wss://a.example", "read"]],
            read: ["wss://a.example"], write: ["wss://a.example"]),
        Case(testDescription: "65-2 another scheme", tags: [["r", "https://x.example"]], flags: [.badTag]),
        Case(
            testDescription: "65-3 unknown marker", tags: [["r", "wss://x.example", "foo"]], read: ["wss://x.example"],
            write: ["wss://x.example"], flags: [.unknownMarker]),
        // Kept; that it is never dialled is tested in AddressGuardTests, as is 65-10.
        Case(
            testDescription: "65-4 private address", tags: [["r", "ws://192.168.0.132:4848", "write"]],
            write: ["ws://192.168.0.132:4848"]),
        Case(testDescription: "65-5 no value", tags: [["r"], ["r", ""]]),
        Case(
            testDescription: "65-6 empty marker", tags: [["r", "wss://x.example", ""]], read: ["wss://x.example"],
            write: ["wss://x.example"]),
        Case(
            testDescription: "65-7 default port and fragment",
            tags: [["r", "wss://x.example:443/#a", "read"], ["r", "wss://x.example", "write"]],
            read: ["wss://x.example"],
            write: ["wss://x.example"]),
        Case(
            testDescription: "65-8 a path is another relay",
            tags: [["r", "wss://x.example/path", "read"], ["r", "wss://x.example", "write"]],
            read: ["wss://x.example/path"], write: ["wss://x.example"]),
        Case(
            testDescription: "65-9 twenty entries", tags: (1...20).map { ["r", "wss://\($0).example", "read"] },
            read: (1...16).map { "wss://\($0).example" }, flags: [.tooMany]),
        Case(
            testDescription: "a marker in another case is unknown", tags: [["r", "wss://x.example", "READ"]],
            read: ["wss://x.example"], write: ["wss://x.example"], flags: [.unknownMarker]),
        Case(
            testDescription: "a repeated relay beyond the sixteenth still counts",
            tags: (1...17).map { ["r", "wss://\($0).example", "read"] } + [["r", "wss://1.example", "write"]],
            read: (1...16).map { "wss://\($0).example" }, write: ["wss://1.example"], flags: [.tooMany]),
        Case(testDescription: "other tags", tags: [["R", "wss://x.example"], ["relay", "wss://x.example"], []]),
    ]

    @Test(arguments: cases)
    func `a relay list is read`(row: Case) throws {
        let list = try Self.list(row.tags)
        #expect(list.read.map(\.description) == row.read)
        #expect(list.write.map(\.description) == row.write)
        #expect(list.flags == row.flags)
    }

    @Test func `what was written is kept`() throws {
        #expect(try Self.list([["r", " wss://A.example/ "]]).entries.first?.url.raw == "wss://A.example/")
    }
}

/// NIP-51 and NIP-02: lists.
struct PublicListTests {
    static let ids = ["a1", "b2"].map { String(repeating: $0, count: 32) }

    static func list(_ kind: UInt16, _ tags: [[String]], _ content: String = "") throws -> PublicList {
        PublicList(try Event.unsigned(kind: kind, tags: tags, content: content))
    }

    @Test func `communities are listed in order`() throws {
        let list = try Self.list(
            10_004,
            [
                ["a", "34550:\(Self.ids[0]):b"], ["a", "34550:\(Self.ids[1]):a:1"], ["a", "30023:\(Self.ids[0]):x"],
                ["a", "34550:x:y"],
            ])
        #expect(list.communities.map(\.identifier.string) == ["b", "a:1"])
        #expect(list.items.count == 3 && list.flags == [.badTag] && list.address?.identifier.isEmpty == true)
    }

    @Test(arguments: [10_006, 10_007, 10_050, 30_002] as [UInt16])
    func `relays of other lists are read`(kind: UInt16) throws {
        let list = try Self.list(
            kind, [["relay", "wss://A.example/"], ["relay", "http://x"], ["d", "s"], ["title", "T"]])
        #expect(list.relays.map(\.description) == ["wss://a.example"] && list.flags == [.badTag])
        #expect(list.title == WireText("T") && list.address?.identifier.string == (kind == 30_002 ? "s" : ""))
    }

    /// NIP-02: the order is kept, invalid keys are skipped, and the content is no ciphertext.
    @Test func `contacts are read in order`() throws {
        let list = try Self.list(
            3, [["p", Self.ids[1], "wss://r", "pet"], ["p", "npub1x"], ["p", Self.ids[0]]],
            #"{"wss://r":{"read":true}}"#)
        let keys = list.items.map { item in
            guard case .profile(let key, let hint, let petname) = item else { return "" }
            return "\(key) \(hint?.string ?? "-") \(petname?.string ?? "-")"
        }
        #expect(keys == ["\(Self.ids[1]) wss://r pet", "\(Self.ids[0]) - -"])
        #expect(list.privateItems == .none && list.flags == [.badTag])
    }

    @Test(arguments: [
        ("", PublicList.PrivateItems.none), ("AgEs", .nip44), ("abc?iv=def", .nip04), ("?iv=", .nip04), ("?iv", .nip44),
    ])
    func `private items are somebody else's secret`(content: String, items: PublicList.PrivateItems) throws {
        #expect(try Self.list(10_000, [], content).privateItems == items)
    }

    @Test(
        arguments: [
            (30_000, "mute", true), (30_000, "friends", false), (30_001, "pin", true), (30_001, "bookmark", true),
            (30_001, "communities", true), (30_001, "Pin", false), (30_003, "pin", false), (10_000, "mute", false),
        ] as [(UInt16, String, Bool)])
    func `replaced lists are known`(kind: UInt16, name: String, isDeprecated: Bool) throws {
        #expect(try Self.list(kind, [["d", name]]).isDeprecated == isDeprecated)
    }

    @Test func `every kind of item is read`() throws {
        let list = try Self.list(
            10_003,
            [
                ["e", Self.ids[0]], ["i", "#a"], ["t", "a"], ["word", "w"], ["r", "https://x"], ["i", "isbn:1"],
                ["e", "x"],
                ["t"], ["T", "x"],
            ])
        #expect(list.items.count == 5 && list.flags == [.badTag])
    }
}
