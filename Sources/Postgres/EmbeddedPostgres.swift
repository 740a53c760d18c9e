import Glibc
package import Logging

/// A private PostgreSQL cluster, made from the machine's programs: unix socket only, no password, one database
/// (`postgres`), one role (`nostr`).
///
/// ```
/// directory/lock          held while we work with the cluster
/// directory/data          the cluster; data.tmp while initdb is at work
/// directory/postgres.log  what the postmaster said before its own log (data/log) began
/// ```
///
/// The postmaster stops with us: by ``stop()``, and through `PR_SET_PDEATHSIG` when we are killed. One that outlived
/// its daemon nevertheless is adopted.
package actor EmbeddedPostgres {
    package struct Options: Sendable {
        /// The daemon's own: decides programs and socket directory, and reaches the children only in part.
        package var environment: [String: String]
        /// Server settings beyond ours, on the command line of the postmaster.
        package var settings: [String: String] = [:]
        /// Skips the flush of a new cluster. Only for tests.
        package var skipsFlush = false
        /// Recovery after a crash may take long; systemd's `TimeoutStartSec` is as long.
        package var startLimit: Duration = .seconds(120)
        /// Processes of a killed postmaster live on until they notice; 2.5 s were seen.
        package var retryLimit: Duration = .seconds(15)
        /// A fast shutdown writes a checkpoint; after this the shutdown is immediate, and the next start recovers.
        package var stopLimit: Duration = .seconds(60)

        package init(environment: [String: String]) {
            self.environment = environment
        }
    }

    private let executor = BlockingExecutor(label: "postgres.embedded")
    private let starter: ClusterStarter
    private var lock: DirectoryLock?
    private var postmaster: Postmaster?

    /// For libpq; holds no secret. Empty before the start.
    package private(set) var connectionString = ""

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.executor.asUnownedSerialExecutor()
    }

    private init(_ starter: ClusterStarter) {
        self.starter = starter
    }

    /// Creates the cluster on first use, starts it, and returns when it accepts connections.
    ///
    /// - Parameter directory: ours alone; created if missing.
    package static func start(
        in directory: String, options: Options, logger: Logger
    ) async throws(EmbeddedPostgresError) -> EmbeddedPostgres {
        let starter = try ClusterStarter(directory: directory, options: options, logger: logger)
        let embedded = EmbeddedPostgres(starter)
        try await embedded.launch()
        return embedded
    }

    /// How to connect as an ordinary client; other settings by way of ``connectionString``.
    package var configuration: PostgresConfiguration {
        get throws(PostgresError) { try PostgresConfiguration(connectionString: self.connectionString) }
    }

    /// 0 once stopped.
    package var postmasterPID: Int32 { self.postmaster?.pid ?? 0 }

    /// Starts the postmaster again if it died; for the loop that reconnects.
    ///
    /// - Returns: whether it had to.
    @discardableResult
    package func ensureRunning() throws(EmbeddedPostgresError) -> Bool {
        guard self.postmaster?.hasEnded(by: .now) ?? true else { return false }
        self.postmaster = nil
        try self.launch()
        return true
    }

    /// Fast shutdown: sessions are ended, everything is written. Returns when the postmaster is gone.
    package func stop() async {
        if let postmaster = self.postmaster.take() {
            postmaster.stop(within: self.starter.options.stopLimit)
            rmdir(postmaster.socketDirectory)
        }
        self.lock = nil
    }

    private func launch() throws(EmbeddedPostgresError) {
        if self.lock == nil { self.lock = try self.starter.takeLock() }
        let postmaster = try self.starter.start()
        self.connectionString = ClusterLayout.connectionString(socketDirectory: postmaster.socketDirectory)
        self.postmaster = consume postmaster
    }
}
