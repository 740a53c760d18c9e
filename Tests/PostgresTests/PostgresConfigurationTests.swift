import Glibc
import Postgres
import TestSupport
import Testing

struct PostgresConfigurationTests {
    @Test(
        arguments: [
            ([:], false), (["DATABASE_URL": "postgresql:///x"], true), (["PGHOST": "/run"], true),
            (["PGHOSTADDR": "::1"], true),
            (["PGSERVICE": "s"], true), (["PGPORT": "5433"], true), (["PGDATABASE": "x"], true),
            (["DATABASE_URL": ""], false),
            (["PGPASSWORD": "x", "PGUSER": "y", "PGSSLMODE": "require"], false),
        ] as [([String: String], Bool)])
    func `the environment names a server or it does not`(environment: [String: String], names: Bool) {
        #expect(PostgresConfiguration.environmentNamesAServer(environment) == names)
    }

    @Test(arguments: [
        "postgresql://user:canary@db.example:5433/cache?sslmode=require",
        "host=db.example user=user password=canary dbname=cache port=5433",
    ])
    func `a description names the server and no password`(string: String) throws {
        let configuration = try PostgresConfiguration(connectionString: string, password: "canary2")
        for text in ["\(configuration)", "\(String(reflecting: configuration))", configuration.redactedDescription] {
            #expect(text.contains("host=db.example") && text.contains("port=5433") && text.contains("dbname=cache"))
            #expect(!text.contains("canary"))
        }
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!dumped.contains("canary"))
    }

    @Test(arguments: [
        ("host=db.example dbname=x", true), ("postgresql://10.0.0.1/x", true),
        ("host=db.example sslmode=require", false),
        ("host=localhost", false), ("host=127.0.0.1", false), ("host=127.evil.example", true),
        ("postgresql://[::1]/x", false),
        ("host=/run/postgresql", false), ("host=localhost,db.example", true),
        ("hostaddr=10.0.0.1 host=localhost", true),
        ("host=db.example sslmode=disable", false),
    ])
    func `a host elsewhere without sslmode gets verify-full`(string: String, verifies: Bool) throws {
        let configuration = try PostgresConfiguration(connectionString: string)
        #expect(configuration.redactedDescription.contains("sslmode=verify-full") == verifies)
    }

    @Test(arguments: ["postgresql://[", "host=x nonsense=canary", "password=canary word host"])
    func `a string that libpq cannot read is refused without being quoted`(string: String) {
        #expect {
            try PostgresConfiguration(connectionString: string)
        } throws: { error in
            (error as? PostgresError)?.category == .schemaOrRights && !"\(error)".contains("canary")
        }
    }

    @Test func `the gaps are filled and nothing that was said is overridden`() async throws {
        let server = try await TestDatabase.server
        let show =
            "SELECT current_setting('TimeZone'), current_setting('DateStyle'), current_setting('application_name'), "
            + "current_setting('client_encoding'), current_setting('work_mem'), current_setting('search_path')"
        func settings(_ string: String, schema: String? = nil, _ extra: [String: String] = [:]) async throws
            -> [String?]
        {
            let connection = try await PostgresConnection.open(
                PostgresConfiguration(
                    connectionString: string, applicationName: "ours", schema: schema, extraSettings: extra),
                logger: .silent)
            let row = try await connection.run { session in
                try session.execute(show).first.map { row in (0..<6).map { row[$0].text } }
            }
            await connection.close()
            return row ?? []
        }
        #expect(try await settings(server) == ["UTC", "ISO, MDY", "ours", "UTF8", "4MB", "\"$user\", public"])
        let said =
            server + " application_name=theirs options='-c TimeZone=Asia/Tokyo -c work_mem=1MB' client_encoding=LATIN1"
        #expect(
            try await settings(said, schema: "a \"b\" \\c", ["work_mem": "2MB", "DateStyle": "German, DMY"])
                == ["Asia/Tokyo", "German, DMY", "theirs", "UTF8", "2MB", "\"a \"\"b\"\" \\c\""])
    }

    @Test func `PGHOST, PGPORT, PGUSER and PGDATABASE are honoured`() async throws {
        let parts = try await Self.serverParts()
        await #expect(processExitsWith: .success) { [parts = parts as [String]] in
            for (name, value) in zip(["PGHOST", "PGPORT", "PGUSER", "PGDATABASE"], parts) { setenv(name, value, 1) }
            setenv("PGAPPNAME", "from the environment", 1)
            setenv("PGOPTIONS", "-c work_mem=3MB", 1)
            let connection = try await PostgresConnection.open(
                PostgresConfiguration(connectionString: ""), logger: .silent)
            let row = try await connection.run { session in
                try session.execute("SELECT current_setting('application_name'), current_setting('work_mem')").first
            }
            #expect(row?[0].text == "from the environment")
            #expect(row?[1].text == "3MB")
        }
    }

    @Test func `PGSERVICE names a section of the service file, PGPASSFILE a password`() async throws {
        let parts = try await Self.serverParts()
        await #expect(processExitsWith: .success) { [parts = parts as [String]] in
            let directory = TestDirectory.make("service")
            _ = Directory.create(directory)
            let service =
                "[cache]\nhost=\(parts[0])\nport=\(parts[1])\nuser=\(parts[2])\ndbname=\(parts[3])\nsslmode=disable\n"
            _ = Directory.write(service, to: directory + "/services")
            _ = Directory.write("*:*:*:*:canary\n", to: directory + "/passwords")
            setenv("PGSERVICEFILE", directory + "/services", 1)
            setenv("PGSERVICE", "cache", 1)
            setenv("PGPASSFILE", directory + "/passwords", 1)
            let configuration = try PostgresConfiguration(connectionString: "")
            #expect(configuration.redactedDescription.contains("host=\(parts[0])"))
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            #expect(await connection.isUsable)
        }
    }

    @Test func `a dead first host is skipped`() async throws {
        let parts = try await Self.serverParts()
        let configuration = try PostgresConfiguration(
            connectionString: "host=/nonexistent,\(parts[0]) port=1,\(parts[1]) user=\(parts[2]) dbname=\(parts[3]) "
                + "target_session_attrs=read-write")
        let connection = try await PostgresConnection.open(configuration, logger: .silent)
        #expect(await connection.isUsable)
        await connection.close()
    }

    @Test func `target_session_attrs refuses the wrong kind of server`() async throws {
        let server = try await Self.serverParts()
        let configuration = try PostgresConfiguration(
            connectionString: "host=\(server[0]) port=\(server[1]) user=\(server[2]) dbname=\(server[3]) "
                + "target_session_attrs=standby")
        await #expect {
            _ = try await PostgresConnection.open(configuration, logger: .silent)
        } throws: { error in
            (error as? PostgresError)?.category == .connection
        }
    }

    /// Host, port, user and database of the test's server.
    private static func serverParts() async throws -> [String] {
        let connection = try await PostgresConnection.open(
            PostgresConfiguration(connectionString: TestDatabase.server), logger: .silent)
        let row = try await connection.run { session in
            try session.execute(
                """
                SELECT current_setting('unix_socket_directories'), current_setting('port'), current_user::text,
                    current_database()::text
                """
            ).first
        }
        await connection.close()
        return (0..<4).map { row?[$0].text ?? "" }
    }
}
