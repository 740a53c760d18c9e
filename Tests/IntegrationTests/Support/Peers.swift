import Foundation
import TestSupport
import Testing

/// Relays and clients that nobody here wrote, in Python: the scripts of `Tests/Peers`.
enum Peers {
    static let areReady = PeersEnvironment.isReady
    static let absence = Comment(rawValue: PeersEnvironment.absence)

    /// Starts a script.
    static func start(_ script: String, _ arguments: [String]) throws -> SpawnedProgram {
        var environment = TestDirectory.environment
        environment["PYTHONUNBUFFERED"] = "1"
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        return try SpawnedProgram(
            PeersEnvironment.path + "/bin/python", [PeersEnvironment.folder.appending(path: script).path()] + arguments,
            environment: environment, directory: TestDirectory.make(script))
    }

    /// Starts a relay and returns it with its address once it listens.
    static func relay(_ script: String, _ arguments: [String]) async throws -> (SpawnedProgram, url: String) {
        let program = try Self.start(script, arguments)
        // Loading is the slow part: a commit for each event.
        let words = try await program.line("listening", within: .seconds(300))
        return (program, try #require(words.first))
    }

    /// Publishes the lines of a file, and returns how many the relay accepted.
    static func publish(_ lines: [[UInt8]], to url: String) async throws -> Int {
        let program = try await Self.run("publish.py", [url, EventFiles.write(lines, "publish.jsonl")])
        let words = try await program.line("accepted", within: .zero)
        return try #require(words.first.flatMap { Int($0) })
    }

    /// Runs a script to its end.
    @discardableResult
    static func run(_ script: String, _ arguments: [String]) async throws -> SpawnedProgram {
        let program = try Self.start(script, arguments)
        let status = try await program.end(within: .seconds(300))
        guard status == 0 else {
            throw SpawnedProgram.Failed(program: script, reason: "ended with \(status)", output: program.errors)
        }
        return program
    }
}
