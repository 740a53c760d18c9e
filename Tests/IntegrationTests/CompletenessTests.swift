import Ingest
import NIOPosix
import Nostr
import NostrCache
import Postgres
import RelayClient
import RelayWorld
import TestSupport
import Testing

/// The gate: whatever a relay does, the cache ends up with what the oracle computes from the world alone, or the ledger
/// names what is missing; and every frame is accounted for.
@Suite(.timeLimit(.minutes(5)))
struct CompletenessTests {
    static func world(_ seed: UInt64, count: Int = 3_000, densities: [SocialWorld.Density] = []) -> SocialWorld {
        var options = SocialWorld.Options()
        options.count = count
        options.densities = densities
        return SocialWorld(seed: seed, options: options)
    }

    static func expected(_ events: [Event], _ filters: [Filter] = [Filter()]) -> [CachedEvent] {
        let oracle = SupersessionOracle(now: IngestTime.system.wall)
        let asked = events.filter { event in filters.contains { $0.matches(event) } }
        return oracle.state(after: asked).held.map(CachedEvent.init)
    }

    /// What a run came to.
    struct Run {
        let cached: [CachedEvent]
        let expected: [CachedEvent]
        let totals: Accounts.Totals
        let relay: WorldRelay.Statistics
    }

    /// Follows one relay until it is at rest.
    func run(
        _ world: SocialWorld, _ personality: Personality, _ change: (inout IngestConfiguration) -> Void = { _ in }
    ) async throws -> Run {
        let relay = try await WorldRelay.start(
            events: world.events, personality: personality, group: MultiThreadedEventLoopGroup.singleton)
        guard let url = RelayURL(relay.url) else { throw IngestHarness.TimedOut() }
        let cached = try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: url, role: .primary, allowPrivateAddresses: true)]
                change(&configuration)
            }
            try await harness.run { IngestHarness.isAtRest($0, $1) }
            return (harness, try await CachedEvent.all(in: database))
        }
        let statistics = try await relay.statistics
        try await relay.stop()
        return Run(
            cached: cached.1,
            expected: Self.expected(world.events, cached.0.configuration.streams.map(\.filter)),
            totals: cached.0.services.accounts.snapshot, relay: statistics)
    }

    /// The cache equals the oracle, and every frame is accounted for.
    func check(_ run: Run, fired faults: [Fault] = [], endsCleanly: Bool = true) {
        let missing = Set(run.expected).subtracting(run.cached)
        let surplus = Set(run.cached).subtracting(run.expected)
        #expect(missing.isEmpty)
        #expect(surplus.isEmpty)
        #expect(run.cached.count == run.expected.count)
        #expect(run.totals.unaccounted == 0)
        #expect(run.totals.inFlight == 0)
        // What was under way when a relay cut a connection never arrived.
        if endsCleanly { #expect(run.totals.received == run.relay.eventFrames) }
        for fault in faults {
            let count = run.relay.faults[fault, default: 0]
            #expect(count > 0)
        }
    }

    @Test(arguments: [100, 500])
    func `a page cap hides nothing`(cap: Int) async throws {
        self.check(try await self.run(Self.world(1), .with { $0.pageCap = cap }))
    }

    @Test(arguments: [100, 300])
    func `a silent cap below the limit hides nothing`(cap: Int) async throws {
        self.check(try await self.run(Self.world(2), .with { $0.silentCap = cap }), fired: [.silentlyCapped])
    }

    /// Relays of every character that can be brought to serve everything, and the fault that must have fired.
    static let characters: [(String, Fault?)] = [
        ("honest", nil), ("hinting", nil), ("endless", .falseMore), ("unordered", .reordered),
        ("ascending", .reordered), ("repeating", .duplicate), ("rate-limiting", .closed), ("failing", .closed),
        ("forgetful", .unanswered), ("flapping", .disconnectAfterEvents), ("cutting", .disconnectMidMessage),
        ("forger", .forgedSignature), ("babbling", .malformedFrame), ("crowded", nil),
    ]

    @Test(arguments: characters)
    func `whatever its character, a relay that can be asked is copied completely`(name: String, fault: Fault?)
        async throws
    {
        var personality = try #require(Personality(named: name))
        // Small pages, hence many requests: every fault has its occasion.
        personality.silentCap = min(personality.silentCap ?? 100, 100)
        let run = try await self.run(Self.world(3, count: 2_000), personality) { configuration in
            // A time-out must be waited for; everything else comes at once.
            configuration.limits.requestDeadline = .milliseconds(name == "forgetful" ? 1_000 : 30_000)
            configuration.limits.invalidPercentMax = 100
            configuration.follow.timeoutsMax = 20
            configuration.stableAfter = .zero
        }
        self.check(run, fired: fault.map { [$0] } ?? [], endsCleanly: !["flapping", "cutting"].contains(name))
    }

    @Test func `twelve hundred events in one second, with a cap of five hundred, are all there`() async throws {
        let world = Self.world(4, count: 2_000, densities: [.init(events: 1_200)])
        let run = try await self.run(world, .with { $0.silentCap = 499 }) { configuration in
            // The kinds divide the second.
            let kinds = Set(world.events.map(\.kind)).sorted()
            configuration.streams = [.init(name: "kinds", filter: Filter(kinds: kinds))]
        }
        self.check(run, fired: [.silentlyCapped])
    }

    @Test func `a second that cannot be divided is a hole in the ledger, and nothing else is missing`() async throws {
        // One kind, one second, three times the cap.
        var options = SocialWorld.Options()
        options.count = 2_000
        options.shares = [.note: 1]
        options.densities = [.init(events: 1_200)]
        let world = SocialWorld(seed: 5, options: options)
        let notes = Filter(kinds: [.note])
        let relay = try await WorldRelay.start(
            events: world.events, personality: .with { $0.silentCap = 300 },
            group: MultiThreadedEventLoopGroup.singleton)
        let url = try #require(RelayURL(relay.url))
        let (cached, holes, covered) = try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: url, role: .primary, allowPrivateAddresses: true)]
                configuration.streams = [.init(name: "notes", filter: notes)]
            }
            try await harness.run { IngestHarness.isAtRest($0, $1) }
            let ledger = try await CacheDatabase(configuration: database, logger: .silent).read { reader in
                try await reader.coverageStatus()
            }
            return (
                try await CachedEvent.all(in: database), ledger.flatMap(\.holes), ledger.first?.covered ?? CoverageSet()
            )
        }
        try await relay.stop()
        let missing = Set(Self.expected(world.events, [notes])).subtracting(cached)
        let hole = try #require(holes.first)
        #expect(holes.count == 1)
        #expect(hole.reason == HoleReason.denseSecond.rawValue)
        #expect(hole.span.upperBound - hole.span.lowerBound == 1)
        #expect(missing.allSatisfy { $0.createdAt == hole.span.lowerBound.seconds })
        #expect(!covered.contains(hole.span.lowerBound))
    }

    @Test(arguments: [("error: try again", true), ("", true), ("no answer", false)])
    func `a tenth of the requests refused or never answered costs time, not events`(text: String, isClosed: Bool)
        async throws
    {
        let run = try await self.run(
            Self.world(6),
            .with {
                $0.silentCap = 100
                if isClosed { $0.closed = .init(text, .share(0.1)) } else { $0.unanswered = .share(0.1) }
            }
        ) { configuration in
            configuration.limits.requestDeadline = .milliseconds(isClosed ? 30_000 : 1_000)
            configuration.follow.timeoutsMax = 20
        }
        self.check(run, fired: [isClosed ? .closed : .unanswered])
    }

    @Test func `two streams of one relay are both complete, and neither takes what the other did not ask for`()
        async throws
    {
        let run = try await self.run(Self.world(7), .with { $0.pageCap = 200 }) { configuration in
            configuration.streams = [
                .init(name: "comments", filter: Filter(kinds: [.comment])),
                .init(name: "reactions", filter: Filter(kinds: [.reaction, .profile])),
            ]
        }
        self.check(run)
    }

    @Test func `a refused stream is a hole with its reason, and the other stream is complete`() async throws {
        let world = Self.world(8, count: 1_000)
        let relay = try await WorldRelay.start(
            events: world.events, personality: .with { $0.closed = .init("restricted: members only") },
            group: MultiThreadedEventLoopGroup.singleton)
        let url = try #require(RelayURL(relay.url))
        let holes = try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: url, role: .primary, allowPrivateAddresses: true)]
            }
            try await harness.run { status, _ in
                status.relays.values.contains { $0.streams.contains { $0.phase == .refused } }
            }
            return try await CacheDatabase(configuration: database, logger: .silent).read { reader in
                try await reader.coverageStatus().map { ($0.covered, $0.holes.map(\.reason)) }
            }
        }
        try await relay.stop()
        let covered = holes.flatMap { $0.0.ranges }
        #expect(covered.isEmpty)
    }
}
