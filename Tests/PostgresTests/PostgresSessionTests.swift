import Postgres
import TestSupport
import Testing

struct PostgresSessionTests {
    @Test func `a NUL in text is refused with 22021, and the session goes on`() async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { _ = try $0.execute("SELECT $1::text", [.text("a\0b")]) }
            #expect(error?.sqlState == "22021")
            let found = try await connection.text("SELECT 'after'")
            #expect(found == "after")
        }
    }

    @Test func `an error carries the names that the server reports`() async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { session in
                try session.executeScript(
                    "CREATE TABLE t (a int CONSTRAINT t_a_positive CHECK (a > 0), b text NOT NULL)")
                _ = try session.execute("INSERT INTO t VALUES ($1, 'secret')", [.int4(-1)])
            }
            guard case .server(let report) = error else { throw error ?? .notConnected }
            #expect(report.sqlState == "23514")
            #expect(report.severity == "ERROR")
            #expect(report.schema == "public" && report.table == "t" && report.constraint == "t_a_positive")
            #expect(report.detail?.contains("secret") == true)
            #expect(error?.description.contains("secret") == false)
            let column = await connection.error { _ = try $0.execute("INSERT INTO t VALUES (1, NULL)") }
            guard case .server(let report) = column else { throw column ?? .notConnected }
            #expect(report.sqlState == "23502" && report.column == "b")
        }
    }

    @Test func `affected rows are counted, returned rows can be walked`() async throws {
        try await TestDatabase.withConnection { connection in
            let (inserted, returned) = try await connection.run { session in
                try session.executeScript("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
                let inserted = try session.execute("INSERT INTO t SELECT generate_series(1, 10)").affectedRows
                let returned = try session.execute("DELETE FROM t WHERE a <= $1 RETURNING a", [.int8(2)])
                return (inserted, returned)
            }
            #expect(inserted == 10)
            #expect(returned.affectedRows == 3)
            #expect(returned.compactMap { $0["a"].int4 } == [1, 1, 2])
            #expect(returned.columns.map(\.name) == ["a"])
            #expect(returned.columns.map(\.oid) == [23])
        }
    }

    @Test func `a statement is prepared once for each list of types`() async throws {
        try await TestDatabase.withConnection { connection in
            let count = try await connection.run { session in
                for number in 0..<5 {
                    _ = try session.execute("SELECT $1 + 1", [.int8(Int64(number))])
                    _ = try session.execute("SELECT $1 + 1", [.int4(1)])
                }
                return try session.execute(
                    "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1 + 1'"
                ).first?[0].int8
            }
            #expect(count == 2)
        }
    }

    @Test func `the number of prepared statements is bounded`() async throws {
        try await TestDatabase.withConnection { connection in
            let (count, again) = try await connection.run { session in
                for number in 0..<300 { _ = try session.execute("SELECT \(number)") }
                let count = try session.execute("SELECT count(*) FROM pg_prepared_statements").first?[0].int8
                return (count, try session.execute("SELECT 0").first?[0].int4)
            }
            #expect(count == 128)
            #expect(again == 0)
        }
    }

    @Test(arguments: ["DISCARD ALL", "DEALLOCATE ALL", "DEALLOCATE s1"])
    func `a statement that the server forgot is prepared again`(forget: String) async throws {
        try await TestDatabase.withConnection { connection in
            let value = try await connection.run { session in
                _ = try session.execute("SELECT 1")
                try session.executeScript(forget)
                return try session.execute("SELECT 1").first?[0].int4
            }
            #expect(value == 1)
        }
    }

    @Test func `a stale plan is prepared again, but loses a transaction`() async throws {
        try await TestDatabase.withConnection { connection in
            try await connection.run { session in
                try session.executeScript("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
                _ = try session.execute("SELECT * FROM t")
                try session.executeScript("ALTER TABLE t ALTER a TYPE text")
                #expect(try session.execute("SELECT * FROM t").first?[0].text == "1")
                try session.executeScript("ALTER TABLE t ALTER a TYPE bigint USING a::bigint")
            }
            let inside = await connection.error { session in
                try session.transaction { _ = try session.execute("SELECT * FROM t") }
            }
            #expect(inside?.sqlState == "0A000")
            #expect(inside?.category == .staleStatement)
            let after = try await connection.run { session in
                try session.transaction { try session.execute("SELECT * FROM t").first?[0].int8 }
            }
            #expect(after == 1)
        }
    }

    @Test func `without preparation nothing is kept on the server`() async throws {
        try await TestDatabase.withDatabase { _ in
            let configuration = try PostgresConfiguration(
                connectionString: try await TestDatabase.server, preparesStatements: false)
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            let (value, count) = try await connection.run { session in
                let value = try session.execute("SELECT $1 || 'b'", [.text("a")]).first?[0].text
                return (value, try session.execute("SELECT count(*) FROM pg_prepared_statements").first?[0].int8)
            }
            await connection.close()
            #expect(value == "ab")
            #expect(count == 0)
        }
    }

    @Test func `a script stops at its first error and is one transaction`() async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error {
                try $0.executeScript("CREATE TABLE t (a int); SELECT 1 / 0; CREATE TABLE u (a int)")
            }
            #expect(error?.sqlState == "22012")
            let found = try await connection.text("SELECT to_regclass('t')::text")
            #expect(found == nil)
        }
    }

    @Test func `a COPY outside copyIn ends the connection, not the program`() async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { try $0.executeScript("COPY (SELECT 1) TO STDOUT") }
            #expect(error?.category == .ourBug)
            #expect(await !connection.isUsable)
            #expect(await connection.error { _ = try $0.execute("SELECT 1") } == .notConnected)
        }
    }

    @Test func `an empty statement has no rows`() async throws {
        try await TestDatabase.withConnection { connection in
            let found = try await connection.run { try $0.execute("").count }
            #expect(found == 0)
        }
    }

    @Test func `a column read as another type is our bug`() async throws {
        let server = try await TestDatabase.server
        await #expect(processExitsWith: .failure) { [server = server as String] in
            let connection = try await PostgresConnection.open(
                PostgresConfiguration(connectionString: server), logger: .silent)
            _ = try await connection.run { try $0.execute("SELECT 1::bigint").first?[0].text }
        }
    }
}

