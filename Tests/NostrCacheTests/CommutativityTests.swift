import Foundation
import Nostr
import Postgres
import RelayWorld
import TestSupport
import Testing

@testable import NostrCache

/// The same events end in the same tables: whatever their order, however often they come and however they are cut into
/// batches. And the tables are right: what is stored is what `SupersessionOracle` says, counters are what plain SQL counts,
/// no row is without its event, and ``CacheRebuild`` finds nothing to change.
struct CommutativityTests {
    private static let eventsPerWorld = 420

    /// `COMMUTATIVITY_SEEDS=1000` is the whole proof; so many take a few minutes.
    private static var seeds: Range<UInt64> {
        0..<(ProcessInfo.processInfo.environment["COMMUTATIVITY_SEEDS"].flatMap(UInt64.init) ?? 60)
    }

    @Test(arguments: [0, 1])
    func `tables do not depend on order, repetition or batches`(half: UInt64) async throws {
        let signer = TestSigner()
        try await CacheFixture.with { cache in
            let relays = try await Self.relays(of: cache)
            for seed in Self.seeds where seed % 2 == half {
                let world = CrowdedWorld(seed: seed, count: Self.eventsPerWorld, signer: signer)
                try await Self.check(world, seed, signer, cache, relays)
            }
        }
    }

    private static func check(
        _ world: CrowdedWorld, _ seed: UInt64, _ signer: TestSigner, _ cache: CacheFixture, _ relays: [RelayID]
    ) async throws {
        var rules = CacheRules()
        rules.trustedProviders = [signer.key(CrowdedWorld.trustedProvider)]
        let writer = cache.writer(rules: rules)
        let sweep = CacheSweep(connection: cache.connection, rules: rules)
        var random = SeededGenerator(seed: seed ^ 0x5EED)
        var hashes: [[String]] = []
        for batches in [[world.showings], world.shuffled(&random)] {
            try await cache.clear()
            for batch in batches {
                let items = batch.map { CacheItem.event($0.event, relay: relays[$0.relay], seenAt: 1_000_000) }
                let outcome = try await writer.write(items)
                try #require(!outcome.outcomes.contains { if case .rejected = $0 { true } else { false } })
            }
            hashes.append([try await Self.hash(cache)])
            let misplaced = try await Self.misplaced(in: cache, world, signer)
            #expect(misplaced == [], "seed \(seed)")
            let wrong = try await Self.miscounted(in: cache) + Self.orphans(in: cache)
            #expect(wrong == [], "seed \(seed)")
            _ = try await sweep.run(now: CrowdedWorld.later)
            hashes[hashes.count - 1].append(try await Self.hash(cache))
            let wrongAfterSweep = try await Self.miscounted(in: cache) + Self.orphans(in: cache)
            #expect(wrongAfterSweep == [], "swept, seed \(seed)")
        }
        #expect(hashes[0] == hashes[1], "seed \(seed)")
        _ = try await CacheRebuild(connection: cache.connection, rules: rules).run()
        #expect(try await Self.hash(cache) == hashes[1][1], "rebuilt, seed \(seed)")
    }

    private static func relays(of cache: CacheFixture) async throws -> [RelayID] {
        let urls = CrowdedWorld.relayURLs.compactMap(RelayURL.init)
        let registered = try await cache.reader.register(Dictionary(uniqueKeysWithValues: urls.map { ($0, .primary) }))
        return urls.compactMap { registered[$0] }
    }

    /// All tables, and who showed what; who was first is a matter of order.
    private static func hash(_ cache: CacheFixture) async throws -> String {
        let sightings = """
            SELECT encode(event_id, 'hex') || relay_id FROM nostr_event_relays
            UNION ALL
            SELECT encode(event_id, 'hex') || relay_id FROM nostr_events WHERE relay_id IS NOT NULL
            """
        return try await cache.column(
            """
            SELECT concat((\(TableDump.hash(of: TableDump.projections))),
              (SELECT md5(string_agg(s.line, ' ' ORDER BY s.line)) FROM (\(sightings)) AS s (line)))
            """)[0]
    }

    /// What the oracle holds, without what only a relay shows that was asked to forget it.
    private static func expectedIDs(_ world: CrowdedWorld, _ signer: TestSigner) -> Set<String> {
        let events = world.showings.map(\.event.event)
        let held = SupersessionOracle(now: CrowdedWorld.now).state(after: events).held
        let forgetful = signer.key(CrowdedWorld.forgetful)
        let until = events.filter { $0.kind == .vanishRequest && $0.pubkey == forgetful }.map(\.createdAt).max()
        return Set(
            held.filter { event in
                guard let until, event.pubkey == forgetful, event.kind != .vanishRequest, event.createdAt <= until
                else { return true }
                return world.showings.contains { $0.event.event.id == event.id && $0.relay == 0 }
            }
            .map(\.id.description))
    }

    /// Events that are stored and should not be, or the reverse.
    private static func misplaced(
        in cache: CacheFixture, _ world: CrowdedWorld, _ signer: TestSigner
    ) async throws -> [String] {
        let misplaced = try await cache.storedIDs.symmetricDifference(Self.expectedIDs(world, signer))
        return world.showings.filter { misplaced.contains($0.event.event.id.description) }.map {
            "\($0.event.event.id) kind \($0.event.event.kind) at \($0.event.event.createdAt) from \($0.relay)"
        }
    }

