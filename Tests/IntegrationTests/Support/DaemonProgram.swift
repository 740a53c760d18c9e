import Foundation
import Nostr
import TestSupport
import Testing

/// The executable itself, as an operator would run it.
enum DaemonProgram {
    /// Beside the tests, where the build puts both; or what `NOSTR_INGEST_PROGRAM` names.
    static let path: String = {
        if let path = ProcessInfo.processInfo.environment["NOSTR_INGEST_PROGRAM"], !path.isEmpty { return path }
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(filePath: tests).deletingLastPathComponent().appending(path: "nostr-ingest").path()
    }()

    static let isBuilt = FileManager.default.isExecutableFile(atPath: Self.path)
    static let absence: Comment = "nostr-ingest is not beside the tests: swift build"

    /// Starts it with a configuration file of this text; `flags` are those of `run`.
    static func start(
        configuration: String, primaries: [String], fallbacks: [String] = [], database: String, flags: [String] = []
    ) throws -> SpawnedProgram {
        let directory = TestDirectory.make("daemon")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let file = directory + "/nostr-ingest.yaml"
        try configuration.write(toFile: file, atomically: false, encoding: .utf8)
        // The test's configuration and nothing else.
        var environment = TestDirectory.environment.filter { !$0.key.hasPrefix("NOSTR_INGEST_") }
        environment["DATABASE_URL"] = database
        var arguments = ["run", "--config", file, "--allow-private", "--health-listen", "off", "--primary"] + primaries
        if !fallbacks.isEmpty { arguments += ["--fallback"] + fallbacks }
        arguments += flags
        return try SpawnedProgram(Self.path, arguments, environment: environment, directory: directory)
    }
}
