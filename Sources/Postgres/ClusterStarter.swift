import Glibc
import Logging

/// The steps from a directory to a running postmaster. Every method blocks.
struct ClusterStarter: Sendable {
    /// Between two looks at a starting postmaster.
    private static let startPollInterval: Duration = .milliseconds(20)
    /// Between two attempts while the processes of a killed postmaster are still there.
    private static let retryInterval: Duration = .milliseconds(300)
    /// Of its log, for the message of an error.
    private static let logTailBytes = 2000

    let layout: ClusterLayout
    let options: EmbeddedPostgres.Options
    private let owner: ClusterOwner
    private let logger: Logger

    init(directory: String, options: EmbeddedPostgres.Options, logger: Logger) throws(EmbeddedPostgresError) {
        let asGiven = ClusterLayout(directory: directory)
        let owner = try ClusterOwner.choose(for: asGiven)
        try owner.makePrivate(directory)
        self.layout = ClusterLayout(directory: Directory.resolved(directory))
        self.owner = owner
        self.options = options
        self.logger = logger
    }

    func takeLock() throws(EmbeddedPostgresError) -> DirectoryLock {
        try DirectoryLock(self.layout)
    }

    /// Adopts the postmaster that runs, or makes the cluster where it is missing and starts one.
    func start() throws(EmbeddedPostgresError) -> Postmaster {
        let programs = try self.choosePrograms()
        if self.layout.clusterVersion == nil { try self.initialize(programs) }
        try self.writeClientAuthentication(in: self.layout.data)
        if let pid = try self.findRunning() {
            return Postmaster(adopting: pid.pid, socketDirectory: pid.socketDirectory)
        }
        let socketDirectory = try self.makeSocketDirectory()
        if self.owner.changesUser {
            self.logger.info(
                "PostgreSQL runs under an unprivileged user", metadata: ["postgres.user": "\(self.owner.user.name)"])
        }
        return try self.startPostmaster(programs, socketDirectory: socketDirectory)
    }

    // MARK: - The cluster

    private func choosePrograms() throws(EmbeddedPostgresError) -> PostgresPrograms {
        let installed = PostgresPrograms.all(environment: self.options.environment)
        guard let best = installed.first else { throw .programsNotFound }
        guard let version = self.layout.clusterVersion else { return best }
        guard let matching = installed.first(where: { $0.version == version }) else {
            throw .versionMismatch(
                directory: self.layout.data, cluster: version, installed: installed.map(\.version))
        }
        return matching
    }

    /// `initdb` beside the final place, then a rename: a crash in the middle leaves no half cluster.
    private func initialize(_ programs: PostgresPrograms) throws(EmbeddedPostgresError) {
        guard !Directory.exists(self.layout.data) else {
            throw .directoryUnusable(path: self.layout.data, reason: "it exists but is no PostgreSQL cluster")
        }
        self.logger.info(
            "Creating a private PostgreSQL cluster",
            metadata: ["postgres.directory": "\(self.layout.data)", "postgres.version": "\(programs.version)"])
        let place = self.layout.unfinishedData
        Directory.remove(place)
        var arguments = [
            "--pgdata", place, "--username", ClusterLayout.role, "--encoding", "UTF8", "--locale", "C.UTF-8",
            "--lc-messages", "C", "--auth-local", "peer", "--auth-host", "reject",
        ]
        if self.options.skipsFlush { arguments.append("--no-sync") }
        let outcome = ChildProcess.run(try self.command(programs.directory + "/initdb", arguments, deathSignal: "KILL"))
        guard let outcome, outcome.status == 0 else {
            throw .initializationFailed(output: Self.tail(of: outcome?.output ?? "it cannot be run"))
        }
        try self.writeClientAuthentication(in: place)
        guard rename(place, self.layout.data) == 0 else {
            throw .directoryUnusable(path: self.layout.data, reason: String(cString: strerror(errno)))
        }
        Directory.flush(self.layout.directory)
    }

    /// Written at every start, since the user that we run as may have changed.
    private func writeClientAuthentication(in data: String) throws(EmbeddedPostgresError) {
        let files = ClusterLayout.clientAuthentication(owner: self.owner.user, includingRoot: self.owner.changesUser)
        for (name, text) in [("pg_hba.conf", files.hba), ("pg_ident.conf", files.ident)] {
            let path = data + "/" + name
            guard Directory.read(path) != text else { continue }
            let failure = Directory.write(text, to: path, owner: self.owner.changesUser ? self.owner.user.uid : nil)
            guard failure == 0 else { throw .directoryUnusable(path: path, reason: String(cString: strerror(failure))) }
        }
    }

    private func makeSocketDirectory() throws(EmbeddedPostgresError) -> String {
        let candidates = self.layout.socketDirectoryCandidates(
            environment: self.options.environment, owner: self.owner.user)
        var failure: EmbeddedPostgresError?
        for candidate in candidates {
            let path = ClusterLayout.socketPath(in: candidate)
            guard path.utf8.count <= ClusterLayout.socketPathBytesMax else {
                failure = failure ?? .socketPathTooLong(path: path)
                continue
            }
            do throws(EmbeddedPostgresError) {
                try self.owner.makePrivate(candidate)
                return candidate
            } catch {
                failure = error
            }
        }
        throw failure ?? .socketPathTooLong(path: "")
    }

