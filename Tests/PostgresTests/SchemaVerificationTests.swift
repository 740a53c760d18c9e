import Postgres
import TestSupport
import Testing

struct SchemaVerificationTests {
    private static let files = [
        "CREATE TABLE t (a int NOT NULL DEFAULT 3 CONSTRAINT t_a CHECK (a > 0), CONSTRAINT t_pkey PRIMARY KEY (a));",
        "CREATE INDEX t_minus ON t ((-a)); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_plus ON t ((a + 1));",
    ]

    private static func migrator(_ files: [String] = Self.files) -> Migrator {
        let list = files.enumerated().map { index, sql in
            Migration(version: Int32(index + 1), name: "000\(index + 1)_m.sql", bytes: Array(sql.utf8))
        }
        return Migrator(line: "nostr", migrations: list, toolVersion: "1.0", logger: .silent) { _ in }
    }

    @Test func `what the migrations made verifies, beside tables of somebody else, and leaves no trace`() async throws {
        try await TestDatabase.withConnection { connection in
            _ = try await Self.migrator().up(on: connection)
            try await connection.run { try $0.executeScript("CREATE TABLE other (b int); INSERT INTO t VALUES (1)") }
            let drift = try await Self.migrator().verify(on: connection)
            #expect(drift.isEmpty, "\(drift)")
            let trace = try await connection.text("SELECT to_regnamespace('migration_verification')::text")
            let path = try await connection.text("SELECT current_setting('search_path')")
            #expect(trace == nil && path?.contains("verification") == false)
        }
    }

    @Test(
        arguments: [
            ("ALTER TABLE t ALTER a DROP DEFAULT", "column t.a integer NOT NULL DEFAULT 3"),
            ("ALTER TABLE t DROP CONSTRAINT t_a", "constraint t_a on t CHECK (a > 0)"),
            ("DROP INDEX t_minus", "index CREATE INDEX t_minus ON t USING btree ((- a))"),
            (
                "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
                "function f() RETURNS integer v SELECT 1"
            ),
        ])
    func `what is missing is named`(change: String, line: String) async throws {
        try await TestDatabase.withConnection { connection in
            _ = try await Self.migrator().up(on: connection)
            try await connection.run { try $0.executeScript(change) }
            let drift = try await Self.migrator().verify(on: connection)
            #expect(drift.missing == [line])
        }
    }

    @Test(arguments: [("ALTER TABLE t ADD b int", "column t.b integer"), ("CREATE UNIQUE INDEX x ON t (a)", "x ON t")])
    func `what came from elsewhere onto a table is named`(change: String, line: String) async throws {
        try await TestDatabase.withConnection { connection in
            _ = try await Self.migrator().up(on: connection)
            try await connection.run { try $0.executeScript(change) }
            let drift = try await Self.migrator().verify(on: connection)
            #expect(drift.missing.isEmpty && drift.unexpected.count == 1)
            #expect(drift.unexpected[0].contains(line))
        }
    }

    @Test func `a lost ledger is written anew from the tables that are there`() async throws {
        try await TestDatabase.withConnection { connection in
            let migrator = Self.migrator()
            _ = try await migrator.up(on: connection, to: 2)
            try await connection.run { try $0.executeScript("DROP TABLE schema_migrations") }
            await #expect {
                try await migrator.baseline(on: connection, to: 3)
            } throws: { error in
                "\(error)".contains("missing: index CREATE INDEX t_plus")
            }
            #expect(try await migrator.status(on: connection).isEmpty, "nothing was entered")
            #expect(try await migrator.baseline(on: connection, to: 2).map(\.version) == [1, 2])
            #expect(try await migrator.up(on: connection).map(\.version) == [3])
            await #expect(throws: MigrationError.baselineOfKnown(line: "nostr", version: 3)) {
                try await migrator.baseline(on: connection, to: 3)
            }
        }
    }
}
