import Logging
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ControlPlane

struct ControlDatabaseTests {
    /// Counts how often a body ran.
    private final class Runs: Sendable {
        private let count = Atomic<Int>(0)

        func add() -> Int { self.count.add(1, ordering: .relaxed).newValue }
        var all: Int { self.count.load(ordering: .relaxed) }
    }

    @Test func `a deadlock and a serialization failure are run again, at most three times`() async throws {
        try await ControlFixture.with { control in
            for sqlState in ["40001", "40P01"] {
                for failures in 0...4 {
                    let runs = Runs()
                    let raise = "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '\(sqlState)'; END $$"
                    let outcome = await Self.error {
                        try await control.database.write { session in
                            if runs.add() <= failures { try session.executeScript(raise) }
                        }
                    }
                    #expect(runs.all == min(failures, 3) + 1)
                    #expect((outcome as? PostgresError)?.sqlState == (failures < 4 ? nil : sqlState))
                }
            }
        }
    }

    @Test(arguments: ["23514", "57014", "42P01", "53100", "XX000"])
    func `other errors are not run again`(sqlState: String) async throws {
        try await ControlFixture.with { control in
            let runs = Runs()
            _ = await Self.error {
                try await control.database.write { session in
                    _ = runs.add()
                    try session.executeScript("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '\(sqlState)'; END $$")
                }
            }
            #expect(runs.all == 1)
        }
    }

    @Test func `a connection that breaks before COMMIT is replaced and the work is done once`() async throws {
        try await ControlFixture.with { control in
            let runs = Runs()
            try await control.database.write { session in
                _ = try session.execute("INSERT INTO numbers (name) VALUES ('n' || (SELECT count(*) FROM numbers))")
                if runs.add() == 1 { _ = try session.execute("SELECT pg_terminate_backend(pg_backend_pid())") }
            }
            #expect(runs.all == 2)
            #expect(try await control.count("numbers") == 1)
        }
    }

    @Test func `a COMMIT that broke and did not happen is found out, and the work is done once`() async throws {
        try await ControlFixture.with { control in
            // The trigger runs within COMMIT, and ends its own session the first time.
            try await control.script(
                """
                CREATE SEQUENCE tries;
                CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                  IF nextval('tries') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
                  RETURN NULL;
                END $$;
                CREATE CONSTRAINT TRIGGER t AFTER INSERT ON numbers DEFERRABLE INITIALLY DEFERRED
                  FOR EACH ROW EXECUTE FUNCTION hang_up();
                """)
            let runs = Runs()
            try await control.database.write { session in
                _ = runs.add()
                _ = try session.execute("INSERT INTO numbers (name) VALUES ('n')")
            }
            #expect(runs.all == 2)
            #expect(try await control.column("SELECT last_value::text FROM tries") == ["2"])
            #expect(try await control.count("numbers") == 1)
        }
    }

    @Test func `a COMMIT that broke and did happen is found out, and the work is not done again`() async throws {
        // A synchronous standby that does not exist: COMMIT writes and then waits, which is where the session ends.
        var options = TestDirectory.clusterOptions
        options.settings["synchronous_standby_names"] = "nobody"
        let cluster = try await TestDirectory.startCluster(in: TestDirectory.make("commit"), options: options)
        try await ControlFixture.with(try await cluster.configuration) { control in
            let runs = Runs()
            async let ended = eventually {
                try await !control.column(
                    "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                ).isEmpty
            }
            let name = try await control.database.write { session in
                _ = runs.add()
                try session.executeScript("SET LOCAL synchronous_commit = on")
                _ = try session.execute("INSERT INTO numbers (name) VALUES ('n')")
                return "n"
            }
            #expect(try await ended)
            #expect(name == "n" && runs.all == 1)
            #expect(try await control.count("numbers") == 1)
        }
        await cluster.stop()
    }

    @Test func `a server that cannot be asked leaves the outcome open, and the work is not done again`() async throws {
        try await ControlFixture.with { control in
            try await control.script(
                """
                CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                  PERFORM pg_terminate_backend(pg_backend_pid());
                  RETURN NULL;
                END $$;
                CREATE CONSTRAINT TRIGGER t AFTER INSERT ON numbers DEFERRABLE INITIALLY DEFERRED
                  FOR EACH ROW EXECUTE FUNCTION hang_up();
                """)
            let name = try await control.column("SELECT current_database()::text")[0]
            let server = try await PostgresConnection.open(
                PostgresConfiguration(connectionString: TestDatabase.server), logger: .silent)
            // The one connection that is open goes on; there is no other any more.
            try await control.database.read { _ in }
            try await server.run { try $0.executeScript("ALTER DATABASE \(name) ALLOW_CONNECTIONS false") }
            var limits = ControlDatabase.Limits()
            limits.outcomeQuestions = 3
            let (runs, waits) = (Runs(), Runs())
            let database = ControlDatabase(pool: control.pool, limits: limits, logger: .silent) { _ in _ = waits.add() }
            await #expect(throws: ControlDatabaseError.outcomeUnknown) {
                try await database.write { session in
                    _ = runs.add()
                    _ = try session.execute("INSERT INTO numbers (name) VALUES ('n')")
                }
            }
            #expect(runs.all == 1 && waits.all == 3)
            await server.close()
        }
    }

