import Foundation
import Glibc
import Postgres
import Synchronization
import TestSupport

/// A program that a test starts, with its output in files; it is killed when the test lets go of it, and when the tests end.
///
/// Its standard input is a pipe that nothing is written to: a program that watches it knows when the tests are gone.
final class SpawnedProgram {
    /// The program cannot be started, or did not do what it should; `output` is what it said.
    struct Failed: Error, CustomStringConvertible {
        let program: String
        let reason: String
        let output: String

        var description: String { "\(self.program): \(self.reason)\n\(self.output)" }
    }

    let name: String
    let pid: pid_t
    private let input: Int32
    private let directory: String
    private var status: Int32?

    /// - Parameter directory: where its output goes; created if it is missing.
    init(
        _ program: String, _ arguments: [String], environment: [String: String] = TestDirectory.environment,
        directory: String
    ) throws {
        self.name = program
        self.directory = directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, file) in [(Int32(1), "output"), (2, "errors")] {
            posix_spawn_file_actions_addopen(
                &actions, descriptor, "\(directory)/\(file)", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for string in words + variables { free(string) } }
        let child = SpawnedPrograms.shared.spawn(program, &actions, &words, &variables)
        guard let child else { throw Failed(program: program, reason: String(cString: strerror(errno)), output: "") }
        (self.pid, self.input) = child
    }

    deinit {
        close(self.input)
        if self.status == nil {
            SpawnedPrograms.shared.kill(self.pid)
        }
    }

    /// The exit status, or 128 + signal; nil while it runs.
    var exitStatus: Int32? {
        if let status = self.status { return status }
        self.status = SpawnedPrograms.shared.reap(self.pid)
        return self.status
    }

    /// What it wrote to standard output.
    var output: String { (try? String(contentsOfFile: self.directory + "/output", encoding: .utf8)) ?? "" }
    /// The end of what it wrote to standard error.
    var errors: String {
        let text = (try? String(contentsOfFile: self.directory + "/errors", encoding: .utf8)) ?? ""
        return String(text.suffix(4_000))
    }

    /// Waits for its end.
    func end(within limit: Duration) async throws -> Int32 {
        try await self.wait(for: "its end", within: limit) { self.exitStatus }
    }

    /// Waits for a line that begins with `word`, and returns the words after it.
    func line(_ word: String, within limit: Duration) async throws -> [String] {
        try await self.wait(for: word, within: limit) {
            for line in self.output.split(separator: "\n") {
                let words = line.split(separator: " ").map(String.init)
                if words.first == word { return Array(words.dropFirst()) }
            }
            if let status = self.exitStatus {
                throw Failed(program: self.name, reason: "ended with \(status)", output: self.errors)
            }
            return nil
        }
    }

    func kill(_ signal: Int32) {
        guard self.exitStatus == nil else { return }
        Glibc.kill(self.pid, signal)
    }

    private func wait<Value>(
        for what: String, within limit: Duration, _ look: () throws -> Value?
    ) async throws -> Value {
        let deadline = ContinuousClock.now + limit
        while true {
            if let value = try look() { return value }
            guard ContinuousClock.now < deadline else {
                throw Failed(
                    program: self.name, reason: "waited in vain for \(what)", output: self.output + self.errors)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}

/// The programs that run now: none of them outlives the tests.
private final class SpawnedPrograms: Sendable {
    static let shared = SpawnedPrograms()

    private let running = Mutex<Set<pid_t>>([])

    private init() {
        atexit { SpawnedPrograms.shared.killAll() }
    }

    /// Starts a program with a pipe for its standard input; nil, with `errno`, when it cannot be started.
    func spawn(
        _ program: String, _ actions: inout posix_spawn_file_actions_t, _ words: inout [UnsafeMutablePointer<CChar>?],
        _ variables: inout [UnsafeMutablePointer<CChar>?]
    ) -> (pid: pid_t, input: Int32)? {
        // One at a time: no other child may inherit our end of the pipe, or its closing would not be noticed.
        self.running.withLock { running in
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { return nil }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            defer { close(ends[0]) }
            posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
            // A listening socket of ours that lives on in a child would keep its port.
            for descriptor in Directory.names(in: "/proc/self/fd").compactMap({ Int32($0) }) where descriptor > 2 {
                posix_spawn_file_actions_addclose(&actions, descriptor)
            }
            var pid: pid_t = 0
            let failure = posix_spawn(&pid, program, &actions, nil, &words, &variables)
            guard failure == 0 else {
                close(ends[1])
                errno = failure
                return nil
            }
            running.insert(pid)
            return (pid, ends[1])
        }
    }

    /// Nil while it runs. The number of a reaped process may be another's at once, so it is forgotten here.
    func reap(_ pid: pid_t) -> Int32? {
        self.running.withLock { running in
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            running.remove(pid)
            let signal = status & 0x7F
            return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
        }
    }

    func kill(_ pid: pid_t) {
        self.running.withLock { running in
            guard running.remove(pid) != nil else { return }
            Glibc.kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
    }

    private func killAll() {
        for pid in self.running.withLock({ $0 }) { self.kill(pid) }
    }
}
