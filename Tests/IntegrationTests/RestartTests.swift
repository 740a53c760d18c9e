import Foundation
import Glibc
import Ingest
import NIOPosix
import Nostr
import NostrCache
import Postgres
import RelayClient
import RelayWorld
import TestSupport
import Testing

/// Completeness under kills: whatever is killed at whatever moment, the ledger never claims more than the rows show, and
/// the next run ends where an undisturbed one would.
@Suite(.enabled(if: DaemonProgram.isBuilt, DaemonProgram.absence), .serialized, .timeLimit(.minutes(10)))
struct RestartTests {
    static let rounds = 50
    /// Then one run is left to finish, and the next begins with nothing.
    static let roundsOfEra = 5
    static let seed: UInt64 = 0x6B69_6C6C

    /// The ways of the relay, one after another; each keeps what it holds.
    private static let personalities: [Personality] = [
        .with { $0.silentCap = 100 },
        .with { $0.disconnect = .afterEvents(700) },
        .with { ($0.pageCap, $0.closed) = (200, Personality.ClosedAnswer("rate-limited: slow down", .every(7))) },
        .with { ($0.order, $0.silentCap) = (.shuffled, 300) },
        .with { ($0.copies, $0.silentCap) = (2, 150) },
        .with { $0.disconnect = .midMessage(afterEvents: 900) },
        .with { ($0.forgedBodies, $0.malformedFrames) = (.share(0.02), .share(0.02)) },
        .with { ($0.hint, $0.pageCap) = (.truthful, 250) },
    ]

    @Test func `after 50 kills of the daemon and of PostgreSQL the cache equals the oracle`() async throws {
        let world = Self.world(count: 5_000)
        let relay = try await WorldRelay.start(events: world.events, group: MultiThreadedEventLoopGroup.singleton)
        var options = TestDirectory.clusterOptions
        // What was committed stays committed when PostgreSQL is killed.
        options.settings["synchronous_commit"] = "on"
        options.settings["max_connections"] = "30"
        let cluster = try await TestDirectory.startCluster(in: TestDirectory.make("restart"), options: options)
        try await Self.migrate(cluster)

        var random = RelayWorld.SplitMix64(seed: Self.seed)
        var witness = Witness(world: world, streams: Self.streams)
        for round in 0..<Self.rounds {
            if round.isMultiple(of: Self.roundsOfEra) { try await Self.empty(cluster) }
            try await relay.become(Self.personalities[round % Self.personalities.count])
            let daemon = try await Self.start(relay, cluster)
            try await Self.waitForRows(random.below(1_500), beyondThoseOf: cluster)
            try await Task.sleep(for: .milliseconds(random.below(30)))
            if round % 3 == 2 {
                // Every other time the daemon lives on and finds its database again.
                if random.chance(0.5) { daemon.kill(SIGKILL) }
                Glibc.kill(await cluster.postmasterPID, random.chance(0.7) ? SIGKILL : SIGQUIT)
                try await Self.waitForRestart(of: cluster)
                if daemon.exitStatus == nil { try await Self.waitForRows(random.below(800), beyondThoseOf: cluster) }
            }
            let ended = daemon.exitStatus
            try #require(ended == nil || ended == 128 + SIGKILL, "round \(round): \(daemon.errors)")
            daemon.kill(SIGKILL)
            _ = try await daemon.end(within: .seconds(30))
            try await witness.look(at: Self.picture(of: cluster), round: round)
            guard (round + 1).isMultiple(of: Self.roundsOfEra) else { continue }
            try await relay.become(.honest)
            try await self.runToRest(relay, cluster, witness)
        }
        // A test whose kills all come too early or too late shows nothing.
        #expect(witness.partial >= Self.rounds / 2)
        print("restart: \(Self.rounds) rounds, \(witness)")
        await cluster.stop()
        try await relay.stop()
    }

    /// One undisturbed run: the cache ends up equal to the oracle.
    private func runToRest(_ relay: WorldRelay, _ cluster: EmbeddedPostgres, _ witness: Witness) async throws {
        // The ledger may have been full already: what it says of this second, this run has found out.
        let now = IngestTime.system.wall
        let daemon = try await Self.start(relay, cluster)
        try await Self.waitForCoverage(upTo: now + 1, in: cluster)
        try await Self.stop(daemon)
        let cached = try await CachedEvent.all(in: try await cluster.configuration)
        let isEqual = cached == witness.expected.values.sorted()
        #expect(isEqual)
        #expect(cached.count == witness.expected.count)
    }

    // MARK: Relays that come and go