    private func command(
        _ program: String, _ arguments: [String], deathSignal: String
    ) throws(EmbeddedPostgresError) -> ChildProcess.Command {
        let command = self.owner.command(
            program, arguments, deathSignal: deathSignal,
            environment: ClusterLayout.childEnvironment(self.options.environment), in: self.layout.directory)
        guard let command else { throw .noUnprivilegedUser }
        return command
    }

    // MARK: - The postmaster

    /// The postmaster of this cluster that outlived its daemon, once it accepts connections; nil when there is none.
    private func findRunning() throws(EmbeddedPostgresError) -> PostmasterFile? {
        let deadline = ContinuousClock.now + self.options.startLimit
        while let file = Directory.read(self.layout.pidFile).flatMap({ PostmasterFile(parsing: $0) }) {
            guard Postmaster.isServing(file.pid, data: self.layout.data) else {
                self.clearStaleFile(file)
                return nil
            }
            if file.status == "ready", self.answers(in: file.socketDirectory) {
                self.logger.notice("Adopted a running PostgreSQL", metadata: ["postgres.pid": "\(file.pid)"])
                return file
            }
            // It is starting, recovering or going down: each ends by itself.
            guard ContinuousClock.now < deadline else {
                throw .startTimedOut(seconds: self.options.startLimit.components.seconds)
            }
            Self.pause(Self.retryInterval)
        }
        return nil
    }

    /// A pid that now belongs to another program would keep the postmaster from starting; one of a dead process would
    /// not, and PostgreSQL's own check of what it left behind needs the file.
    private func clearStaleFile(_ file: PostmasterFile) {
        guard Postmaster.isAlive(file.pid), !Postmaster.anyoneServes(self.layout.data) else { return }
        self.logger.warning("Removed a stale postmaster.pid", metadata: ["postgres.pid": "\(file.pid)"])
        unlink(self.layout.pidFile)
    }

    /// Whether the server at this socket serves our data directory.
    private func answers(in socketDirectory: String) -> Bool {
        let text = ClusterLayout.connectionString(socketDirectory: socketDirectory)
        guard let configuration = try? PostgresConfiguration(connectionString: text),
            let session = try? PostgresSession(configuration, logger: self.logger),
            let result = try? session.execute("SHOW data_directory", deadline: .seconds(5))
        else { return false }
        return result.first?[0].text == self.layout.data
    }

    private func startPostmaster(
        _ programs: PostgresPrograms, socketDirectory: String
    ) throws(EmbeddedPostgresError) -> Postmaster {
        let arguments = self.layout.arguments(socketDirectory: socketDirectory, settings: self.options.settings)
        let command = try self.command(programs.directory + "/postgres", arguments, deathSignal: "INT")
        // Left behind by a postmaster that did not stop by itself.
        let patience: Duration = Directory.exists(self.layout.pidFile) ? self.options.retryLimit : .zero
        let retryEnd = ContinuousClock.now + patience
        while true {
            let postmaster = try self.spawn(command, socketDirectory: socketDirectory)
            if try self.becomesReady(postmaster) { return postmaster }
            guard ContinuousClock.now < retryEnd else {
                throw .startFailed(output: Self.tail(of: Directory.read(self.layout.startLog) ?? ""))
            }
            Self.pause(Self.retryInterval)
        }
    }

    private func spawn(
        _ command: ChildProcess.Command, socketDirectory: String
    ) throws(EmbeddedPostgresError) -> Postmaster {
        let log = open(self.layout.startLog, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else {
            throw .directoryUnusable(path: self.layout.startLog, reason: String(cString: strerror(errno)))
        }
        defer { close(log) }
        guard let child = WatchedChild(command, output: log) else {
            throw .startFailed(output: "\(command.program) cannot be run")
        }
        return Postmaster(child: child, socketDirectory: socketDirectory)
    }

    /// Whether the postmaster accepts connections; false when it ended.
    private func becomesReady(_ postmaster: borrowing Postmaster) throws(EmbeddedPostgresError) -> Bool {
        let deadline = ContinuousClock.now + self.options.startLimit
        while !postmaster.hasEnded(by: ContinuousClock.now + Self.startPollInterval) {
            let file = Directory.read(self.layout.pidFile).flatMap { PostmasterFile(parsing: $0) }
            if let file, file.pid == postmaster.pid, file.status == "ready",
                self.answers(in: postmaster.socketDirectory)
            {
                return true
            }
            guard ContinuousClock.now < deadline else {
                postmaster.stop(within: self.options.stopLimit)
                throw .startTimedOut(seconds: self.options.startLimit.components.seconds)
            }
        }
        return false
    }

    private static func pause(_ duration: Duration) {
        usleep(UInt32(duration.components.attoseconds / 1_000_000_000_000))
    }

    private static func tail(of text: String) -> String {
        String(decoding: text.utf8.suffix(Self.logTailBytes), as: UTF8.self)
            .split(separator: "\n").joined(separator: " · ")
    }
}