    @Test func `a read sees one moment and writes nothing`() async throws {
        try await ControlFixture.with { control in
            let error = await Self.error {
                try await control.database.read { session in
                    _ = try session.execute("INSERT INTO numbers (name) VALUES ('n')")
                }
            }
            #expect((error as? PostgresError)?.sqlState == "25006")
        }
    }

    @Test(
        arguments: [
            ("23505", "threads_by_chat_id", "CONFLICT: the chat id cannot be used"),
            ("23505", "nobody_knows", "CONFLICT: it exists already"),
            ("23503", "projects_organization_id_fkey", "NOT_FOUND: there is no such organization"),
            ("23514", "issues_title_length", "BAD_REQUEST: a title has 1 to 500 characters"),
            ("22P05", nil, "BAD_REQUEST: a text or a JSON document cannot be stored"),
            ("22003", nil, "BAD_REQUEST: a value is out of its range"),
            ("54001", nil, "BAD_REQUEST: a value is too large or nested too deeply"), ("42P01", nil, nil),
        ] as [(String, String?, String?)])
    func `an error of the database becomes a sentence, and its text is in none`(
        sqlState: String, constraint: String?, expected: String?
    ) {
        let report = ServerError(
            sqlState: sqlState, message: "secret row", detail: "Failing row contains (secret)", constraint: constraint)
        let error = ControlPlaneError(.server(report))
        #expect(error.map { "\($0)" } == expected)
    }

    private static func error(_ body: () async throws -> Void) async -> (any Error)? {
        do {
            try await body()
            return nil
        } catch {
            return error
        }
    }
}

struct ConnectionPoolTests {
    private static func pool(
        _ configuration: PostgresConfiguration, connections: Int = 1, waiting: Int = 1
    ) -> ConnectionPool {
        var limits = ConnectionPool.Limits()
        limits.connections = connections
        limits.waiting = waiting
        return ConnectionPool(configuration: configuration, limits: limits, logger: .silent)
    }

    private static func pid(_ pool: ConnectionPool) async throws -> Int32 {
        try await pool.withConnection { connection in try await connection.run { $0.backendPID } }
    }

    @Test func `a connection is used again, and a broken one is replaced`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let pool = Self.pool(configuration)
            let first = try await Self.pid(pool)
            #expect(try await Self.pid(pool) == first)
            try? await pool.withConnection { connection in
                try await connection.run { _ = try $0.execute("SELECT pg_terminate_backend(pg_backend_pid())") }
            }
            #expect(try await Self.pid(pool) != first)
            await pool.close()
        }
    }

    @Test func `who finds the queue full is turned away, and who waits gets the next connection`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let pool = Self.pool(configuration)
            try await withThrowingTaskGroup(of: Int32.self) { group in
                try await pool.withConnection { _ in
                    group.addTask { try await Self.pid(pool) }
                    // One waits now or soon; then there is room for nobody.
                    while pool.waitingCount == 0 { await Task.yield() }
                    await #expect(throws: ControlDatabaseError.overloaded) { try await Self.pid(pool) }
                }
                #expect(try await group.next() ?? 0 > 0)
            }
            await pool.close()
        }
    }

    @Test func `a caller that is cancelled waits no longer and takes no place`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let pool = Self.pool(configuration)
            try await pool.withConnection { _ in
                await withTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        do {
                            _ = try await Self.pid(pool)
                            return false
                        } catch {
                            return error is CancellationError
                        }
                    }
                    while pool.waitingCount == 0 { await Task.yield() }
                    group.cancelAll()
                    #expect(await group.next() == true)
                }
                #expect(pool.waitingCount == 0)
            }
            #expect(try await Self.pid(pool) > 0)
            await pool.close()
        }
    }

    @Test func `a closed pool refuses, and ends those that wait`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let pool = Self.pool(configuration)
            try await pool.withConnection { _ in
                await withTaskGroup(of: ControlDatabaseError?.self) { group in
                    group.addTask {
                        do {
                            _ = try await Self.pid(pool)
                            return nil
                        } catch {
                            return error as? ControlDatabaseError
                        }
                    }
                    while pool.waitingCount == 0 { await Task.yield() }
                    await pool.close()
                    #expect(await group.next() == .closed)
                }
            }
            await #expect(throws: ControlDatabaseError.closed) { try await Self.pid(pool) }
        }
    }
}
