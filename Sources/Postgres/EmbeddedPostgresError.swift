/// Why a private cluster does not run; every description names the way out.
package enum EmbeddedPostgresError: Error, Equatable, Sendable {
    /// No installation has both `initdb` and `postgres`.
    case programsNotFound
    /// The cluster was made by a version that is not installed.
    case versionMismatch(directory: String, cluster: String, installed: [String])
    /// We are root, and PostgreSQL refuses root.
    case noUnprivilegedUser
    /// A directory cannot be created, is not ours, or cannot be reached by the cluster's user.
    case directoryUnusable(path: String, reason: String)
    /// A socket's full path may have 107 bytes.
    case socketPathTooLong(path: String)
    /// Another daemon works with this directory; 0 if it did not say who it is.
    case alreadyInUse(directory: String, pid: Int32)
    /// `initdb` failed; the text is its own.
    case initializationFailed(output: String)
    /// The postmaster ended right away; the text is the end of its log.
    case startFailed(output: String)
    /// The postmaster runs but did not become ready.
    case startTimedOut(seconds: Int64)
}

extension EmbeddedPostgresError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .programsNotFound:
            "PostgreSQL's programs were not found: install the package postgresql, or set PG_BINDIR "
                + "to their directory, or DATABASE_URL to a server"
        case .versionMismatch(let directory, let cluster, let installed):
            "the cluster in \(directory) is of PostgreSQL \(cluster), "
                + "installed is \(installed.joined(separator: ", ")): install postgresql-\(cluster), then dump and restore or run pg_upgrade; nothing was changed"
        case .noUnprivilegedUser:
            "PostgreSQL does not run as root, and there is neither a user nostr-ingest nor postgres: "
                + "run as an unprivileged user or set DATABASE_URL"
        case .directoryUnusable(let path, let reason):
            "the directory \(path) cannot be used: \(reason)"
        case .socketPathTooLong(let path):
            "the socket's path \(path) is longer than 107 bytes: set RUNTIME_DIRECTORY to a shorter directory"
        case .alreadyInUse(let directory, let pid):
            "another process\(pid > 0 ? ", \(pid)," : "") works with \(directory): "
                + "stop it, or use another state directory"
        case .initializationFailed(let output):
            "initdb failed: \(output)"
        case .startFailed(let output):
            "PostgreSQL did not start: \(output)"
        case .startTimedOut(let seconds):
            "PostgreSQL was not ready after \(seconds) s; it may still be recovering: start again, or see its log"
        }
    }
}
