import Glibc

/// Where the parts of a private cluster lie, and what is written into them. Pure but for the choice of the socket
/// directory.
struct ClusterLayout: Equatable {
    /// The longest path that fits into `sockaddr_un` with its final zero.
    static let socketPathBytesMax = 107
    /// Part of the socket's name; no port is opened.
    static let port = 5432
    static let role = "nostr"

    /// Without symbolic links, as PostgreSQL writes it down.
    let directory: String

    var data: String { self.directory + "/data" }
    /// Where initdb works; renamed when complete.
    var unfinishedData: String { self.directory + "/data.tmp" }
    var lockFile: String { self.directory + "/lock" }
    /// What the postmaster says before its own log begins.
    var startLog: String { self.directory + "/postgres.log" }
    var pidFile: String { self.data + "/postmaster.pid" }

    /// The major version of the existing cluster, or nil.
    var clusterVersion: String? {
        Directory.read(self.data + "/PG_VERSION").map { String($0.prefix { !$0.isWhitespace }) }
    }

    static func socketPath(in socketDirectory: String) -> String {
        "\(socketDirectory)/.s.PGSQL.\(Self.port)"
    }

    /// Names everything that a `PG*` variable could otherwise bend.
    static func connectionString(socketDirectory: String) -> String {
        let host = socketDirectory.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
        return "host='\(host)' port=\(Self.port) user=\(Self.role) dbname=postgres hostaddr='' sslmode=disable "
            + "gssencmode=disable target_session_attrs=any"
    }

    /// Only the owner of the cluster, and root where root started it, may come in, and only as our role.
    static func clientAuthentication(owner: SystemUser, includingRoot: Bool) -> (hba: String, ident: String) {
        let users = includingRoot ? [owner.name, "root"] : [owner.name]
        return (
            "local all all peer map=embedded\n",
            users.map { "embedded \"\($0)\" \(Self.role)\n" }.joined()
        )
    }

    /// The postmaster's command line.
    func arguments(socketDirectory: String, settings: [String: String]) -> [String] {
        var all = [
            "listen_addresses": "", "unix_socket_directories": socketDirectory, "unix_socket_permissions": "0700",
            "port": "\(Self.port)",
            // LLVM wants memory that is writable and executable, which the unit forbids.
            "jit": "off",
            // A week of logs, each overwritten after a week.
            "logging_collector": "on", "log_filename": "postgresql-%a.log", "log_truncate_on_rotation": "on",
            "log_rotation_age": "1d", "log_rotation_size": "0",
        ]
        all.merge(settings) { _, given in given }
        return ["-D", self.data] + all.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    /// What a child may know. A list of what to keep, so that no secret and no `NOTIFY_SOCKET` slips through: a
    /// postmaster that inherits that one would speak for us to systemd.
    static func childEnvironment(_ environment: [String: String]) -> [String: String] {
        let kept: Set<String> = ["PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "LD_LIBRARY_PATH"]
        return environment.filter { kept.contains($0.key) || $0.key.hasPrefix("LC_") }
    }

    /// Socket directories in order of preference: systemd's, the session's, and a short one in the temporary directory.
    func socketDirectoryCandidates(environment: [String: String], owner: SystemUser) -> [String] {
        let name = "nostr-ingest-" + Self.digest(self.directory)
        var candidates: [String] = []
        if let runtime = environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first {
            candidates.append("\(runtime)/postgres-\(Self.digest(self.directory))")
        }
        if let session = environment["XDG_RUNTIME_DIR"], !session.isEmpty { candidates.append("\(session)/\(name)") }
        candidates.append("/tmp/\(name)-\(owner.uid)")
        return candidates
    }

    /// FNV-1a, 32 bits: short and stable; two directories of one user that collide would meet the lock of neither,
    /// hence the first to start wins and the second finds its socket taken.
    static func digest(_ text: String) -> String {
        var hash: UInt32 = 2_166_136_261
        for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return String(hash, radix: 36)
    }
}

/// The first lines of `postmaster.pid`.
struct PostmasterFile: Equatable {
    let pid: pid_t
    let dataDirectory: String
    let socketDirectory: String
    /// Line 8, since PostgreSQL 10: starting, stopping, ready, standby.
    let status: String

    init?(parsing text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        guard lines.count >= 2, let pid = pid_t(lines[0]), pid > 0 else { return nil }
        self.pid = pid
        self.dataDirectory = lines[1]
        self.socketDirectory = lines.count > 4 ? lines[4] : ""
        self.status = lines.count > 7 ? String(lines[7].prefix { $0 != " " }) : ""
    }
}
