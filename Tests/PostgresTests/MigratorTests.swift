import Postgres
import TestSupport
import Testing

struct MigratorTests {
    private static func list(_ files: [String]) -> [Migration] {
        files.enumerated().map { index, sql in
            Migration(version: Int32(index + 1), name: "000\(index + 1)_m.sql", bytes: Array(sql.utf8))
        }
    }

    private static func migrator(
        _ files: [String], line: String = "nostr", limits: Migrator.Limits = Migrator.Limits(),
        sleep: @escaping @Sendable (Duration) async throws -> Void = { _ in }
    ) -> Migrator {
        Migrator(
            line: line, migrations: Self.list(files), toolVersion: "1.0", limits: limits, logger: .silent, sleep: sleep)
    }

    private static let table = "CREATE TABLE t (a int);"

    @Test func `everything is applied once, in order, and recorded`() async throws {
        try await TestDatabase.withConnection { connection in
            let migrator = Self.migrator([Self.table, "INSERT INTO t VALUES (2);"])
            let before = try await migrator.plan(on: connection)
            #expect(before.pending.count == 2)
            let ledger = try await connection.text("SELECT to_regclass('schema_migrations')::text")
            #expect(ledger == nil, "a plan changes nothing")
            let applied = try await migrator.up(on: connection)
            #expect(applied.map(\.version) == [1, 2])
            let again = try await migrator.up(on: connection)
            #expect(again.isEmpty)
            let status = try await migrator.status(on: connection)
            #expect(status.map(\.name) == ["0001_m.sql", "0002_m.sql"])
            #expect(status.map(\.sha256) == Self.list([Self.table, "INSERT INTO t VALUES (2);"]).map(\.sha256))
            #expect(status.allSatisfy { $0.toolVersion == "1.0" && $0.appliedAt > 1_700_000_000_000_000 })
            let rows = try await connection.text("SELECT count(*)::text FROM t")
            #expect(rows == "1")
        }
    }

    @Test func `the checksum in the ledger is what PostgreSQL computes`() async throws {
        try await TestDatabase.withConnection { connection in
            _ = try await Self.migrator([Self.table]).up(on: connection)
            let equal = try await connection.run { session in
                try session.execute(
                    "SELECT sha256 = sha256(convert_to($1, 'UTF8')) FROM schema_migrations", [.text(Self.table)]
                ).first?[0].bool
            }
            #expect(equal == true)
        }
    }

    @Test func `a target stops on the way`() async throws {
        try await TestDatabase.withConnection { connection in
            let migrator = Self.migrator([Self.table, "INSERT INTO t VALUES (2);"])
            let first = try await migrator.up(on: connection, to: 1)
            let rest = try await migrator.up(on: connection)
            #expect(first.map(\.version) == [1] && rest.map(\.version) == [2])
        }
    }

    @Test func `two lines share the ledger and do not see each other`() async throws {
        try await TestDatabase.withConnection { connection in
            _ = try await Self.migrator([Self.table]).up(on: connection)
            let control = try await Self.migrator(["CREATE TABLE c (a int);"], line: "control").up(on: connection)
            #expect(control.count == 1)
            let rows = try await connection.text("SELECT count(*)::text FROM schema_migrations")
            #expect(rows == "2")
        }
    }

