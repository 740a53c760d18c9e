import Foundation
import Glibc
import Nostr
import Serving

/// Runs a program to its end.
enum Program {
    struct Result {
        let status: Int32
        let output: String
        let error: String
    }

    /// The daemon's executable, beside the tests.
    static let daemon: String = {
        var directory = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
            directory = URL(filePath: argument).deletingLastPathComponent()
        }
        return directory.appending(path: "nostr-ingest").path
    }()

    private static func inherited() -> [String: String] {
        ProcessInfo.processInfo.environment.filter { name, _ in
            !["PG", "NOSTR_INGEST", "DATABASE_URL", "NOTIFY_SOCKET", "WATCHDOG"].contains { name.hasPrefix($0) }
                || name == "PG_BINDIR"
        }
    }

    static func run(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Result {
        let running = try Running(path, arguments, environment: environment)
        let status = running.wait()
        return Result(status: status, output: running.output, error: running.error)
    }

    /// A program at work; what it writes goes to files, so that it never waits for us.
    final class Running {
        private let process = Process()
        private let outputPath = NSTemporaryDirectory() + "output-\(UUID())"
        private let errorPath = NSTemporaryDirectory() + "error-\(UUID())"

        init(_ path: String, _ arguments: [String], environment: [String: String]) throws {
            for path in [self.outputPath, self.errorPath] {
                _ = FileManager.default.createFile(atPath: path, contents: nil)
            }
            self.process.executableURL = URL(filePath: path)
            self.process.arguments = arguments
            self.process.environment = Program.inherited().merging(environment) { $1 }
            self.process.standardOutput = FileHandle(forWritingAtPath: self.outputPath)
            self.process.standardError = FileHandle(forWritingAtPath: self.errorPath)
            self.process.standardInput = FileHandle.nullDevice
            try self.process.run()
        }

        deinit {
            if self.process.isRunning { self.kill() }
            try? FileManager.default.removeItem(atPath: self.outputPath)
            try? FileManager.default.removeItem(atPath: self.errorPath)
        }

        var output: String { (try? String(contentsOfFile: self.outputPath, encoding: .utf8)) ?? "" }
        var error: String { (try? String(contentsOfFile: self.errorPath, encoding: .utf8)) ?? "" }

        func terminate() { self.process.terminate() }
        func kill() { Glibc.kill(self.process.processIdentifier, SIGKILL) }

        func wait() -> Int32 {
            self.process.waitUntilExit()
            return self.process.terminationStatus
        }

        /// Where the daemon says that it listens.
        var loggedAddress: ListenAddress? {
            for line in self.error.split(separator: "\n") {
                if let text = JSONValue(parsing: String(line))?["http.address"]?.string { return ListenAddress(text) }
            }
            return nil
        }
    }
}
