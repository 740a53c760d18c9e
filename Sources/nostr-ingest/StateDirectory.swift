import Foundation
import Glibc

/// Where the embedded cluster lives when nobody says: systemd's state directory, else the user's, else the system's.
enum StateDirectory {
    static let system = "/var/lib/nostr-ingest"

    /// - Parameter isRoot: root's home is closed to the user that the cluster runs under.
    static func path(_ configured: String, environment: [String: String], isRoot: Bool = geteuid() == 0) -> String {
        if !configured.isEmpty { return configured }
        if let directory = environment["STATE_DIRECTORY"]?.split(separator: ":").first { return String(directory) }
        if isRoot { return self.system }
        if let directory = environment["XDG_STATE_HOME"], directory.hasPrefix("/") {
            return directory + "/nostr-ingest"
        }
        if let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/state/nostr-ingest" }
        return self.system
    }

    /// Where a running postmaster of this directory listens: line 5 of its pid file; nil when none runs.
    static func socketDirectory(of directory: String) -> String? {
        guard let data = FileManager.default.contents(atPath: directory + "/data/postmaster.pid") else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 5, let pid = pid_t(lines[0]), kill(pid, 0) == 0 || errno == EPERM, !lines[4].isEmpty else {
            return nil
        }
        return String(lines[4])
    }
}
