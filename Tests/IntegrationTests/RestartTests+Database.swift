import NIOPosix
import Postgres
import RelayWorld
import TestSupport
import Testing

/// A database that comes late, or hangs.
extension RestartTests {
    @Test func `a daemon starts before its database where it may wait, and gives up where it may not`() async throws {
        let world = Self.world(count: 300)
        let relay = try await WorldRelay.start(events: world.events, group: MultiThreadedEventLoopGroup.singleton)
        let directory = TestDirectory.make("late")
        let early = try await TestDirectory.startCluster(in: directory)
        try await Self.migrate(early)
        let database = await early.connectionString
        await early.stop()
        func start(_ flags: [String]) throws -> SpawnedProgram {
            try DaemonProgram.start(
                configuration: Self.configuration, primaries: [relay.url], database: database, flags: flags)
        }

        let impatient = try start([])
        let unavailable = try await impatient.end(within: .seconds(30))
        #expect(unavailable == 69)
        let daemon = try start(["--wait-for-database"])
        try await Self.wait(for: "a daemon that waits") { daemon.errors.contains("Waiting for the database") }

        let late = try await TestDirectory.startCluster(in: directory)
        #expect(await late.connectionString == database)
        try await Self.waitForEvents(CompletenessTests.expected(world.events, Array(Self.streams.values)), in: late)
        try await Self.stop(daemon)
        await late.stop()
        try await relay.stop()
    }

    @Test func `a stop while PostgreSQL hangs ends in time, and what waited comes again`() async throws {
        let world = Self.world(count: 900)
        let relay = try await WorldRelay.start(events: world.events, group: MultiThreadedEventLoopGroup.singleton)
        let cluster = try await TestDirectory.startCluster(in: TestDirectory.make("hanging"))
        try await Self.migrate(cluster)
        // Whoever wants to write waits for this one; what a start reads it may read.
        let holder = try await PostgresConnection.open(try await cluster.configuration, logger: .silent)
        try await holder.run { session in try session.executeScript("BEGIN; LOCK TABLE nostr_events IN EXCLUSIVE MODE")
        }

        let hanging = try await Self.start(relay, cluster)
        try await Self.wait(for: "a writer that waits") {
            try await Self.withSession(cluster) { session in
                try session.execute("SELECT FROM pg_locks WHERE NOT granted").count > 0
            }
        }
        hanging.kill(SIGTERM)
        let stopped = ContinuousClock.now
        let status = try await hanging.end(within: .seconds(60))
        // 20 s of drain and 8 s in which a statement that hangs may end: systemd waits for 30.
        #expect(ContinuousClock.now - stopped < .seconds(30))
        #expect(status == 0, "\(hanging.errors)")
        try await holder.run { session in try session.executeScript("ROLLBACK") }
        await holder.close()

        let daemon = try await Self.start(relay, cluster)
        try await Self.waitForEvents(CompletenessTests.expected(world.events, Array(Self.streams.values)), in: cluster)
        try await Self.stop(daemon)
        await cluster.stop()
        try await relay.stop()
    }
}
