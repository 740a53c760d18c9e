import Nostr
import TestSupport
import Testing

@testable import NostrCache

/// What takes events back beyond the vectors: requests to single relays, sightings, requests too large for one step.
struct TakingBackTests {
    let signer = TestSigner()

    private func other(_ cache: CacheFixture) async throws -> RelayID {
        let url = try #require(RelayURL("wss://other.example"))
        return try #require(try await cache.reader.register([url: .primary])[url])
    }

    private static let sightings = """
        SELECT relay_id::text FROM nostr_events WHERE relay_id IS NOT NULL
        UNION ALL SELECT 'further ' || relay_id FROM nostr_event_relays ORDER BY 1
        """

    // MARK: - Sightings

    @Test func `further sightings are recorded once, of stored events only`() async throws {
        let (seen, unseen) = (self.signer.event(1, "seen"), self.signer.event(1, "unseen"))
        try await CacheFixture.with { cache in
            let other = try await self.other(cache)
            let first = CacheItem.event(seen, relay: cache.relay, seenAt: 1)
            try await cache.write([])
            for items in [
                [first, .event(seen, relay: other, seenAt: 2)], [.event(seen, relay: other, seenAt: 3), first],
                [
                    .sighting(seen.event.id, relay: other, seenAt: 4),
                    .sighting(unseen.event.id, relay: other, seenAt: 4),
                ],
            ] {
                let outcome = try await cache.writer().write(items)
                #expect(outcome.outcomes.count == items.count { if case .event = $0 { true } else { false } })
                #expect(try await cache.column(Self.sightings) == ["\(cache.relay)", "further \(other)"])
            }
        }
    }

    @Test func `sightings are not recorded where they are switched off`() async throws {
        let event = self.signer.event(1, "seen")
        try await CacheFixture.with { cache in
            let other = try await self.other(cache)
            var rules = CacheRules()
            rules.recordsSightings = false
            _ = try await cache.writer(rules: rules).write([
                .event(event, relay: cache.relay, seenAt: 1), .event(event, relay: other, seenAt: 2),
            ])
            #expect(try await cache.column(Self.sightings) == ["\(cache.relay)"])
        }
    }

    // MARK: - Requests to single relays

