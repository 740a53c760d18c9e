import Glibc

/// Speaks systemd's notify protocol: one datagram of `KEY=VALUE` lines to `$NOTIFY_SOCKET`.
package struct SystemdNotifier: Sendable {
    private let path: [UInt8]

    /// Nil when the process does not run under systemd, or the address is not one that we can reach.
    package init?(environment: [String: String]) {
        guard let path = environment["NOTIFY_SOCKET"].map({ Array($0.utf8) }), let first = path.first,
            first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            path.count <= (first == UInt8(ascii: "/") ? 107 : 108)
        else { return nil }
        self.path = path
    }

    /// Best effort: whether the datagram was handed over. Never fatal.
    @discardableResult
    package func send(_ state: String) -> Bool {
        let abstract = self.path[0] == UInt8(ascii: "@")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            bytes.copyBytes(from: self.path)
            if abstract { bytes[0] = 0 }
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + self.path.count + (abstract ? 0 : 1))
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return false }
        defer { close(socket) }
        let payload = Array(state.utf8)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                sendto(socket, payload, payload.count, Int32(MSG_NOSIGNAL), address, length)
            }
        }
        return sent == payload.count
    }

    /// Between two keep-alives: half of what systemd waits. Nil when it does not wait, or not for this process.
    package static func watchdogInterval(environment: [String: String], pid: Int32) -> Duration? {
        guard let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text), microseconds > 0 else {
            return nil
        }
        if let owner = environment["WATCHDOG_PID"], owner != String(pid) { return nil }
        return .microseconds(microseconds / 2)
    }
}