struct PostgresSessionTransactionTests {
    private struct Stop: Error {}

    @Test func `what commits stays, what throws is rolled back`() async throws {
        try await TestDatabase.withConnection { connection in
            try await connection.run { session in
                try session.executeScript("CREATE TABLE t (a int)")
                try session.transaction { _ = try session.execute("INSERT INTO t VALUES (1)") }
            }
            await #expect(throws: Stop.self) {
                try await connection.run { session in
                    try session.transaction {
                        _ = try session.execute("INSERT INTO t VALUES (2)")
                        throw Stop()
                    }
                }
            }
            let failed = await connection.error { session in
                try session.transaction {
                    _ = try session.execute("INSERT INTO t VALUES (3)")
                    _ = try session.execute("SELECT 1 / 0")
                }
            }
            #expect(failed?.sqlState == "22012")
            let found = try await connection.text("SELECT string_agg(a::text, ',') FROM t")
            #expect(found == "1")
            let found2 = try await connection.run { $0.isInTransaction }
            #expect(found2 == false)
        }
    }

    @Test func `an error that the body drops does not look like a commit`() async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { session in
                try session.transaction { _ = try? session.execute("SELECT 1 / 0") }
            }
            #expect(error?.category == .ourBug)
            #expect(await connection.isUsable)
        }
    }

    @Test func `a constraint that strikes at COMMIT throws and leaves no transaction`() async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { session in
                try session.executeScript(
                    """
                    CREATE TABLE p (id int PRIMARY KEY);
                    CREATE TABLE c (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
                    """)
                try session.transaction { _ = try session.execute("INSERT INTO c VALUES (1)") }
            }
            #expect(error?.sqlState == "23503")
            let found = try await connection.run { $0.isInTransaction }
            #expect(found == false)
        }
    }

    @Test func `a transaction runs in the mode asked for`() async throws {
        try await TestDatabase.withConnection { connection in
            let level = try await connection.run { session in
                try session.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY") {
                    try session.execute("SHOW transaction_isolation").first?[0].text
                }
            }
            #expect(level == "repeatable read")
        }
    }

    @Test func `a notification reaches who listens`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let listener = try await PostgresConnection.open(configuration, logger: .silent)
            let speaker = try await PostgresConnection.open(configuration, logger: .silent)
            let before = try await listener.run { session in
                try session.executeScript("LISTEN batches")
                return try session.notifications()
            }
            #expect(before == [])
            let pid = try await speaker.run { session in
                _ = try session.execute("SELECT pg_notify('batches', '42')")
                return session.backendPID
            }
            let received = try await listener.run { try $0.notifications(waitingUpTo: .seconds(10)) }
            #expect(received.map(\.channel) == ["batches"])
            #expect(received.map(\.payload) == ["42"])
            #expect(received.map(\.backendPID) == [pid])
            await listener.close()
            await speaker.close()
        }
    }
}
