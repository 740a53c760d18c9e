import Glibc

/// A running postmaster: our child, or one that we adopted.
struct Postmaster: ~Copyable {
    let pid: pid_t
    let socketDirectory: String
    private let child: WatchedChild?

    init(child: consuming WatchedChild, socketDirectory: String) {
        self.pid = child.pid
        self.child = consume child
        self.socketDirectory = socketDirectory
    }

    init(adopting pid: pid_t, socketDirectory: String) {
        self.pid = pid
        self.child = nil
        self.socketDirectory = socketDirectory
    }

    /// Whether it ended before the deadline. Blocks until then.
    func hasEnded(by deadline: ContinuousClock.Instant) -> Bool {
        if let ended = self.child?.hasEnded(by: deadline) { return ended }
        // A stranger's end can only be looked for.
        while Self.isAlive(self.pid) {
            guard ContinuousClock.now < deadline else { return false }
            usleep(20_000)
        }
        return true
    }

    /// Fast shutdown; immediate, then hard, if it takes too long. Blocks.
    func stop(within limit: Duration) {
        // The number of a dead process may be another's by now.
        guard !self.hasEnded(by: .now) else { return }
        for (signal, limit) in [(SIGINT, limit), (SIGQUIT, .seconds(10)), (SIGKILL, .seconds(5))] {
            kill(self.pid, signal)
            if self.hasEnded(by: ContinuousClock.now + limit) { return }
        }
    }

    static func isAlive(_ pid: pid_t) -> Bool {
        kill(pid, 0) == 0 || errno == EPERM
    }

    /// Whether the process serves this data directory: a postmaster works in it.
    static func isServing(_ pid: pid_t, data: String) -> Bool {
        Self.isAlive(pid) && Directory.target(ofLink: "/proc/\(pid)/cwd") == data
            && Directory.read("/proc/\(pid)/comm")?.hasPrefix("postgres") == true
    }

    /// Whether any process, such as a backend without its postmaster, is at work in the data directory.
    static func anyoneServes(_ data: String) -> Bool {
        Directory.names(in: "/proc").contains { name in
            pid_t(name).map { Self.isServing($0, data: data) } ?? false
        }
    }
}