    @Test func `a failed file leaves nothing of itself, and what came before stays`() async throws {
        try await TestDatabase.withConnection { connection in
            let broken = Self.migrator([Self.table, "CREATE TABLE u (a int); SELECT 1 / 0;", "CREATE TABLE v (a int);"])
            await #expect {
                try await broken.up(on: connection)
            } throws: { error in
                guard case .failed(_, 2, _, let cause) = error as? MigrationError else { return false }
                return cause.sqlState == "22012"
            }
            let found = try await connection.text("SELECT concat(to_regclass('t'), to_regclass('u'), to_regclass('v'))")
            #expect(found == "t")
            let repaired = Self.migrator([Self.table, "CREATE TABLE u (a int);"])
            #expect(try await repaired.up(on: connection).map(\.version) == [2])
        }
    }

    @Test func `drift, a gap and a newer database are refused, and nothing is applied`() async throws {
        try await TestDatabase.withConnection { connection in
            _ = try await Self.migrator([Self.table, "SELECT 2;"]).up(on: connection)
            let drift = Self.migrator([Self.table, "SELECT 22;", "CREATE TABLE u (a int);"])
            await #expect(throws: MigrationError.changed(line: "nostr", version: 2, name: "0002_m.sql")) {
                try await drift.up(on: connection)
            }
            await #expect(throws: MigrationError.databaseNewer(line: "nostr", database: 2, binary: 1)) {
                try await Self.migrator([Self.table]).up(on: connection)
            }
            try await connection.run { try $0.executeScript("DELETE FROM schema_migrations WHERE version = 1") }
            await #expect(throws: MigrationError.gap(line: "nostr", missing: 1)) {
                try await Self.migrator([Self.table, "SELECT 2;"]).up(on: connection)
            }
            let locks = try await connection.run { try Migrator.lock.holders(on: $0) }
            #expect(locks.isEmpty, "the lock is given back after a refusal")
        }
    }

    @Test func `a file that ends its transaction is refused`() async throws {
        try await TestDatabase.withConnection { connection in
            await #expect(throws: MigrationError.transactionEnded(line: "nostr", version: 1, name: "0001_m.sql")) {
                try await Self.migrator(["CREATE TABLE t (a int); COMMIT;"]).up(on: connection)
            }
        }
    }

    @Test func `two migrators at once apply everything exactly once`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let files = (0..<5).map { "CREATE TABLE t\($0) (a int); SELECT pg_sleep(0.02);" }
            let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        let connection = try await PostgresConnection.open(configuration, logger: .silent)
                        // Time is counted in polls, which here take no time at all.
                        var limits = Migrator.Limits()
                        limits.waitForOthers = .seconds(1_000_000)
                        let patient = Self.migrator(files, limits: limits) { _ in await Task.yield() }
                        let count = try await patient.up(on: connection).count
                        await connection.close()
                        return count
                    }
                }
                var counts: [Int] = []
                for try await count in group { counts.append(count) }
                return counts
            }
            #expect(counts.sorted() == [0, 0, 5])
        }
    }

    @Test func `a lock that stays held is an error that names the holder`() async throws {
        try await TestDatabase.withDatabase(applicationName: "other migrator") { configuration in
            let holder = try await PostgresConnection.open(configuration, logger: .silent)
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            _ = try await holder.run { try Migrator.lock.tryAcquire(on: $0) }
            await #expect {
                try await Self.migrator([Self.table]).up(on: connection)
            } throws: { error in
                "\(error)".contains("other migrator")
            }
            await holder.close()
            await connection.close()
        }
    }

    @Test func `a migrator killed on its way is continued by the next`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let suicide = "CREATE TABLE u (a int); SELECT pg_terminate_backend(pg_backend_pid());"
            let victim = try await PostgresConnection.open(configuration, logger: .silent)
            await #expect(throws: MigrationError.self) {
                try await Self.migrator([Self.table, suicide]).up(on: victim)
            }
            #expect(await !victim.isUsable)
            let next = try await PostgresConnection.open(configuration, logger: .silent)
            let applied = try await Self.migrator([Self.table, "CREATE TABLE u (a int);"]).up(on: next)
            #expect(applied.map(\.version) == [2])
            await next.close()
        }
    }

    @Test func `a locked table is tried again after a short wait`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            let blocker = try await PostgresConnection.open(configuration, logger: .silent)
            _ = try await Self.migrator([Self.table]).up(on: connection)
            try await blocker.run { try $0.executeScript("BEGIN; LOCK TABLE t") }
            var limits = Migrator.Limits()
            limits.lockTimeout = .milliseconds(20)
            limits.attempts = 3
            let waits = Waits()
            let files = [Self.table, "ALTER TABLE t ADD b int;"]
            await #expect(throws: MigrationError.tablesLocked(line: "nostr", version: 2, attempts: 3)) {
                try await Self.migrator(files, limits: limits) { await waits.add($0) }.up(on: connection)
            }
            #expect(await waits.all == [.seconds(2), .seconds(2)])
            let applied = try await Self.migrator(files, limits: limits) { _ in
                try await blocker.run { if $0.isInTransaction { try $0.executeScript("ROLLBACK") } }
            }.up(on: connection)
            #expect(applied.map(\.version) == [2])
            await blocker.close()
            await connection.close()
        }
    }

    @Test func `a concurrent index whose build broke is dropped and built again`() async throws {
        try await TestDatabase.withConnection { connection in
            let index = "-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_a_key ON t (a);"
            let migrator = Self.migrator(["CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1);", index])
            let valid =
                "SELECT string_agg(indisvalid::text, ',') FROM pg_index WHERE indexrelid = to_regclass('t_a_key')"
            await #expect(throws: MigrationError.self) { try await migrator.up(on: connection) }
            let left = try await connection.text(valid)
            #expect(left == "false")
            try await connection.run { try $0.executeScript("DELETE FROM t") }
            let applied = try await migrator.up(on: connection)
            #expect(applied.map(\.version) == [2])
            let built = try await connection.text(valid)
            #expect(built == "true")
        }
    }
}
