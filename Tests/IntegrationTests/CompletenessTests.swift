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
        var oracle = SupersessionOracle(now: IngestTime.system.wall)
        oracle.appliesDeletions = false
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
    func check(_ run: Run, fired faults: [Fault] = []) {
        let missing = Set(run.expected).subtracting(run.cached)
        let surplus = Set(run.cached).subtracting(run.expected)
        #expect(missing.isEmpty)
        #expect(surplus.isEmpty)
        #expect(run.cached.count == run.expected.count)
        #expect(run.totals.unaccounted == 0)
        #expect(run.totals.inFlight == 0)
        #expect(run.totals.received == run.relay.eventFrames)
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
        self.check(try await self.run(Self.world(2), .with { $0.silentCap = cap }))
    }
}
