import Glibc

/// Whom the cluster's processes run as.
struct ClusterOwner: Equatable {
    let user: SystemUser
    /// We are root and the processes are not.
    let changesUser: Bool

    /// Ourselves, or where we are root the owner of the existing cluster, else `nostr-ingest`, else `postgres`.
    static func choose(for layout: ClusterLayout) throws(EmbeddedPostgresError) -> ClusterOwner {
        let uid = geteuid()
        guard uid == 0 else {
            guard let user = SystemUser(uid: uid) else {
                throw .directoryUnusable(
                    path: layout.directory,
                    reason: "initdb needs a name for user id \(uid): add one to /etc/passwd, or set DATABASE_URL")
            }
            return ClusterOwner(user: user, changesUser: false)
        }
        var status = stat()
        let existing = stat(layout.data, &status) == 0 && status.st_uid != 0 ? SystemUser(uid: status.st_uid) : nil
        guard let user = existing ?? SystemUser(named: "nostr-ingest") ?? SystemUser(named: "postgres") else {
            throw .noUnprivilegedUser
        }
        return ClusterOwner(user: user, changesUser: true)
    }

    /// The command as this user; with `setpriv` it also dies with the thread that starts it, by the signal given.
    ///
    /// - Returns: nil when the user must change and `setpriv` is missing.
    func command(
        _ program: String, _ arguments: [String], deathSignal: String, environment: [String: String],
        in directory: String
    ) -> ChildProcess.Command? {
        let path = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":").map { "\($0)/setpriv" }
        guard let setpriv = (path + ["/usr/bin/setpriv"]).first(where: { Directory.isProgram($0) }) else {
            guard !self.changesUser else { return nil }
            return ChildProcess.Command(program, arguments, environment: environment, workingDirectory: directory)
        }
        var words = ["--pdeathsig", deathSignal]
        if self.changesUser {
            words += ["--reuid", "\(self.user.uid)", "--regid", "\(self.user.gid)", "--init-groups"]
        }
        return ChildProcess.Command(
            setpriv, words + ["--", program] + arguments, environment: environment, workingDirectory: directory)
    }

    /// Makes a directory that only this user enters; checks one that exists.
    func makePrivate(_ path: String) throws(EmbeddedPostgresError) {
        if let barrier = Directory.barrier(to: path, for: self.user) {
            throw .directoryUnusable(path: path, reason: "the user \(self.user.name) may not pass through \(barrier)")
        }
        let failure = Directory.create(path)
        guard failure == 0 else { throw .directoryUnusable(path: path, reason: String(cString: strerror(failure))) }
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw .directoryUnusable(path: path, reason: "it is no directory")
        }
        if status.st_uid == 0, self.changesUser {
            guard chown(path, self.user.uid, self.user.gid) == 0 else {
                throw .directoryUnusable(path: path, reason: String(cString: strerror(errno)))
            }
        } else if status.st_uid != self.user.uid {
            throw .directoryUnusable(
                path: path, reason: "it belongs to user id \(status.st_uid), not to \(self.user.name)")
        }
        guard chmod(path, 0o700) == 0 else {
            throw .directoryUnusable(path: path, reason: String(cString: strerror(errno)))
        }
    }
}

/// Keeps a second daemon out of a directory, until it is released or the process ends.
struct DirectoryLock: ~Copyable {
    private let descriptor: Int32

    init(_ layout: ClusterLayout) throws(EmbeddedPostgresError) {
        let descriptor = open(layout.lockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .directoryUnusable(path: layout.directory, reason: String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            let holder = Directory.read(layout.lockFile).flatMap { Int32($0.prefix { !$0.isWhitespace }) }
            throw .alreadyInUse(directory: layout.directory, pid: holder ?? 0)
        }
        ftruncate(descriptor, 0)
        let text = Array("\(getpid())\n".utf8)
        write(descriptor, text, text.count)
        self.descriptor = descriptor
    }

    deinit {
        close(self.descriptor)
    }
}
