import ControlPlane
import Postgres
import TestSupport
import Testing

struct ControlMigratorTests {
    private static let newest = Int32(ControlSchema.migrations.count)

    private static func isComplete(_ connection: PostgresConnection) async throws -> Bool {
        let versions = try await connection.column(
            "SELECT max(version)::text FROM schema_migrations WHERE line = 'control'")
        let drift = try await ControlFixture.migrator.verify(on: connection)
        return drift.isEmpty && versions == ["\(Self.newest)"]
    }

    @Test(arguments: 0...newest)
    func `every earlier step leads to the same schema`(version: Int32) async throws {
        try await TestDatabase.withConnection { connection in
            if version > 0 {
                let first = try await ControlFixture.migrator.up(on: connection, to: version)
                #expect(first.flatMap(\.migrations).map(\.version) == Array(1...version))
            }
            let rest = try await ControlFixture.migrator.up(on: connection)
            #expect(rest[0].migrations.count == Int(Self.newest - version))
            #expect(try await Self.isComplete(connection))
        }
    }

    @Test func `without pgvector the optional line waits, up succeeds, and the search says what is missing`()
        async throws
    {
        try await ControlFixture.with { control in
            let plans = try await ControlFixture.migrator.plans(on: control.observer)
            #expect(plans.map(\.line) == ["control", "control-vector"])
            #expect(plans[0].states.allSatisfy { $0.state == .applied })
            #expect(
                plans[1].states.map { "\($0.name) \($0.state)" }
                    == ["0001_vector_indexes.sql waiting for extension vector"])
            let applied = try await ControlFixture.migrator.up(on: control.observer)
            #expect(applied.allSatisfy { $0.migrations.isEmpty })
            let caller = try await control.user("ann")
            let query = try vector()
            await #expect(throws: ControlPlaneError.badRequest("vector search is not installed")) {
                try await control.operations.searchKnowledge(caller, for: query)
            }
        }
    }

    @Test func `behind an earlier version there is no optional line`() async throws {
        try await TestDatabase.withConnection { connection in
            let plans = try await ControlFixture.migrator.plans(on: connection, to: 8)
            let applied = try await ControlFixture.migrator.up(on: connection, to: 8)
            #expect(plans.map(\.line) == ["control"] && applied.map(\.line) == ["control"])
            let drift = try await ControlFixture.migrator.verify(on: connection)
            #expect(drift.isEmpty)
        }
    }

    @Test func `two migrators at once apply every file exactly once`() async throws {
        try await TestDatabase.withDatabase { configuration in
            // Time is counted in polls, which here take no time at all.
            var limits = Migrator.Limits()
            limits.waitForOthers = .seconds(1_000_000)
            let migrator = ControlMigrator(toolVersion: "test", limits: limits, logger: .silent) { _ in
                await Task.yield()
            }
            let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        let connection = try await PostgresConnection.open(configuration, logger: .silent)
                        let count = try await migrator.up(on: connection).flatMap(\.migrations).count
                        await connection.close()
                        return count
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(counts.sorted() == [0, Int(Self.newest)])
        }
    }

    @Test func `a migrator that is killed in the middle leaves whole files, and the next one goes on`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let victim = try await PostgresConnection.open(configuration, logger: .silent)
            let blocker = try await PostgresConnection.open(configuration, logger: .silent)
            let killer = try await PostgresConnection.open(configuration, logger: .silent)
            _ = try await ControlFixture.migrator.up(on: victim, to: 7)
            let pid = try await victim.run { $0.backendPID }
            // 0008 makes its function and then refers to messages.
            try await blocker.run { try $0.executeScript("BEGIN; LOCK TABLE messages IN ROW EXCLUSIVE MODE") }
            var limits = Migrator.Limits()
            limits.lockTimeout = .seconds(600)
            let migrator = ControlMigrator(toolVersion: "test", limits: limits, logger: .silent) { _ in
                await Task.yield()
            }
            async let killed = eventually {
                try await !killer.column(
                    """
                    SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
                    WHERE pid = \(pid) AND wait_event_type = 'Lock'
                    """
                ).isEmpty
            }
            await #expect(throws: MigrationError.self) { try await migrator.up(on: victim) }
            #expect(try await killed)
            try await blocker.run { try $0.executeScript("ROLLBACK") }
            let ledger = try await killer.column("SELECT max(version)::text FROM schema_migrations")
            let left = try await killer.column("SELECT coalesce(to_regclass('message_embeddings')::text, 'nothing')")
            #expect(ledger == ["7"] && left == ["nothing"])
            #expect(try await ControlFixture.migrator.up(on: killer)[0].migrations.first?.version == 8)
            #expect(try await Self.isComplete(killer))
            for connection in [victim, blocker, killer] { await connection.close() }
        }
    }

    @Test func `a file that was changed after it was applied is refused, and nothing is applied`() async throws {
        try await TestDatabase.withConnection { connection in
            _ = try await ControlFixture.migrator.up(on: connection, to: 5)
            try await connection.run {
                try $0.executeScript("UPDATE schema_migrations SET sha256 = sha256('drift') WHERE version = 3")
            }
            let expected = MigrationError.changed(line: "control", version: 3, name: "0003_organizations.sql")
            await #expect(throws: expected) { try await ControlFixture.migrator.up(on: connection) }
            await #expect(throws: expected) { try await ControlFixture.migrator.plans(on: connection) }
            let tables = try await connection.column("SELECT coalesce(to_regclass('threads')::text, 'nothing')")
            #expect(tables == ["nothing"])
        }
    }

    @Test func `a lost ledger is written anew, and a table that is not as it should be prevents it`() async throws {
        try await TestDatabase.withConnection { connection in
            _ = try await ControlFixture.migrator.up(on: connection)
            try await connection.run {
                try $0.executeScript("DROP TABLE schema_migrations; ALTER TABLE repos ADD x int")
            }
            await #expect(throws: MigrationError.self) {
                try await ControlFixture.migrator.baseline(on: connection, to: Self.newest)
            }
            try await connection.run { try $0.executeScript("ALTER TABLE repos DROP x") }
            #expect(
                try await ControlFixture.migrator.baseline(on: connection, to: Self.newest).count == Int(Self.newest))
            #expect(try await Self.isComplete(connection))
        }
    }
}
