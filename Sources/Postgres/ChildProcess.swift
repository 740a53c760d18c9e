import Glibc

/// Starts other programs: with a cleaned environment, none of our descriptors and default signals.
package enum ChildProcess {
    package struct Command: Equatable, Sendable {
        /// Absolute.
        package var program: String
        package var arguments: [String]
        /// The whole environment of the child.
        package var environment: [String: String]
        /// Nil stays where we are.
        package var workingDirectory: String?

        package init(
            _ program: String, _ arguments: [String], environment: [String: String] = [:],
            workingDirectory: String? = nil
        ) {
            self.program = program
            self.arguments = arguments
            self.environment = environment
            self.workingDirectory = workingDirectory
        }
    }

    package struct Outcome: Sendable {
        /// The exit status, or 128 + signal as shells count.
        package let status: Int32
        /// Standard output and standard error, together.
        package let output: String
    }

    /// Runs a program to its end. Blocks: only on a thread that may.
    ///
    /// - Returns: nil when the program cannot be started.
    package static func run(_ command: Command) -> Outcome? {
        guard let ends = ChildProcess.makePipe() else { return nil }
        defer { close(ends[0]) }
        let pid = Self.spawn(command, output: ends[1])
        close(ends[1])
        guard pid > 0 else { return nil }
        let output = Self.readToEnd(ends[0])
        return Outcome(status: Self.wait(for: pid), output: String(decoding: output, as: UTF8.self))
    }

    /// Starts a program.
    ///
    /// - Returns: its process id, or −errno.
    static func spawn(_ command: Command, output: Int32) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // Nearly all of ours close themselves on exec; what a library forgot must not live on in a server.
        for descriptor in Directory.names(in: "/proc/self/fd").compactMap({ Int32($0) }) where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // A group of its own: Ctrl-C at our terminal is for us, who drain before the database stops.
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        // Swift does not see glibc's addchdir_np.
        let changing = command.workingDirectory.map { ["/usr/bin/env", "--chdir=\($0)"] } ?? []
        let words = changing + [command.program] + command.arguments
        var arguments = words.map { strdup($0) } + [nil]
        var environment = command.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for string in arguments + environment { free(string) } }
        var pid: pid_t = 0
        let failure = posix_spawn(&pid, words[0], &actions, &attributes, &arguments, &environment)
        return failure == 0 ? pid : -failure
    }

    /// Waits for the child's end and reaps it.
    static func wait(for pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }

    /// A pipe that no child inherits: reading end, writing end.
    fileprivate static func makePipe() -> [Int32]? {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return ends
    }

    private static func readToEnd(_ descriptor: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count > 0 {
                bytes.append(contentsOf: piece[..<count])
            } else if count == 0 || errno != EINTR {
                return bytes
            }
        }
    }
}

/// A child with a thread of its own, from the spawn to the end of the child.
///
/// `PR_SET_PDEATHSIG` fires when the *thread* that spawned ends (operations.md §8), so that thread must outlive the
/// child: it waits for it, reaps it and reports through a pipe.
struct WatchedChild: ~Copyable {
    let pid: pid_t
    /// Readable once the child has ended.
    private let reports: Int32

    /// Nil when the program cannot be started.
    init?(_ command: ChildProcess.Command, output: Int32) {
        guard let ends = ChildProcess.makePipe() else { return nil }
        let order = Order(command: command, output: output, reports: ends[1])
        let context = Unmanaged.passRetained(order)
        var thread = pthread_t()
        guard pthread_create(&thread, nil, watchChild, context.toOpaque()) == 0 else {
            context.release()
            for end in ends { close(end) }
            return nil
        }
        pthread_detach(thread)
        let pid = Self.report(from: ends[0])
        guard let pid, pid > 0 else {
            close(ends[0])
            return nil
        }
        self.pid = pid
        self.reports = ends[0]
    }

    deinit {
        close(self.reports)
    }

    /// Whether the child ended before the deadline. Blocks until then.
    func hasEnded(by deadline: ContinuousClock.Instant) -> Bool {
        LibPQHandle.poll(self.reports, POLLIN, until: deadline) == .ready
    }

    /// One number of the watching thread, or nil when it is gone.
    private static func report(from descriptor: Int32) -> Int32? {
        var number: Int32 = 0
        while true {
            let count = read(descriptor, &number, MemoryLayout<Int32>.size)
            if count == MemoryLayout<Int32>.size { return number }
            guard count == -1, errno == EINTR else { return nil }
        }
    }

    /// What the thread needs; it owns the reporting end of the pipe.
    fileprivate final class Order {
        let command: ChildProcess.Command
        let output: Int32
        let reports: Int32

        init(command: ChildProcess.Command, output: Int32, reports: Int32) {
            self.command = command
            self.output = output
            self.reports = reports
        }
    }
}

/// The watching thread: spawn, report the process id, wait, report the status.
private func watchChild(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let order = Unmanaged<WatchedChild.Order>.fromOpaque(context).takeRetainedValue()
    defer { close(order.reports) }
    var number = ChildProcess.spawn(order.command, output: order.output)
    write(order.reports, &number, MemoryLayout<Int32>.size)
    guard number > 0 else { return nil }
    var status = ChildProcess.wait(for: number)
    // Nobody listens any more when the owner has let go; SIGPIPE is ignored.
    write(order.reports, &status, MemoryLayout<Int32>.size)
    return nil
}
