import Foundation
import Glibc
package import Logging
package import Postgres
import Synchronization

/// A database of its own for a test, on a throw-away cluster that the whole test process shares, or on the server in
/// `TEST_DATABASE_URL`.
package enum TestDatabase {
    /// Runs the body with an empty database that is dropped afterwards.
    ///
    /// - Parameter applicationName: to find the test's own sessions in `pg_stat_activity`.
    package static func withDatabase(
        applicationName: String = "test", _ body: (PostgresConfiguration) async throws -> Void
    ) async throws {
        await Self.places.enter()
        defer { Self.places.leave() }
        let server = try await TestCluster.shared.connectionString
        let name = "test_\(getpid())_\(Self.counter.add(1, ordering: .relaxed).newValue)"
        try await Self.administrate(server, "CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'UTF8'")
        let outcome: Result<Void, any Error>
        do {
            let configuration = try PostgresConfiguration(
                connectionString: server, applicationName: applicationName, database: name)
            outcome = .success(try await body(configuration))
        } catch {
            outcome = .failure(error)
        }
        try await Self.administrate(server, "DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
        try outcome.get()
    }

    /// Runs the body with an open connection to an empty database.
    package static func withConnection(_ body: (PostgresConnection) async throws -> Void) async throws {
        try await Self.withDatabase { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            try await body(connection)
            await connection.close()
        }
    }

    /// The shared server, for connection strings of one's own.
    package static var server: String {
        get async throws { try await TestCluster.shared.connectionString }
    }

    private static let counter = Atomic<Int>(0)

    /// Tests run side by side; more databases at once than this would only make each of them wait for the machine.
    private static let places = TestPlaces(4)

    private static func administrate(_ server: String, _ sql: String) async throws {
        let connection = try await PostgresConnection.open(
            PostgresConfiguration(connectionString: server, applicationName: "test administration"), logger: .silent)
        try await connection.run { try $0.executeScript(sql) }
        await connection.close()
    }
}

extension Logger {
    /// Writes nothing.
    package static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// The cluster of this process, started by the first test that asks.
actor TestCluster {
    static let shared = TestCluster()

    private enum State {
        case idle
        case starting([CheckedContinuation<String, any Error>])
        /// The cluster is kept: letting go of it would release its lock.
        case running(EmbeddedPostgres?, connectionString: String)
        case failed(any Error)
    }

    private var state = State.idle

    var connectionString: String {
        get async throws {
            switch self.state {
            case .running(_, let connectionString): return connectionString
            case .failed(let error): throw error
            case .starting(let waiting):
                return try await withCheckedThrowingContinuation { continuation in
                    self.state = .starting(waiting + [continuation])
                }
            case .idle: return try await self.start()
            }
        }
    }

    private func start() async throws -> String {
        if let url = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"], !url.isEmpty {
            self.state = .running(nil, connectionString: url)
            return url
        }
        self.state = .starting([])
        let outcome: Result<(EmbeddedPostgres, String), any Error>
        do {
            let embedded = try await TestDirectory.startCluster(in: TestDirectory.make("shared"))
            outcome = .success((embedded, await embedded.connectionString))
        } catch {
            outcome = .failure(error)
        }
        guard case .starting(let waiting) = self.state else { preconditionFailure("Started twice") }
        switch outcome {
        case .success((let embedded, let connectionString)):
            self.state = .running(embedded, connectionString: connectionString)
        case .failure(let error):
            self.state = .failed(error)
        }
        for continuation in waiting { continuation.resume(with: outcome.map(\.1)) }
        return try outcome.get().1
    }
}

/// Directories and clusters that vanish with the process.
package enum TestDirectory {
    /// Whoever creates it is its owner; everybody may pass through, since as root the cluster runs under another user.
    private static let root = "/tmp/nostr-ingest-tests-\(getuid())"

    private struct Registry {
        var postmasters: [pid_t] = []
        /// Held open: its lock says that we live.
        var lock: Int32 = -1
        var count = 0
    }

    private static let registry = Mutex(Registry())

    /// The directory of this process.
    private static let process: String = {
        _ = Directory.create(Self.root, mode: 0o711)
        Self.sweep()
        let path = "\(Self.root)/run-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        _ = Directory.create(path, mode: 0o711)
        let lock = open(path + "/alive", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        flock(lock, LOCK_EX)
        Self.registry.withLock { $0.lock = lock }
        atexit { TestDirectory.cleanUp() }
        return path
    }()

    /// A name for a fresh directory, which is not created.
    package static func make(_ name: String) -> String {
        let number = Self.registry.withLock { registry in
            registry.count += 1
            return registry.count
        }
        return "\(Self.process)/\(number)-\(name)"
    }

    /// What a daemon of the test would see: sockets within the test's own directory.
    package static var environment: [String: String] {
        var environment = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("PG") || $0.key == "PG_BINDIR"
        }
        environment["RUNTIME_DIRECTORY"] = Self.process
        environment["XDG_RUNTIME_DIR"] = nil
        return environment
    }

    /// Fast and forgetful; many connections, since tests run at once.
    package static var clusterOptions: EmbeddedPostgres.Options {
        var options = EmbeddedPostgres.Options(environment: Self.environment)
        options.skipsFlush = true
        options.settings = [
            "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_connections": "300",
            "logging_collector": "off", "shared_buffers": "64MB", "wal_level": "logical",
        ]
        return options
    }

    /// Starts a cluster from a copy of the template, which is far quicker than `initdb`.
    package static func startCluster(
        in directory: String, options: EmbeddedPostgres.Options = Self.clusterOptions
    ) async throws -> EmbeddedPostgres {
        if !Directory.exists(directory + "/data") { try await Self.copyTemplate(to: directory) }
        let embedded = try await EmbeddedPostgres.start(in: directory, options: options, logger: .silent)
        await Self.stopAtExit(embedded.postmasterPID)
        return embedded
    }

    /// The postmaster is killed before the directories are removed.
    package static func stopAtExit(_ postmaster: Int32) {
        Self.registry.withLock { $0.postmasters.append(postmaster) }
    }

    /// Puts a fresh cluster, not started, into the directory.
    package static func copyTemplate(to directory: String) async throws {
        guard let programs = PostgresPrograms.all(environment: Self.environment).first else {
            throw EmbeddedPostgresError.programsNotFound
        }
        let template = "\(Self.root)/template-\(programs.version)"
        if !Directory.exists(template + "/data/PG_VERSION") {
            let place = Self.make("template")
            let embedded = try await EmbeddedPostgres.start(in: place, options: Self.clusterOptions, logger: .silent)
            await embedded.stop()
            // Another process may have been quicker.
            if rename(place, template) != 0 { Directory.remove(place) }
        }
        let copied = ChildProcess.run(ChildProcess.Command("/bin/cp", ["--archive", template, directory]))
        guard copied?.status == 0 else {
            throw EmbeddedPostgresError.initializationFailed(output: copied?.output ?? "cp cannot be run")
        }
    }

    /// Removes what processes left that were killed.
    private static func sweep() {
        for name in Directory.names(in: Self.root) where name.hasPrefix("run-") {
            let lock = open("\(Self.root)/\(name)/alive", O_RDWR | O_CLOEXEC)
            guard lock >= 0 else { continue }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { Directory.remove("\(Self.root)/\(name)") }
            close(lock)
        }
    }

    private static func cleanUp() {
        let postmasters = Self.registry.withLock { $0.postmasters }
        for pid in postmasters { kill(pid, SIGQUIT) }
        for pid in postmasters {
            for _ in 0..<300 where kill(pid, 0) == 0 { usleep(10_000) }
        }
        Directory.remove(Self.process)
    }
}