    /// Rows of derived tables whose event is not stored.
    private static func orphans(in cache: CacheFixture) async throws -> [String] {
        let tables = [
            "nostr_event_relays", "nostr_external_ids", "nostr_mentions", "nostr_reactions", "nostr_zaps",
            "nostr_labels", "nostr_communities", "nostr_community_posts", "nostr_community_approvals",
        ]
        return try await cache.column(
            tables.map { "SELECT '\($0)' FROM \($0) WHERE event_id NOT IN (SELECT event_id FROM nostr_events)" }
                .joined(separator: " UNION "))
    }
}

// MARK: - Counting with plain SQL

extension CommutativityTests {
    /// Targets whose counters are not what their rows come to.
    private static func miscounted(in cache: CacheFixture) async throws -> [String] {
        try await cache.column(
            """
            WITH counted AS (\(self.counted)), stored AS (
              SELECT encode(event_id, 'hex') AS target, reply_count, reply_count_ai, descendant_count,
                descendant_count_ai, up, down, score, reaction_count, reactions::text, zap_count, zap_msats,
                zap_msats_verified, last_reply_at
              FROM nostr_event_stats
            )
            SELECT 'counted ' || c::text FROM (SELECT * FROM counted EXCEPT SELECT * FROM stored) AS c
            UNION ALL
            SELECT 'stored ' || s::text FROM (SELECT * FROM stored EXCEPT SELECT * FROM counted) AS s
            UNION ALL
            SELECT 'receipt ' || encode(event_id, 'hex')
            FROM (
              SELECT event_id, is_counted, level > 0 AND network = 'bc' AND amount_source = 'bolt11'
                AND row_number() OVER (PARTITION BY payment_hash ORDER BY level DESC, created_at, event_id) = 1 AS is_first
              FROM nostr_zaps
            ) AS z
            WHERE is_counted <> is_first
            """)
    }

    private static let counted = """
        WITH RECURSIVE path AS (
          SELECT parent_id AS target, event_id, is_ai, created_at, 1 AS depth
          FROM nostr_events
          WHERE kind = 1111 AND parent_id IS NOT NULL
          UNION ALL
          SELECT p.target, e.event_id, p.is_ai AND e.is_ai, e.created_at, p.depth + 1
          FROM path AS p
          JOIN nostr_events AS e ON e.parent_id = p.event_id AND e.kind = 1111
          WHERE p.depth < 20
        ), thread AS (
          SELECT target, count(*) FILTER (WHERE depth = 1) AS replies,
            count(*) FILTER (WHERE depth = 1 AND is_ai) AS replies_ai, count(*) AS descendants,
            count(*) FILTER (WHERE is_ai) AS descendants_ai, max(created_at) FILTER (WHERE depth = 1) AS last_reply_at
          FROM path
          GROUP BY 1
        ), votes AS (
          SELECT target_event_id AS target, count(*) FILTER (WHERE value_type = 'like') AS up,
            count(*) FILTER (WHERE value_type = 'dislike') AS down
          FROM (
            SELECT target_event_id, value_type,
              row_number() OVER (PARTITION BY target_event_id, pubkey ORDER BY created_at DESC, event_id) AS place
            FROM nostr_reactions
            WHERE target_event_id IS NOT NULL AND value_type IN ('like', 'dislike')
          ) AS v
          WHERE place = 1
          GROUP BY 1
        ), emoji AS (
          SELECT target_event_id AS target, emoji_key, count(DISTINCT pubkey) AS authors
          FROM nostr_reactions
          WHERE target_event_id IS NOT NULL AND value_type IN ('emoji', 'custom')
          GROUP BY 1, 2
        ), reactions AS (
          SELECT target, sum(authors) AS authors, jsonb_object_agg(emoji_key, authors)::text AS reactions
          FROM emoji
          GROUP BY 1
        ), zaps AS (
          SELECT target_event_id AS target, count(*) AS zaps, sum(msats) AS msats,
            coalesce(sum(msats) FILTER (WHERE level = 3), 0) AS msats_verified
          FROM nostr_zaps
          WHERE target_event_id IS NOT NULL AND is_counted
          GROUP BY 1
        ), targets AS (
          SELECT target FROM thread UNION SELECT target FROM votes UNION SELECT target FROM reactions
          UNION SELECT target FROM zaps
        )
        SELECT encode(t.target, 'hex') AS target, coalesce(d.replies, 0)::integer, coalesce(d.replies_ai, 0)::integer,
          coalesce(d.descendants, 0)::integer, coalesce(d.descendants_ai, 0)::integer, coalesce(v.up, 0)::integer,
          coalesce(v.down, 0)::integer, (coalesce(v.up, 0) - coalesce(v.down, 0))::integer,
          coalesce(r.authors, 0)::integer, coalesce(r.reactions, '{}'), coalesce(z.zaps, 0)::integer,
          coalesce(z.msats, 0)::numeric, coalesce(z.msats_verified, 0)::numeric, d.last_reply_at
        FROM targets AS t
        LEFT JOIN thread AS d USING (target)
        LEFT JOIN votes AS v USING (target)
        LEFT JOIN reactions AS r USING (target)
        LEFT JOIN zaps AS z USING (target)
        """
}
