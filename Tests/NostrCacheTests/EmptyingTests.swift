import Nostr
import RelayWorld
import Testing

@testable import NostrCache

/// What an operator does to start anew.
struct EmptyingTests {
    private static func rows(_ cache: CacheFixture) async throws -> [String: Int] {
        let tables = try await cache.column(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'nostr\\_%'")
        var rows: [String: Int] = [:]
        for table in tables {
            rows[table] = Int(try await cache.column("SELECT count(*)::text FROM \(table)")[0])
        }
        return rows.filter { $0.value > 0 }
    }

    /// One command by itself, and one that names tables that the first empties as well.
    @Test(arguments: ["nostr_events", "nostr_coverage, nostr_events, nostr_reactions, nostr_event_stats"])
    func `emptying the events empties what follows from them, and all of it can come again`(tables: String) async throws
    {
        let world = CrowdedWorld(seed: 5, count: 420, signer: TestSigner())
        try await CacheFixture.with { cache in
            let items = cache.items(world.showings.map(\.event)) + [cache.advance(100..<200)]
            _ = try await cache.writer().write(items)
            let hash = TableDump.hash(of: TableDump.projections)
            let before = try await (Self.rows(cache), cache.column(hash))
            #expect(before.0.count > 15)
            try await cache.script("TRUNCATE \(tables)")
            let left = try await Self.rows(cache)
            let kept = [
                "nostr_relays", "nostr_streams", "nostr_replaceable_heads", "nostr_deletions", "nostr_vanishes",
            ]
            #expect(Set(left.keys).subtracting(["nostr_quarantine", "nostr_relay_vanishes"]) == Set(kept))
            let outcome = try await cache.writer().write(items)
            #expect(!outcome.outcomes.contains { if case .rejected = $0 { true } else { false } })
            #expect(try await cache.column(hash) == before.1)
            #expect(try await Self.rows(cache) == before.0)
        }
    }
}
