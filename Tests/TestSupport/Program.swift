import Foundation
import Glibc

/// Runs a program to its end.
package enum Program {
    package struct Result: Sendable {
        package let status: Int32
        package let output: String
        package let error: String
    }

    /// An executable of this package, beside the tests.
    package static func path(_ name: String) -> String {
        var directory = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
            directory = URL(filePath: argument).deletingLastPathComponent()
        }
        return directory.appending(path: name).path
    }

    private static func inherited() -> [String: String] {
        ProcessInfo.processInfo.environment.filter { name, _ in
            !["PG", "NOSTR_INGEST", "CONTROL_PLANE", "DATABASE_URL", "NOTIFY_SOCKET", "WATCHDOG"].contains {
                name.hasPrefix($0)
            }
                || name == "PG_BINDIR"
        }
    }

    package static func run(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Result
    {
        let running = try Running(path, arguments, environment: environment)
        let status = running.wait()
        return Result(status: status, output: running.output, error: running.error)
    }

    /// A program at work; what it writes goes to files, so that it never waits for us.
    package final class Running {
        private let process = Process()
        private let outputPath = NSTemporaryDirectory() + "output-\(UUID())"
        private let errorPath = NSTemporaryDirectory() + "error-\(UUID())"

        package init(_ path: String, _ arguments: [String], environment: [String: String]) throws {
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

        package var output: String { (try? String(contentsOfFile: self.outputPath, encoding: .utf8)) ?? "" }
        package var error: String { (try? String(contentsOfFile: self.errorPath, encoding: .utf8)) ?? "" }

        package func terminate() { self.process.terminate() }
        package func kill() { Glibc.kill(self.process.processIdentifier, SIGKILL) }

        package func wait() -> Int32 {
            self.process.waitUntilExit()
            return self.process.terminationStatus
        }

        /// A value of the first log line with this sentence, which must be JSON.
        package func logged(_ name: String, in sentence: String) -> String? {
            guard let line = self.error.split(separator: "\n").first(where: { $0.contains("\"\(sentence)\"") }),
                let start = line.firstRange(of: "\"\(name)\":\"")
            else { return nil }
            return String(line[start.upperBound...].prefix { $0 != "\"" })
        }
    }
}
