import Nostr
import Testing

/// NIP-32.
struct LabelsTests {
    static let vectors = ReadingVector.all("nip32-labels.json")
    static let id = String(repeating: "a", count: 64)

    static func labels(_ tags: [[String]], kind: UInt16 = 1_985) throws -> Labels {
        try Labels(Event.unsigned(kind: kind, tags: tags))
    }

    @Test func `every case of the design has a row`() {
        #expect(Set(Self.vectors.map(\.id)) == Set((1...30).map { "32-\($0)" }))
    }

    @Test(arguments: vectors)
    func `labels are read as their case states`(vector: ReadingVector) throws {
        let labels = Labels(vector.event)
        let rows = labels.labels.map { label in
            ReferenceJSON.members([
                "namespace": .text(label.namespace), "label": .text(label.label), "tag": .text(label.tag),
                "target": .members(["type": .text(label.target.typeName), "value": Self.value(of: label.target)]),
                "flags": .flags(label.flags),
            ])
        }
        expect(["rows": .array(rows), "is_ai": .bool(labels.isAI)], equals: vector.expected)
    }

    private static func value(of target: Labels.Target) -> ReferenceJSON {
        switch target {
        case .event(let id): .hex(id)
        case .pubkey(let key): .hex(key)
        case .address(let address): .text(address.description)
        case .relay(let text), .url(let text), .topic(let text): .text(text)
        case .itself(let address): .text(address?.description)
        }
    }

    @Test func `a row is found by the numbers of its label and of its target`() throws {
        let labels = try Self.labels([
            ["l", "x"], ["t", "a"], ["l", ""], ["l"], ["e", "bad"], ["l", "y", "n"], ["t", "b"], ["T", "c"], ["p"],
        ])
        #expect(labels.labels.map { [$0.labelNumber, $0.targetNumber] } == [[0, 0], [0, 1], [1, 0], [1, 1]])
        #expect(labels.labels.map(\.namespace.string) == ["ugc", "ugc", "n", "n"])
        #expect(labels.flags == [.badTag])
    }

    @Test(
        arguments: [
            ("wss://a", "relay"), ("WS://a", "relay"), ("https://a", "url"), ("ws:a", "url"), ("wsss://a", "url"),
            ("x", "url"), ("\u{FF57}s://a", "url"),
        ])
    func `an r is a relay if its scheme is ws or wss`(text: String, type: String) throws {
        #expect(try Self.labels([["l", "x"], ["r", text]]).labels.map(\.target.typeName) == [type])
    }

    @Test(
        arguments: [("#t", "t"), ("#", nil), ("t#", nil), ("##", "#"), ("#\u{301}", "\u{301}")] as [(String, String?)])
    func `a namespace with a number sign is a tag`(namespace: String, tag: String?) throws {
        let labels = try Self.labels([["L", namespace], ["l", "x", namespace], ["t", "y"]])
        #expect(labels.labels.map { $0.tag?.bytes } == [tag.map { Array($0.utf8) }])
    }

    /// D4 of the design: a kind 1985 labels others, so it says nothing about its own author.
    @Test func `the labels of a label event are not its own`() throws {
        let tags = [["L", "agent"], ["l", "ai", "agent"], ["e", Self.id]]
        #expect(try !Self.labels(tags).isAI)
        #expect(try Self.labels(tags, kind: 1).isAI)
        #expect(try Self.labels(tags, kind: 1).labels.map(\.target) == [.itself(nil)])
        #expect(try Self.labels(tags + [["d", "x"]], kind: 10_002).labels.map(\.target.typeName) == ["self"])
    }

    @Test(arguments: [
        [["L", "agent"], ["l", "ai", "agent", "x"]], [["L", "agent", "x"], ["l", "ai", "agent"]],
        [["l", "a\u{131}", "agent"], ["l", "ai", "agent"], ["L", "x"], ["L", "agent"]],
    ])
    func `further elements and tags do not matter to is_ai`(tags: [[String]]) throws {
        #expect(try Self.labels(tags, kind: 1_111).isAI)
    }

    @Test(arguments: [
        [["L", "agent"], ["l", "ai", "agent "]], [["L", "agent"], ["l", "\u{61}\u{131}", "agent"]],
        [["L", "\u{FF41}gent"], ["l", "ai", "agent"]], [["L"], ["l", "ai", "agent"]],
        [["L", ""], ["l", "ai", "agent"]],
    ])
    func `anything else is human`(tags: [[String]]) throws {
        #expect(try !Self.labels(tags, kind: 1_111).isAI)
    }

    @Test(.timeLimit(.minutes(1)))
    func `one event makes at most five hundred rows`() throws {
        let many = (0..<5_000).flatMap { [["l", "x\($0)", "n"], ["t", "\($0)"]] }
        let labels = try Self.labels([["L", "n"]] + many.dropLast())
        #expect(labels.labels.count == Labels.rowsMax)
        #expect(labels.labels.last?.targetNumber == 499 && labels.labels.last?.labelNumber == 0)
        let own = try Self.labels((0..<10_000).map { ["l", "x", "n\($0 % 5_000)"] }, kind: 1)
        #expect(own.labels.count == Labels.rowsMax)
    }

    @Test func `text that is too long is passed over`() throws {
        let long = String(repeating: "a", count: 65_536)
        let labels = try Self.labels([
            ["l", long], ["l", "x", long], ["l", "x"], ["t", long], ["r", long], ["a", "30023:\(Self.id):" + long],
            ["t", "y"],
            ["L", long],
        ])
        #expect(labels.labels.map(\.label.string) == ["x"] && labels.labels.map(\.target) == [.topic(WireText("y"))])
        #expect(labels.flags == [.badTag])
        let own = try Self.labels([["d", long], ["l", "x"]], kind: 30_023)
        #expect(own.labels.map(\.target) == [.itself(nil)])
        let most = String(repeating: "a", count: Labels.textBytesMax)
        #expect(try Self.labels([["l", most, most], ["t", "y"]]).labels.count == 1)
        #expect(try Self.labels([["l", most + "a"], ["l", "x", most + "a"], ["t", "y"]]).labels.isEmpty)
    }
}
