import Glibc
import TestSupport
import Testing

@testable import Postgres

struct EmbeddedPostgresTests {
    private static func query(_ embedded: EmbeddedPostgres, _ sql: String) async throws -> String? {
        let connection = try await PostgresConnection.open(embedded.configuration, logger: .silent)
        let text = try await connection.run { try $0.execute(sql).first?[0].text }
        await connection.close()
        return text
    }

    private static func script(_ embedded: EmbeddedPostgres, _ sql: String) async throws {
        let connection = try await PostgresConnection.open(embedded.configuration, logger: .silent)
        try await connection.run { try $0.executeScript(sql) }
        await connection.close()
    }

    /// A directory with a cluster that was never started.
    private static func freshCluster(_ name: String) async throws -> String {
        let directory = TestDirectory.make(name)
        try await TestDirectory.copyTemplate(to: directory)
        return directory
    }

    @Test func `a new directory gets a cluster of ours, and keeps it`() async throws {
        let directory = TestDirectory.make("new")
        let first = try await EmbeddedPostgres.start(
            in: directory, options: TestDirectory.clusterOptions, logger: .silent)
        await TestDirectory.stopAtExit(first.postmasterPID)
        let settings = try await Self.query(
            first,
            """
            SELECT concat_ws(' ', current_user, current_setting('server_encoding'), current_setting('jit'),
                current_setting('unix_socket_permissions'), '<' || current_setting('listen_addresses') || '>',
                (SELECT datcollate FROM pg_database WHERE datname = 'postgres'))
            """)
        #expect(settings == "nostr UTF8 off 0700 <> C.UTF-8")
        #expect(!Directory.exists(directory + "/data.tmp"))
        try await Self.script(first, "CREATE TABLE t AS SELECT 42 AS a")
        let pid = await first.postmasterPID
        await first.stop()
        #expect(!Postmaster.isAlive(pid))
        #expect(await first.postmasterPID == 0)

        let second = try await TestDirectory.startCluster(in: directory)
        #expect(try await Self.query(second, "SELECT a::text FROM t") == "42")
        await second.stop()
    }

    @Test(.enabled(if: getuid() == 0, "only root changes the user"))
    func `as root the postmaster runs under an unprivileged user and root may connect`() async throws {
        let embedded = try await TestDirectory.startCluster(in: TestDirectory.make("root"))
        var status = stat()
        let pid = await embedded.postmasterPID
        #expect(stat("/proc/\(pid)", &status) == 0)
        #expect(status.st_uid != 0)
        #expect(try await Self.query(embedded, "SELECT current_user::text") == "nostr")
        await embedded.stop()
    }

    @Test func `the postmaster inherits neither secrets nor systemd's socket`() async throws {
        var options = TestDirectory.clusterOptions
        options.environment["NOTIFY_SOCKET"] = "/run/canary"
        options.environment["WATCHDOG_USEC"] = "canary"
        options.environment["PGPASSWORD"] = "canary"
        options.environment["DATABASE_URL"] = "canary"
        options.environment["CREDENTIALS_DIRECTORY"] = "canary"
        let embedded = try await TestDirectory.startCluster(in: TestDirectory.make("environment"), options: options)
        let environment = Directory.read("/proc/\(await embedded.postmasterPID)/environ")
        #expect(environment?.contains("PATH=") == true)
        #expect(environment?.contains("canary") == false)
        await embedded.stop()
    }

    @Test func `a killed postmaster is started again and nothing acknowledged is missing`() async throws {
        var options = TestDirectory.clusterOptions
        options.settings["fsync"] = nil
        options.settings["synchronous_commit"] = nil
        options.settings["full_page_writes"] = nil
        let embedded = try await TestDirectory.startCluster(in: TestDirectory.make("killed"), options: options)
        #expect(try await !embedded.ensureRunning())
        // An orphaned backend keeps the shared memory in use for a while.
        let orphan = try await PostgresConnection.open(embedded.configuration, logger: .silent)
        try await orphan.run { try $0.executeScript("CREATE TABLE t AS SELECT 42 AS a") }
        let pid = await embedded.postmasterPID
        kill(pid, SIGKILL)
        #expect(try await eventually { try await embedded.ensureRunning() })
        await TestDirectory.stopAtExit(embedded.postmasterPID)
        #expect(await embedded.postmasterPID != pid)
        #expect(await orphan.error { _ = try $0.execute("SELECT 1") }?.category == .connection)
        #expect(try await Self.query(embedded, "SELECT a::text FROM t") == "42")
        await embedded.stop()
    }

