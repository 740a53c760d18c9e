import Nostr
import Postgres
import TestSupport
import Testing

@testable import NostrCache

/// `nostr_coverage` and `nostr_coverage_holes` against the sets that they stand for.
struct CoverageLedgerTests {
    @Test(arguments: 0..<8 as Range<UInt64>)
    func `the ledger is what item after item makes of it, however items are batched`(seed: UInt64) async throws {
        try await CacheFixture.with { cache in
            var random = SeededGenerator(seed: seed)
            var model = LedgerModel()
            for _ in 0..<25 {
                let items = LedgerModel.randomItems(relay: cache.relay, stream: cache.stream, using: &random)
                for item in items { model.apply(item) }
                _ = try await cache.writer().write(items)
                let covered = try await cache.reader.coverage(of: cache.relay, stream: cache.stream)
                #expect(covered == model.covered)
                let holes = try await cache.reader.holes(of: cache.relay, stream: cache.stream)
                #expect(
                    holes.map(\.span)
                        == model.holes.keys.sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) })
                for hole in holes {
                    #expect(hole.reason == model.holes[hole.span]?.reason.rawValue)
                    #expect(hole.attempts == model.holes[hole.span].map { Int($0.attempts) })
                }
                let byReason = Dictionary(grouping: model.holes.values, by: \.reason.rawValue).mapValues(\.count)
                let counts = try await cache.reader.holeCounts()
                let expected = byReason.map { HoleCount(stream: "posts", reason: $0.key, count: $0.value) }
                #expect(Set(counts) == Set(expected) && counts.count == expected.count)
                let proofs = try await cache.column("SELECT last_proof FROM nostr_coverage")
                #expect(proofs == (model.lastProof.map { [$0.rawValue] } ?? []))
                // PostgreSQL subtracts as we do: what backfill asks for.
                let wanted = (5..<45 as Range<Int64>).timestamps
                let missing = try await cache.column(
                    """
                    SELECT (int8multirange(int8range(5, 45))
                      - coalesce((SELECT covered FROM nostr_coverage), '{}'))::text
                    """)
                #expect(missing == [CoverageSet(covered.holes(in: wanted)).description])
            }
        }
    }

    @Test func `a hole takes back what was covered of it, and an advance fills it again`() async throws {
        try await CacheFixture.with { cache in
            _ = try await cache.writer().write([cache.advance(0..<10), cache.hole(5..<6)])
            #expect(
                try await cache.reader.coverage(of: cache.relay, stream: cache.stream).description == "{[0,5),[6,10)}")
            _ = try await cache.writer().write([cache.advance(3..<8, .negentropy)])
            #expect(try await cache.reader.coverage(of: cache.relay, stream: cache.stream).description == "{[0,10)}")
            #expect(try await cache.reader.holes(of: cache.relay, stream: cache.stream) == [])
        }
    }

    @Test func `an advance that a hole takes back at once leaves its proof and no coverage`() async throws {
        try await CacheFixture.with { cache in
            _ = try await cache.writer().write([cache.advance(0..<10, .finish), cache.hole(0..<10)])
            let rows = try await cache.column("SELECT covered || ' ' || last_proof FROM nostr_coverage")
            #expect(rows == ["{} finish"])
            #expect(try await cache.reader.holes(of: cache.relay, stream: cache.stream).count == 1)
        }
    }

    @Test func `holes are counted by stream and reason, those of retired streams are not`() async throws {
        try await CacheFixture.with { cache in
            let others = try await cache.reader.activate(["votes": Filter(kinds: [.reaction])])
            let votes = try #require(others["votes"])
            let refused = CoverageHole(
                relay: cache.relay, stream: votes, span: (0..<9).timestamps, reason: .refused)
            _ = try await cache.writer().write([cache.hole(0..<1), cache.hole(4..<5), .hole(refused)])
            let dense = HoleCount(stream: "posts", reason: "dense_second", count: 2)
            #expect(
                try await cache.reader.holeCounts() == [dense, HoleCount(stream: "votes", reason: "refused", count: 1)])
            try await cache.reader.retireStreams(except: [cache.stream])
            #expect(try await cache.reader.holeCounts() == [dense])
        }
    }

    @Test func `a live advance is no answer of stored events`() async throws {
        try await CacheFixture.with { cache in
            _ = try await cache.writer().write([cache.advance(0..<10, .live)])
            #expect(try await cache.column("SELECT (last_eose_at IS NULL)::text FROM nostr_coverage") == ["true"])
            _ = try await cache.writer().write([cache.advance(10..<20, .finish)])
            _ = try await cache.writer().write([cache.advance(20..<30, .live)])
            #expect(
                try await cache.column("SELECT (last_eose_at IS NULL) || last_proof FROM nostr_coverage") == [
                    "falselive"
                ])
        }
    }
}