    @Test func `the daemon follows a relay that dies and comes back, and its stand-in meanwhile`() async throws {
        let world = Self.world(count: 900)
        // The last third of the world is older than nothing that was there before it: it is published in reverse.
        let (early, missed, live) = (world.events[..<300], world.events[300..<600], world.events[600...].reversed())
        let group = MultiThreadedEventLoopGroup.singleton
        let primary = try await WorldRelay.start(events: Array(early), group: group)
        let fallback = try await WorldRelay.start(events: Array(early + missed), group: group)
        let cluster = try await TestDirectory.startCluster(in: TestDirectory.make("stand-in"))
        try await Self.migrate(cluster)
        let daemon = try DaemonProgram.start(
            configuration: Self.configuration, primaries: [primary.url], fallbacks: [fallback.url],
            database: await cluster.connectionString)
        let filters = Array(Self.streams.values)

        try await Self.waitForEvents(CompletenessTests.expected(Array(early), filters), in: cluster)
        let strangers = try await fallback.statistics.connectionsOpened
        #expect(strangers == 0)

        try await primary.stop()
        try await Self.waitForEvents(CompletenessTests.expected(Array(early + missed), filters), in: cluster)

        try await primary.restart()
        try await primary.statistics { $0.subscriptionsOpen >= Self.streams.count }
        try await primary.publish(Array(live))
        try await Self.waitForEvents(CompletenessTests.expected(world.events, filters), in: cluster)

        // The primary has held: the stand-in goes.
        try await fallback.statistics { $0.connectionsOpen == 0 }
        try await Self.stop(daemon)
        await cluster.stop()
        try await primary.stop()
        try await fallback.stop()
    }

    // MARK: The world

    static func world(count: Int) -> SocialWorld {
        var options = SocialWorld.Options()
        options.count = count
        // Within what the daemon looks back on, and expiring at no moment of the test.
        options.start = IngestTime.system.wall - 25 * 86_400
        options.span = 24 * 86_400
        options.expirationShare = 0
        return SocialWorld(seed: Self.seed, options: options)
    }

    /// Two streams that overlap: what one has brought the other meets again.
    static let streams: [String: Filter] = [
        "discussion": Filter(kinds: [7, 1111, 1985, 9735].map { Kind($0) }),
        "everything-else": Filter(kinds: [0, 1, 5, 17, 1985, 4550, 10_002, 30_023, 34_550].map { Kind($0) }),
    ]

    static var configuration: String {
        let streams = Self.streams.sorted { $0.key < $1.key }.map { name, filter in
            """
              - name: \(name)
                filter:
                  kinds: [\((filter.kinds ?? []).map(\.description).joined(separator: ", "))]
            """
        }
        // Without an overlap only the ledger decides what is asked for again: nothing repairs what it gets wrong.
        return """
            streams:
            \(streams.joined(separator: "\n"))
            follow:
              lookback: 30d
              windowFirst: 1d
              windowMax: 4d
              overlapShort: 0s
              overlapDeep: 0s
              retryFirst: 20ms
              retryLimit: 100ms
              grace: 1s
              liveStep: 1s
            fallback:
              takeOverAfter: 500ms
              handBackAfter: 500ms
            limits:
              batchEventsMax: 200
              requestDeadline: 5s
            connection:
              reconnectFirst: 20ms
              reconnectLimit: 100ms
              pingInterval: 500ms
            log:
              level: notice
              format: text
            """
    }

    // MARK: The programs

    static func start(_ relay: WorldRelay, _ cluster: EmbeddedPostgres) async throws -> SpawnedProgram {
        try DaemonProgram.start(
            configuration: Self.configuration, primaries: [relay.url], database: await cluster.connectionString)
    }

    /// As an operator would, with nothing in the way.
    static func stop(_ daemon: SpawnedProgram) async throws {
        daemon.kill(SIGTERM)
        let status = try await daemon.end(within: .seconds(30))
        #expect(status == 0, "\(daemon.errors)")
    }

    /// The dead postmaster is noticed once it is reaped.
    private static func waitForRestart(of cluster: EmbeddedPostgres) async throws {
        while try await !cluster.ensureRunning() { try await Task.sleep(for: .milliseconds(5)) }
    }

    static func withSession<Value: Sendable>(
        _ cluster: EmbeddedPostgres, _ body: @Sendable (borrowing PostgresSession) throws -> Value
    ) async throws -> Value {
        let connection = try await PostgresConnection.open(try await cluster.configuration, logger: .silent)
        let value = try await connection.run(body)
        await connection.close()
        return value
    }

    static func migrate(_ cluster: EmbeddedPostgres) async throws {
        let connection = try await PostgresConnection.open(try await cluster.configuration, logger: .silent)
        _ = try await Migrator(
            line: NostrSchema.line, migrations: NostrSchema.migrations, toolVersion: "test", logger: .silent
        ).up(on: connection)
        await connection.close()
    }

    private static func empty(_ cluster: EmbeddedPostgres) async throws {
        try await Self.withSession(cluster) { session in
            try session.executeScript(
                """
                DO $$
                BEGIN
                  EXECUTE (
                    SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ')
                    FROM pg_class
                    WHERE relkind = 'r' AND relname LIKE 'nostr\\_%' AND relnamespace = current_schema()::regnamespace);
                END $$
                """)
        }
    }

