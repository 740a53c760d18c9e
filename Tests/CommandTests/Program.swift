import Foundation

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

    static func run(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Result {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let inherited = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("PG") && !$0.key.hasPrefix("NOSTR_INGEST") && $0.key != "DATABASE_URL"
                && $0.key != "NOTIFY_SOCKET"
        }
        process.environment = inherited.merging(environment) { $1 }
        let output = NSTemporaryDirectory() + "output-\(UUID())"
        let error = NSTemporaryDirectory() + "error-\(UUID())"
        defer {
            try? FileManager.default.removeItem(atPath: output)
            try? FileManager.default.removeItem(atPath: error)
        }
        for path in [output, error] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: error)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: try String(contentsOfFile: output, encoding: .utf8),
            error: try String(contentsOfFile: error, encoding: .utf8))
    }
}
