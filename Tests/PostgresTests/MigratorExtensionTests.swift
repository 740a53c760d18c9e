import Postgres
import TestSupport
import Testing

/// `citext` stands for any extension: it comes with the server and has a type, which must be found by its schema.
struct MigratorExtensionTests {
    private static let files = [
        "CREATE TABLE t (a text);",
        """
        -- migrate: requires citext >= 1.0
        ALTER TABLE t ADD b citext;
        CREATE FUNCTION f() RETURNS text LANGUAGE sql SET search_path FROM CURRENT AS $$ SELECT 'A'::citext::text $$;
        """,
    ]

    private static func migrator(_ files: [String] = Self.files) -> Migrator {
        let list = files.enumerated().map { index, sql in
            Migration(version: Int32(index + 1), name: "000\(index + 1)_m.sql", bytes: Array(sql.utf8))
        }
        return Migrator(line: "nostr", migrations: list, toolVersion: "1.0", logger: .silent) { _ in }
    }

    @Test func `up succeeds while a file waits, and applies it once the extension is there`() async throws {
        try await TestDatabase.withConnection { connection in
            let migrator = Self.migrator()
            #expect(try await migrator.up(on: connection).map(\.version) == [1])
            #expect(try await migrator.up(on: connection).isEmpty)
            #expect(try await migrator.plan(on: connection).waiting.map(\.version) == [2])
            try await connection.run {
                try $0.executeScript("CREATE SCHEMA \"Ext\"; CREATE EXTENSION citext SCHEMA \"Ext\"")
            }
            #expect(try await migrator.plan(on: connection).pending.map(\.version) == [2])
            #expect(try await migrator.up(on: connection).map(\.version) == [2])
            let path = try await connection.text("SELECT current_setting('search_path')")
            #expect(path?.contains("Ext") == false, "the path is the old one again")
            let kept = try await connection.text(
                "SELECT array_to_string(proconfig, ' ') FROM pg_proc WHERE oid = 'f'::regproc")
            #expect(kept == #"search_path=public, "Ext""#)
            #expect(try await connection.text("SELECT f()") == "A")
        }
    }

    @Test func `a file outside transactions finds its extension, and leaves the path alone`() async throws {
        try await TestDatabase.withConnection { connection in
            try await connection.run { try $0.executeScript("CREATE SCHEMA e; CREATE EXTENSION citext SCHEMA e") }
            let index = """
                -- migrate: no-transaction
                -- migrate: requires citext >= 1.0
                CREATE INDEX CONCURRENTLY IF NOT EXISTS t_a ON t ((a::citext));
                """
            let before = try await connection.text("SELECT current_setting('search_path')")
            #expect(try await Self.migrator([Self.files[0], index]).up(on: connection).count == 2)
            let after = try await connection.text("SELECT current_setting('search_path')")
            #expect(after == before)
        }
    }

    @Test func `an extension that is too old is none`() async throws {
        try await TestDatabase.withConnection { connection in
            try await connection.run { try $0.executeScript("CREATE EXTENSION citext") }
            let files = [Self.files[0], "-- migrate: requires citext >= 99.0\nSELECT 1;"]
            #expect(try await Self.migrator(files).up(on: connection).map(\.version) == [1])
        }
    }
}