    @Test func `a second daemon is kept out`() async throws {
        let directory = TestDirectory.make("second")
        let first = try await TestDirectory.startCluster(in: directory)
        await #expect(throws: EmbeddedPostgresError.alreadyInUse(directory: directory, pid: getpid())) {
            _ = try await EmbeddedPostgres.start(in: directory, options: TestDirectory.clusterOptions, logger: .silent)
        }
        await first.stop()
        let third = try await TestDirectory.startCluster(in: directory)
        await third.stop()
    }

    @Test func `a postmaster that outlived its daemon is adopted and stopped in the end`() async throws {
        let directory = try await Self.freshCluster("adopted")
        let starter = try ClusterStarter(directory: directory, options: TestDirectory.clusterOptions, logger: .silent)
        let orphan = try starter.start()
        TestDirectory.stopAtExit(orphan.pid)
        let embedded = try await EmbeddedPostgres.start(
            in: directory, options: TestDirectory.clusterOptions, logger: .silent)
        #expect(await embedded.postmasterPID == orphan.pid)
        #expect(try await Self.query(embedded, "SELECT 'adopted'") == "adopted")
        #expect(try await !embedded.ensureRunning())
        await embedded.stop()
        let ended = orphan.hasEnded(by: .now + .seconds(10))
        #expect(ended)
    }

    @Test(arguments: ["a dead process", "another program"])
    func `a stale postmaster.pid does not keep us from starting`(whose: String) async throws {
        let directory = try await Self.freshCluster("stale")
        // A program of the same user; PostgreSQL itself sees through one of another user, and through its parent. Linux
        // gives out no process id above 4194304.
        let other = try await TestDirectory.startCluster(in: TestDirectory.make("other"))
        let pid = whose == "another program" ? await other.postmasterPID : 4_194_305
        let text = "\(pid)\n\(directory)/data\n1700000000\n5432\n/nonexistent\n\n 1 1\nready   \n"
        #expect(Directory.write(text, to: directory + "/data/postmaster.pid") == 0)
        var status = stat()
        #expect(stat(directory + "/data", &status) == 0)
        chown(directory + "/data/postmaster.pid", status.st_uid, status.st_gid)
        let embedded = try await TestDirectory.startCluster(in: directory)
        #expect(try await Self.query(embedded, "SELECT 'up'") == "up")
        await embedded.stop()
        await other.stop()
    }

    @Test func `a cluster of another version is refused and left alone`() async throws {
        let directory = try await Self.freshCluster("version")
        _ = Directory.write("9.6\n", to: directory + "/data/PG_VERSION", mode: 0o644)
        await #expect {
            _ = try await EmbeddedPostgres.start(in: directory, options: TestDirectory.clusterOptions, logger: .silent)
        } throws: { error in
            guard case .versionMismatch(_, "9.6", let installed) = error as? EmbeddedPostgresError else { return false }
            return !installed.isEmpty && "\(error)".contains("install postgresql-9.6")
        }
        #expect(Directory.read(directory + "/data/PG_VERSION") == "9.6\n")
    }

    @Test func `half a cluster is made anew, something else is left alone`() async throws {
        let half = TestDirectory.make("half")
        #expect(Directory.create(half + "/data.tmp/base") == 0)
        let embedded = try await EmbeddedPostgres.start(
            in: half, options: TestDirectory.clusterOptions, logger: .silent)
        await TestDirectory.stopAtExit(embedded.postmasterPID)
        #expect(try await Self.query(embedded, "SELECT 'up'") == "up")
        await embedded.stop()

        let foreign = TestDirectory.make("foreign")
        #expect(Directory.create(foreign + "/data/photos") == 0)
        await #expect {
            _ = try await EmbeddedPostgres.start(in: foreign, options: TestDirectory.clusterOptions, logger: .silent)
        } throws: { error in
            guard case .directoryUnusable = error as? EmbeddedPostgresError else { return false }
            return true
        }
        #expect(Directory.exists(foreign + "/data/photos"))
    }

    @Test func `a runtime directory that is too long gives way to a short one`() async throws {
        var options = TestDirectory.clusterOptions
        options.environment["RUNTIME_DIRECTORY"] = TestDirectory.make(String(repeating: "x", count: 80))
        let embedded = try await TestDirectory.startCluster(in: TestDirectory.make("long"), options: options)
        let directory = try #require(try await Self.query(embedded, "SHOW unix_socket_directories"))
        #expect(directory.hasPrefix("/tmp/nostr-ingest-"))
        var status = stat()
        #expect(lstat(directory, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o700)
        await embedded.stop()
        #expect(!Directory.exists(directory))
    }

    @Test func `a setting that PostgreSQL refuses ends the start with its words`() async throws {
        var options = TestDirectory.clusterOptions
        options.settings["shared_buffers"] = "nonsense"
        let directory = try await Self.freshCluster("refused")
        await #expect {
            _ = try await EmbeddedPostgres.start(in: directory, options: options, logger: .silent)
        } throws: { error in
            guard case .startFailed(let output) = error as? EmbeddedPostgresError else { return false }
            return output.contains("shared_buffers")
        }
    }

    @Test func `the postmaster goes when its daemon is killed`() async throws {
        let directory = try await Self.freshCluster("orphan")
        await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String] in
            let embedded = try await EmbeddedPostgres.start(
                in: directory, options: TestDirectory.clusterOptions, logger: .silent)
            _ = Directory.write("\(await embedded.postmasterPID)", to: directory + "/postmaster")
            kill(getpid(), SIGKILL)
        }
        let pid = try #require(Directory.read(directory + "/postmaster").flatMap { pid_t($0) })
        TestDirectory.stopAtExit(pid)
        #expect(await eventually { !Postmaster.isAlive(pid) })
        #expect(!Directory.exists(directory + "/data/postmaster.pid"), "a fast shutdown, not a crash")
    }
}

