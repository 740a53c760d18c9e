import Nostr
import Testing

/// NIP-57, appendix G.
struct ZapSplitsTests {
    static let vectors = ReadingVector.all("nip57-splits.json")
    static let first = String(repeating: "1", count: 64)
    static let second = String(repeating: "2", count: 64)

    static func shares(_ weights: [String?]) throws -> [String] {
        let keys = [Self.first, Self.second]
        let tags = weights.enumerated().map { ["zap", keys[$0 % 2], ""] + ($1.map { [$0] } ?? []) }
        return try ZapSplits(Event.unsigned(tags: tags).tags).splits.map {
            "\($0.share.numerator)/\($0.share.denominator)"
        }
    }

    @Test func `every case of the design has a row`() {
        #expect(Self.vectors.count == 11)
        #expect(Self.vectors.allSatisfy { $0.id.hasPrefix("57-17") })
    }

    @Test(arguments: vectors)
    func `splits are read as their case states`(vector: ReadingVector) {
        let splits = ZapSplits(vector.event.tags)
        let rows = splits.splits.map { split in
            ReferenceJSON.members([
                "pubkey": .hex(split.pubkey), "relay": .text(split.relay), "weight_raw": .text(split.weight),
                "share_num": .number(Array("\(split.share.numerator)".utf8)),
                "share_den": .number(Array("\(split.share.denominator)".utf8)),
            ])
        }
        expect(["splits": .array(rows), "payable": .bool(splits.isPayable)], equals: vector.expected)
    }

    @Test(
        arguments: [
            (["007", "7"], ["1/2", "1/2"]), (["1.", "1"], ["0/1", "1/1"]), ([".5", "1"], ["0/1", "1/1"]),
            (["1.5.5", "1"], ["0/1", "1/1"]), (["+1", "1"], ["0/1", "1/1"]), (["١", "1"], ["0/1", "1/1"]),
            (["0.3333333333333333", "0.6666666666666666"], ["1/3", "2/3"]),
            (["999999999999", "999999999999.0"], ["1/2", "1/2"]),
            (["1000000000000", "1"], ["0/1", "1/1"]), (["0.0000000000000000001", "0"], ["0/1", "0/1"]),
            (["0.000000000000000001", "0"], ["1/1", "0/1"]), (["", nil], ["1/2", "1/2"]), (["1", ""], ["1/1", "0/1"]),
            (["0", nil], ["0/1", "0/1"]), (["x", nil], ["0/1", "0/1"]),
        ] as [([String?], [String])])
    func `a share is an exact part of the sum`(weights: [String?], shares: [String]) throws {
        #expect(try Self.shares(weights) == shares)
    }

    @Test(.timeLimit(.minutes(1)))
    func `many receivers and long weights are read once`() throws {
        let most = try Self.shares(Array(repeating: "999999999999.999999999999999999", count: 4_000))
        #expect(most == Array(repeating: "1/4000", count: 4_000))
        let long = String(repeating: "1", count: 65_536)
        #expect(try Self.shares(["1", long, "0." + long, String(repeating: "0", count: 65_536) + "1"])[1] == "0/1")
    }
}
