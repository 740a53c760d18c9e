import Nostr
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import NostrCache

/// Deriving again: what was damaged is as it was, and what cannot be derived stays. That it equals live ingest is
/// CommutativityTests' to say.
struct CacheRebuildTests {
    let signer = TestSigner()

    private func populate(_ cache: CacheFixture) async throws {
        let world = CrowdedWorld(seed: 7, count: 300, signer: self.signer)
        try await cache.write(world.showings.map(\.event))
    }

    private func hash(_ cache: CacheFixture) async throws -> String {
        try await cache.column(TableDump.hash(of: TableDump.projections))[0]
    }

    /// What somebody might have done to the tables, or an older version left undone.
    static let damages = [
        "DELETE FROM nostr_mentions; DELETE FROM nostr_reactions; DELETE FROM nostr_zaps; DELETE FROM nostr_labels",
        "DELETE FROM nostr_external_ids; DELETE FROM nostr_community_posts; DELETE FROM nostr_community_approvals",
        "DELETE FROM nostr_event_stats; DELETE FROM nostr_reaction_counts; DELETE FROM nostr_subclaws",
        "UPDATE nostr_event_stats SET up = 99, reply_count = 99; INSERT INTO nostr_event_stats (event_id, down) VALUES (sha256('x'), 3)",
        "UPDATE nostr_events SET subclaw = 'wrong', parent_id = NULL, is_ai = NOT is_ai, is_top_level = NULL, root_id = sha256('x')",
        "UPDATE nostr_zaps SET level = 3, is_counted = false, msats = 5 WHERE level > 0",
        "INSERT INTO nostr_mentions VALUES (sha256('x'), 1, sha256('y'), 7), (sha256('x'), 2, sha256('z'), 7)",
        "INSERT INTO nostr_labels (event_id, label_no, namespace, label, target_type, pubkey, created_at) VALUES (sha256('x'), 0, 'n', 'l', 'self', sha256('y'), 1)",
        "UPDATE nostr_communities SET name = 'wrong', moderators = '{}'; DELETE FROM nostr_subclaws",
        "UPDATE nostr_profiles SET name = 'wrong' WHERE profile_valid",
    ]

    @Test func `damage of every kind is undone`() async throws {
        try await CacheFixture.with { cache in
            try await self.populate(cache)
            let expected = try await self.hash(cache)
            for damage in Self.damages {
                try await cache.script(damage)
                #expect(try await self.hash(cache) != expected, "\(damage)")
                _ = try await CacheRebuild(connection: cache.connection).run()
                #expect(try await self.hash(cache) == expected, "\(damage)")
            }
        }
    }

    /// A cache of the version before deletion requests had an effect: everything is a row, nothing a mark.
    @Test func `requests that had no effect have it`() async throws {
        try await CacheFixture.with { cache in
            try await self.populate(cache)
            let expected = try await self.hash(cache)
            let world = CrowdedWorld(seed: 7, count: 300, signer: self.signer)
            let stored = try await cache.storedIDs
            // Regular events only: of a coordinate that version, too, kept the newest alone.
            let back = world.showings.map(\.event).filter {
                $0.event.kind.kindClass == .regular && !stored.contains($0.event.id.description)
            }
            try await cache.script("DELETE FROM nostr_deletions; DELETE FROM nostr_vanishes")
            for event in back { try await self.insert(event, cache) }
            let outcome = try await CacheRebuild(connection: cache.connection).run()
            #expect(outcome.removed > 0)
            #expect(try await self.hash(cache) == expected)
        }
    }

    /// As a row alone.
    private func insert(_ event: VerifiedEvent, _ cache: CacheFixture) async throws {
        var rows = EventArrays()
        var scratch: [UInt8] = []
        rows.append(EventRow(event, bases: .standard), relay: nil, seenAt: 0, scratch: &scratch)
        let statement = CacheStatements.insert(rows, orIgnore: true)
        try await cache.observer.run { _ = try $0.execute(statement.sql, statement.parameters) }
    }

    @Test func `a row that is no event any more is counted and left alone`() async throws {
        let (good, bad) = (self.signer.event(1, "good"), self.signer.event(1, "bad"))
        try await CacheFixture.with { cache in
            try await cache.write([good, bad])
            try await cache.script("UPDATE nostr_events SET content = 'forged' WHERE content = 'bad'")
            let outcome = try await CacheRebuild(connection: cache.connection).run()
            #expect(outcome.events == 2)
            #expect(outcome.damaged == 1)
            #expect(try await cache.storedIDs.count == 2)
        }
    }

    @Test func `other rules make other rows, and progress is told`() async throws {
        let event = self.signer.event(
            1111, tags: [["I", "https://forum.example/c/Cats"], ["K", "web"], ["k", "web"]], "post")
        var rules = CacheRules(communityBases: CommunityBases(["https://forum.example"]))
        rules.replyKinds = [.comment, .note]
        let note = self.signer.event(1, tags: [["e", "\(event.event.id)", "", "root"]], "reply")
        try await CacheFixture.with { cache in
            try await cache.write([event, note])
            #expect(try await cache.column("SELECT subclaw FROM nostr_subclaws") == [])
            #expect(try await cache.column("SELECT type FROM nostr_external_ids") == ["web"])
            let told = Mutex<[CacheRebuild.Progress]>([])
            let outcome = try await CacheRebuild(connection: cache.connection, rules: rules).run { progress in
                told.withLock { $0.append(progress) }
            }
            #expect(try await cache.column("SELECT subclaw || posts_human FROM nostr_subclaws") == ["cats1"])
            #expect(try await cache.column("SELECT type FROM nostr_external_ids") == [])
            #expect(try await cache.column("SELECT reply_count::text FROM nostr_event_stats") == ["1"])
            #expect(outcome.events == 2)
            #expect(Set(told.withLock { $0 }.map(\.phase)) == Set(CacheRebuild.Phase.allCases))
        }
    }

    /// Batches between the steps: the daemon goes on writing.
    @Test func `a rebuild beside the writer ends with what the writer alone would have made`() async throws {
        let world = CrowdedWorld(seed: 9, count: 600, signer: self.signer)
        let events = world.showings.map(\.event)
        try await CacheFixture.with { cache in
            try await cache.write(events)
            let expected = try await self.hash(cache)
            try await cache.clear()
            try await cache.write(Array(events.prefix(300)))
            let rebuilder = try await CacheFixture.writerConnection(cache.configuration)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<3 { _ = try await CacheRebuild(connection: rebuilder).run() }
                }
                for start in stride(from: 300, to: events.count, by: 10) {
                    try await cache.write(Array(events[start..<min(start + 10, events.count)]))
                }
                try await group.waitForAll()
            }
            await rebuilder.close()
            #expect(try await self.hash(cache) == expected)
        }
    }
}