struct ClusterLayoutTests {
    @Test func `postmaster.pid is read line by line`() {
        let file = PostmasterFile(parsing: "17\n/data\n1700000000\n5432\n/run/x\n\n 1 2\nready   \n")
        #expect(file?.pid == 17)
        #expect(file?.dataDirectory == "/data")
        #expect(file?.socketDirectory == "/run/x")
        #expect(file?.status == "ready")
        #expect(PostmasterFile(parsing: "17\n/data\n")?.status == "")
        #expect(PostmasterFile(parsing: "") == nil)
        #expect(PostmasterFile(parsing: "x\n/data\n") == nil)
        #expect(PostmasterFile(parsing: "-1\n/data\n") == nil)
    }

    @Test(
        arguments: [
            ("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n", "15"), ("postgres (PostgreSQL) 17devel", "17"),
            ("what?", nil),
        ] as [(String, String?)])
    func `a program says its version`(text: String, version: String?) {
        #expect(PostgresPrograms.majorVersion(in: text) == version)
    }

    @Test func `children learn the locale and nothing secret`() {
        let environment = [
            "PATH": "/bin", "LC_ALL": "C", "LANG": "C", "NOTIFY_SOCKET": "x", "LISTEN_FDS": "1", "LISTEN_PID": "1",
            "WATCHDOG_PID": "1", "PGDATA": "x", "PGHOST": "x", "CREDENTIALS_DIRECTORY": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        ]
        #expect(ClusterLayout.childEnvironment(environment) == ["PATH": "/bin", "LC_ALL": "C", "LANG": "C"])
    }

    @Test func `only the cluster's user comes in, and root where root started it`() throws {
        let user = try #require(SystemUser(uid: getuid()))
        let alone = ClusterLayout.clientAuthentication(owner: user, includingRoot: false)
        #expect(alone.hba == "local all all peer map=embedded\n")
        #expect(alone.ident == "embedded \"\(user.name)\" nostr\n")
        let both = ClusterLayout.clientAuthentication(owner: user, includingRoot: true)
        #expect(both.ident.hasSuffix("embedded \"root\" nostr\n"))
    }

    @Test func `systemd's directory is preferred, a short one comes last`() throws {
        let layout = ClusterLayout(directory: "/var/lib/nostr-ingest/postgres")
        let user = try #require(SystemUser(uid: getuid()))
        let all = layout.socketDirectoryCandidates(
            environment: ["RUNTIME_DIRECTORY": "/run/a:/run/b", "XDG_RUNTIME_DIR": "/run/user/1"], owner: user)
        #expect(all.count == 3)
        #expect(all[0].hasPrefix("/run/a/") && all[1].hasPrefix("/run/user/1/") && all[2].hasPrefix("/tmp/"))
        #expect(ClusterLayout.socketPath(in: all[2]).utf8.count < 107)
    }
}