    /// Waits until `count` more rows are committed, or for a second and a half: there may be none left to come.
    private static func waitForRows(_ count: Int, beyondThoseOf cluster: EmbeddedPostgres) async throws {
        let connection = try await PostgresConnection.open(try await cluster.configuration, logger: .silent)
        let deadline = ContinuousClock.now + .milliseconds(1_500)
        var target: Int64?
        while ContinuousClock.now < deadline {
            let rows = try await connection.run { session in
                try session.execute("SELECT count(*) FROM nostr_events").first?[0].int8 ?? 0
            }
            let wanted = target ?? rows + Int64(count)
            target = wanted
            if rows >= wanted { break }
            try await Task.sleep(for: .milliseconds(3))
        }
        await connection.close()
    }

    /// Waits until the ledger covers all that is looked back on, in every stream.
    private static func waitForCoverage(upTo end: Timestamp, in cluster: EmbeddedPostgres) async throws {
        let span = (end - 29 * 86_400)..<end
        try await Self.wait(for: "coverage") {
            let covered = try await Self.picture(of: cluster).covered
            return covered.count == Self.streams.count && covered.values.allSatisfy { $0.contains(span) }
        }
    }

    /// Waits until the cache holds these events and nothing else.
    static func waitForEvents(_ events: [CachedEvent], in cluster: EmbeddedPostgres) async throws {
        let ids = Set(events.map(\.id))
        try await Self.wait(for: "\(ids.count) events") { Set(try await Self.picture(of: cluster).ids) == ids }
        let cached = try await CachedEvent.all(in: try await cluster.configuration)
        let isEqual = cached == events.sorted()
        #expect(isEqual)
    }

    /// Polls; the limit only ends a test that has failed.
    static func wait(for what: String, _ isThere: () async throws -> Bool) async throws {
        let limit = ContinuousClock.now + .seconds(90)
        while try await !isThere() {
            try #require(ContinuousClock.now < limit, "waited in vain for \(what)")
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    // MARK: What the database shows

    struct Picture: Sendable {
        /// By stream.
        var covered: [String: CoverageSet] = [:]
        var ids: [[UInt8]] = []
    }

    /// Ledger and rows as one snapshot.
    private static func picture(of cluster: EmbeddedPostgres) async throws -> Picture {
        try await Self.withSession(cluster) { session in
            var picture = Picture()
            let rows = try session.execute(
                """
                SELECT s.name, c.covered::text, NULL::bytea
                FROM nostr_coverage AS c
                JOIN nostr_streams AS s USING (stream_id)
                UNION ALL
                SELECT NULL, NULL, event_id
                FROM nostr_events
                """)
            for row in rows {
                if let name = row[0].text {
                    picture.covered[name] = CoverageSet(row[1].text ?? "")
                } else {
                    picture.ids.append(row[2].bytes ?? [])
                }
            }
            return picture
        }
    }

    /// Holds what the database shows against the world.
    struct Witness: CustomStringConvertible {
        let streams: [String: Filter]
        /// By id.
        let events: [[UInt8]: Event]
        /// What a complete cache holds, by id.
        let expected: [[UInt8]: CachedEvent]
        /// Rounds that ended with some of the rows, not with none or all.
        private(set) var partial = 0
        private(set) var rows: [Int] = []

        init(world: SocialWorld, streams: [String: Filter]) {
            self.streams = streams
            self.events = Dictionary(world.events.map { ($0.id.value.bytes, $0) }) { first, _ in first }
            let expected = CompletenessTests.expected(world.events, Array(streams.values))
            self.expected = Dictionary(expected.map { ($0.id, $0) }) { first, _ in first }
        }

        var description: String { "\(self.partial) ended midway, rows \(self.rows)" }

        mutating func look(at picture: Picture, round: Int) throws {
            let ids = Set(picture.ids)
            self.rows.append(ids.count)
            if !ids.isEmpty, ids.count < self.expected.count { self.partial += 1 }

            // Nothing twice: no id, and of what has versions only one.
            #expect(picture.ids.count == ids.count, "round \(round)")
            let held = try picture.ids.map { try #require(self.events[$0], "round \(round): an unknown event") }
            #expect(CompletenessTests.expected(held).count == held.count, "round \(round): more than one version")

            // The ledger never leads the rows.
            var lost: [String] = []
            for (id, event) in self.expected where !ids.contains(id) {
                guard let original = self.events[id] else { continue }
                for (name, filter) in self.streams where filter.matches(original) {
                    if picture.covered[name]?.contains(Timestamp(event.createdAt)) ?? false {
                        lost.append("\(name) \(original.id)")
                    }
                }
            }
            #expect(lost.isEmpty, "round \(round): covered and not there")
        }
    }
}
