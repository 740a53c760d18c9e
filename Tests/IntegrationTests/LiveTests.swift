import Ingest
import NIOPosix
import Nostr
import NostrCache
import Postgres
import RelayClient
import RelayWorld
import TestSupport
import Testing

/// What happens while the daemon runs: events arrive, relays come and go, one relay stands in for another.
@Suite(.timeLimit(.minutes(5)))
struct LiveTests {
    static func start(_ events: [Event], _ personality: Personality = .honest) async throws -> (WorldRelay, RelayURL) {
        let relay = try await WorldRelay.start(
            events: events, personality: personality, group: MultiThreadedEventLoopGroup.singleton)
        return (relay, try #require(RelayURL(relay.url)))
    }

    static func ids(_ database: PostgresConfiguration) async throws -> Set<[UInt8]> {
        Set(try await CachedEvent.all(in: database).map(\.id))
    }

    static func expectedIDs(_ events: [Event]) -> Set<[UInt8]> {
        Set(CompletenessTests.expected(events).map(\.id))
    }

    @Test func `events that a relay accepts while we listen arrive whatever their date`() async throws {
        let world = CompletenessTests.world(20, count: 600)
        // The second half is older than much of the first: a subscription with a since would never deliver it.
        let (late, early) = (Array(world.events[..<300]), Array(world.events[300...]))
        let (relay, url) = try await Self.start(early)
        try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: url, role: .primary, allowPrivateAddresses: true)]
            }
            var isPublished = false
            try await harness.run { status, totals in
                guard IngestHarness.isAtRest(status, totals) else { return false }
                if !isPublished {
                    isPublished = true
                    try await relay.publish(late)
                    return false
                }
                return totals.received >= early.count + late.count
            }
            let cached = try await Self.ids(database)
            let missing = Self.expectedIDs(world.events).subtracting(cached)
            #expect(missing.isEmpty)
            #expect(harness.services.accounts.snapshot.unaccounted == 0)
        }
        try await relay.stop()
    }

    /// The relay shows the repost and never the note itself.
    @Test func `where embeds are taken, what a repost holds is a row as well`() async throws {
        let signer = Signer()
        let key = signer.key(named: "author")
        let note = signer.sign(
            Event.Body(
                pubkey: key.publicKey, createdAt: Timestamp(1_700_000_000), kind: .note, tags: [], content: "held"),
            with: key)
        let repost = signer.sign(
            Event.Body(
                pubkey: key.publicKey, createdAt: Timestamp(1_700_000_001), kind: .repost, tags: [["e", "\(note.id)"]],
                content: String(decoding: note.json, as: UTF8.self)), with: key)
        let (relay, url) = try await Self.start([repost])
        for takesEmbeds in [false, true] {
            try await IngestHarness.withCache { database in
                let harness = IngestHarness(database: database) { configuration in
                    configuration.relays = [.init(url: url, role: .primary, allowPrivateAddresses: true)]
                    configuration.follow.lookbackSeconds = 10_000 * 86_400
                    configuration.takesEmbeds = takesEmbeds
                }
                try await harness.run { status, totals in
                    IngestHarness.isAtRest(status, totals) && totals.received > 0
                }
                #expect(try await Self.ids(database) == Self.expectedIDs(takesEmbeds ? [repost, note] : [repost]))
                #expect(harness.services.accounts.snapshot.unaccounted == 0)
            }
        }
        try await relay.stop()
    }

    /// The second relay is met when everything of the first is committed, so all of its copies are dropped unparsed.
    @Test func `further relays that show an event are recorded, once each`() async throws {
        let world = CompletenessTests.world(26, count: 300)
        let (first, firstURL) = try await Self.start(world.events)
        let (second, secondURL) = try await Self.start(Array(world.events[..<200]))
        try await IngestHarness.withCache { database in
            var harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: firstURL, role: .primary, allowPrivateAddresses: true)]
            }
            try await harness.run { status, totals in
                IngestHarness.isAtRest(status, totals) && totals.received >= world.events.count
            }
            let committed = harness.services.committed
            for _ in 1...2 {
                harness = IngestHarness(database: database, committed: committed) { configuration in
                    configuration.relays = [.init(url: secondURL, role: .primary, allowPrivateAddresses: true)]
                    configuration.follow.overlapDeep = 1_000 * 86_400
                }
                try await harness.run { status, totals in
                    IngestHarness.isAtRest(status, totals) && totals.received >= 200
                }
                #expect(harness.services.accounts.snapshot.duplicatesPeeked > 0)
                #expect(harness.services.accounts.snapshot.unaccounted == 0)
            }
            let shown = Self.expectedIDs(world.events).intersection(world.events[..<200].map(\.id.value.bytes))
            let connection = try await PostgresConnection.open(database, logger: .silent)
            let rows = try await connection.run { session in
                try session.execute(
                    """
                    SELECT s.event_id, r.url, s.first_seen_at > e.seen_at
                    FROM nostr_event_relays AS s JOIN nostr_events AS e USING (event_id) JOIN nostr_relays AS r
                      ON r.relay_id = s.relay_id
                    """
                ).map { (id: $0[0].bytes ?? [], url: $0[1].text, isLater: $0[2].bool) }
            }
            await connection.close()
            #expect(Set(rows.map(\.id)) == shown)
            #expect(rows.count == shown.count)
            #expect(rows.allSatisfy { $0.url == secondURL.description && $0.isLater == true })
        }
        try await first.stop()
        try await second.stop()
    }

    @Test func `what a relay accepted while it was unreachable for us is fetched when it is back`() async throws {
        let world = CompletenessTests.world(21, count: 800)
        let (first, second) = (Array(world.events[..<400]), Array(world.events[400...]))
        let (relay, url) = try await Self.start(first)
        try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: url, role: .primary, allowPrivateAddresses: true)]
                // Late events of any age are looked for at every connection.
                configuration.follow.overlapShort = 1_000 * 86_400
                configuration.follow.overlapDeep = 1_000 * 86_400
            }
            var step = 0
            try await harness.run { status, totals in
                switch step {
                case 0 where IngestHarness.isAtRest(status, totals):
                    try await relay.stop()
                    step = 1
                case 1 where status.relays.values.allSatisfy { $0.phase != .connected }:
                    try await relay.restart()
                    try await relay.publish(second)
                    step = 2
                case 2 where IngestHarness.isAtRest(status, totals) && totals.received >= world.events.count:
                    return true
                default:
                    break
                }
                return false
            }
            let cached = try await Self.ids(database)
            let missing = Self.expectedIDs(world.events).subtracting(cached)
            #expect(missing.isEmpty)
        }
        try await relay.stop()
    }

    @Test func `a fallback takes over when a primary stays down, and hands back when it holds again`() async throws {
        let world = CompletenessTests.world(22, count: 500)
        let (primary, primaryURL) = try await Self.start(Array(world.events[..<250]))
        let (fallback, fallbackURL) = try await Self.start(world.events)
        try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [
                    .init(url: primaryURL, role: .primary, allowPrivateAddresses: true),
                    .init(url: fallbackURL, role: .fallback, allowPrivateAddresses: true),
                ]
                configuration.fallback.takeOverAfter = .milliseconds(500)
                configuration.fallback.handBackAfter = .milliseconds(500)
            }
            let name = fallbackURL.description
            var step = 0
            try await harness.run { status, totals in
                let standIn = status.relays[name]?.phase
                switch step {
                case 0 where IngestHarness.isAtRest(status, totals):
                    #expect(standIn == .standby)
                    try await primary.stop()
                    step = 1
                case 1 where standIn == .connected && IngestHarness.isAtRest(status, totals):
                    try await primary.restart()
                    step = 2
                case 2 where standIn == .standby && status.activeFallbacks.isEmpty:
                    return true
                default:
                    break
                }
                return false
            }
            let cached = try await Self.ids(database)
            let missing = Self.expectedIDs(world.events).subtracting(cached)
            #expect(missing.isEmpty)
            let served = try await fallback.statistics.eventFrames
            #expect(served > 0)
        }
        try await primary.stop()
        try await fallback.stop()
    }

    @Test func `copies from a second relay are recognised before they are parsed`() async throws {
        let world = CompletenessTests.world(23, count: 1_000)
        let (first, firstURL) = try await Self.start(world.events)
        let (second, secondURL) = try await Self.start(world.events)
        try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [firstURL, secondURL].map {
                    .init(url: $0, role: .primary, allowPrivateAddresses: true)
                }
            }
            try await harness.run { status, totals in
                IngestHarness.isAtRest(status, totals) && status.relays.values.allSatisfy { $0.phase == .connected }
            }
            let cached = try await Self.ids(database)
            #expect(cached == Self.expectedIDs(world.events))
            let totals = harness.services.accounts.snapshot
            #expect(totals.unaccounted == 0)
            #expect(totals.duplicatesPeeked + totals.write.duplicates > 0)
        }
        try await first.stop()
        try await second.stop()
    }

    @Test func `a relay that ignores since and until covers nothing that we do not have`() async throws {
        let world = CompletenessTests.world(25, count: 1_500)
        let (relay, url) = try await Self.start(
            world.events,
            .with {
                $0.ignoresInterval = true
                $0.silentCap = 200
            })
        let (cached, covered) = try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: url, role: .primary, allowPrivateAddresses: true)]
                configuration.limits.invalidPercentMax = 100
            }
            try await harness.run { status, _ in
                status.relays.values.contains { $0.fetches["failed", default: 0] >= 5 }
            }
            let covered = try await CacheDatabase(configuration: database, logger: .silent).read { reader in
                try await reader.coverageStatus().map(\.covered)
            }
            return (try await Self.ids(database), covered)
        }
        try await relay.stop()
        let lost = CompletenessTests.expected(world.events).filter { event in
            !cached.contains(event.id) && covered.contains { $0.contains(Timestamp(event.createdAt)) }
        }
        #expect(lost.isEmpty)
    }

    @Test func `a relay that answers pings and nothing else covers nothing and is connected to again`() async throws {
        let world = CompletenessTests.world(24, count: 50)
        let (relay, url) = try await Self.start(world.events, .with { $0.isMute = true })
        try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: url, role: .primary, allowPrivateAddresses: true)]
                configuration.limits.requestDeadline = .milliseconds(100)
                configuration.follow.timeoutsMax = 2
            }
            try await harness.run { status, _ in status.relays.values.contains { $0.connects >= 3 } }
            let covered = try await CacheDatabase(configuration: database, logger: .silent).read { reader in
                try await reader.coverageStatus().map(\.covered)
            }
            let coveredRanges = covered.flatMap(\.ranges)
            #expect(coveredRanges.isEmpty)
        }
        try await relay.stop()
    }
}