    @Test func `62-3: a request to another relay takes back what that relay showed`() async throws {
        let (both, theirs) = (self.signer.event(1, at: 5, "both"), self.signer.event(1, at: 5, "theirs"))
        let request = self.signer.event(62, at: 5, tags: [["relay", "wss://OTHER.example/"]])
        try await CacheFixture.with { cache in
            let other = try await self.other(cache)
            let items: [CacheItem] = [
                .event(both, relay: other, seenAt: 1), .event(both, relay: cache.relay, seenAt: 2),
                .event(theirs, relay: other, seenAt: 3), .event(request, relay: other, seenAt: 4),
            ]
            // Each before the request, behind it and beside it.
            for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1]] {
                for isOneBatch in [false, true] {
                    try await cache.clear()
                    let ordered = order.map { items[$0] }
                    for batch in isOneBatch ? [ordered] : ordered.map({ [$0] }) {
                        _ = try await cache.writer().write(batch)
                    }
                    #expect(try await cache.storedIDs == [both.event.id.description, request.event.id.description])
                    let relays = try await cache.column(
                        "SELECT kind || ' ' || relay_id FROM nostr_events ORDER BY kind")
                    #expect(relays == ["1 \(cache.relay)", "62 \(other)"])
                    #expect(try await cache.column("SELECT relay_id::text FROM nostr_event_relays") == [])
                }
            }
            // Another relay shows it after all.
            #expect(try await cache.write([theirs]) == [.written])
        }
    }

    @Test func `62-10: a request to nobody is a row and nothing else`() async throws {
        let event = self.signer.event(1, at: 5)
        try await CacheFixture.with { cache in
            try await cache.write([event, self.signer.event(62, at: 9)])
            #expect(try await cache.storedIDs.count == 2)
            #expect(try await cache.column("SELECT pubkey::text FROM nostr_vanishes") == [])
        }
    }

    // MARK: - Limits

    @Test func `what one transaction does not remove, the sweep does`() async throws {
        let comments = (0..<7).map { self.signer.event(1111, at: Int64($0), tags: [["k", "1111"]], "\($0)") }
        let replies = comments.map {
            self.signer.event(1111, by: 2, at: 20, tags: [["e", "\($0.event.id)"], ["k", "1111"]])
        }
        let request = self.signer.event(62, at: 10, tags: [["relay", "ALL_RELAYS"]])
        try await CacheFixture.with { cache in
            try await cache.write(comments + replies)
            let outcome = try await cache.writer { $0.removalsMax = 3 }.write(cache.items([request]))
            #expect(outcome.deletedRows == 3)
            #expect(try await cache.column("SELECT is_purged::text FROM nostr_vanishes") == ["false"])
            // Nothing of the key comes back meanwhile.
            let again = try await cache.write(comments + [self.signer.event(1, at: 10)])
            #expect(again.count { $0 == .duplicate } == 4)
            #expect(again.count { $0 == .deleted } == 4)
            var limits = CacheWriterLimits()
            limits.removalsMax = 3
            let sweep = CacheSweep(connection: cache.connection, limits: limits)
            var removed = 0
            while true {
                let step = try await sweep.run(now: Timestamp(0))
                #expect(step.vanished <= 3)
                removed += step.vanished
                if step.isComplete { break }
            }
            #expect(removed == 4)
            #expect(try await cache.column("SELECT is_purged::text FROM nostr_vanishes") == ["true"])
            #expect(try await cache.storedIDs == Set((replies + [request]).map(\.event.id.description)))
            #expect(try await sweep.run(now: Timestamp(0)) == CacheSweep.Outcome())
        }
    }

    @Test func `the sweep removes what has expired, profiles too, and keeps the high-water mark`() async throws {
        let tags = [["expiration", "100"]]
        let events = [
            self.signer.event(1, at: 1, tags: tags), self.signer.event(1, at: 1, "stays"),
            self.signer.event(0, at: 5, tags: tags, "{\"name\":\"a\"}"),
            self.signer.event(30023, at: 5, tags: tags + [["d", "x"]]),
        ]
        try await CacheFixture.with { cache in
            try await cache.write(events)
            let sweep = CacheSweep(connection: cache.connection)
            #expect(try await sweep.run(now: Timestamp(99)) == CacheSweep.Outcome())
            let outcome = try await sweep.run(now: Timestamp(100))
            #expect(outcome == CacheSweep.Outcome(expired: 3, vanished: 0, profiles: 1, isComplete: true))
            #expect(try await cache.storedIDs == [events[1].event.id.description])
            #expect(try await cache.column("SELECT name FROM nostr_profiles") == [])
            let older = [
                self.signer.event(0, at: 4, "{\"name\":\"old\"}"), self.signer.event(30023, at: 4, tags: [["d", "x"]]),
            ]
            #expect(try await cache.write(older) == [.replaced, .replaced])
            #expect(try await cache.column("SELECT name FROM nostr_profiles") == [])
        }
    }

    // MARK: - Profiles

    /// Kind 0 and requests, in words; what the profile says in every order.
    static let profiles: [(name: String, steps: [(kind: UInt16, time: Int64, content: String)], expected: [String])] = [
        ("the source is deleted by address", [(0, 1, "{\"name\":\"a\"}"), (5, 1, "a")], []),
        (
            "the source is deleted, a newer one stays",
            [(0, 1, "{\"name\":\"a\"}"), (5, 1, "a"), (0, 2, "{\"name\":\"b\"}")], ["b|true"]
        ),
        (
            "an older one does not take its place",
            [(0, 1, "{\"name\":\"a\"}"), (0, 2, "{\"name\":\"b\"}"), (5, 9, "e2")], []
        ),
        (
            "a deleted replaced source takes its fields along",
            [(0, 1, "{\"name\":\"a\"}"), (0, 2, "no"), (5, 9, "e1")], []
        ),
        (
            "a deleted unreadable one leaves the older fields",
            [(0, 1, "{\"name\":\"a\"}"), (0, 2, "no"), (5, 9, "e2")], ["a|false"]
        ),
        ("the key vanishes", [(0, 1, "{\"name\":\"a\"}"), (0, 2, "no"), (62, 5, "")], []),
        (
            "the key vanishes and comes back", [(0, 1, "{\"name\":\"a\"}"), (62, 5, ""), (0, 6, "{\"name\":\"c\"}")],
            ["c|true"]
        ),
    ]

    @Test(arguments: profiles.indices)
    func `profiles follow from what was received in any order`(index: Int) async throws {
        let (name, steps, expected) = Self.profiles[index]
        let profiles = steps.filter { $0.kind == 0 }.map { self.signer.event(0, at: $0.time, $0.content) }
        let events = steps.map { step -> VerifiedEvent in
            switch (step.kind, step.content) {
            case (0, _): self.signer.event(0, at: step.time, step.content)
            case (62, _): self.signer.event(62, at: step.time, tags: [["relay", "ALL_RELAYS"]])
            case (_, "a"): self.signer.event(5, at: step.time, tags: [["a", "0:\(self.signer.key(1)):"]])
            case (_, let number):
                self.signer.event(
                    5, at: step.time, tags: [["e", "\(profiles[number == "e1" ? 0 : 1].event.id)"]])
            }
        }
        try await CacheFixture.with { cache in
            var random = SeededGenerator(seed: 1)
            for _ in 0..<12 {
                try await cache.clear()
                for event in events.shuffled(using: &random) { try await cache.write([event]) }
                #expect(
                    try await cache.column("SELECT name || '|' || profile_valid FROM nostr_profiles") == expected,
                    "\(name)")
            }
        }
    }
}
