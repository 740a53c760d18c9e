import Foundation
import TestSupport
import Testing

@testable import nostr_ingest

/// The executable, from the outside.
struct ExecutableTests {
    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "nostr-ingest-\(UUID()).yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test(
        arguments: [
            (["--nonsense"], 64), (["run", "--nonsense"], 64), (["nonsense"], 64), (["backfill"], 64),
            (["backfill", "--since", "yesterday"], 64), (["backfill", "--since", "1d", "--until", "2d"], 64),
            (["check-config", "--config", "/nonexistent"], 78), (["run", "--config", "/nonexistent"], 78),
            (["health", "--url", "127.0.0.1:1"], 2), (["health", "--url", "nonsense"], 64),
            (["run", "--health-listen", "nonsense"], 78), (["version"], 0), (["--help"], 0), (["--version"], 0),
        ] as [([String], Int32)])
    func `exit statuses`(arguments: [String], status: Int32) throws {
        let result = try Program.run(Program.path("nostr-ingest"), arguments)
        #expect(result.status == status, "\(result.error)")
    }

    @Test func `the shipped configuration is valid`() throws {
        let result = try Program.run(
            Program.path("nostr-ingest"), ["check-config", "--config", ConfigurationLoaderTests.shipped])
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.isEmpty)
    }

    @Test func `all mistakes are printed, on standard error, and the status is 78`() throws {
        try self.withFile("limits:\n  tagsMax: 0\n  queueEventMax: 1\nrelays:\n  primary: [http://a.example]\n") {
            path in
            let result = try Program.run(Program.path("nostr-ingest"), ["run", "--config", path])
            #expect(result.status == 78)
            #expect(result.output.isEmpty)
            for line in [":2: limits.tagsMax", ":3: limits.queueEventMax", ":5: relays.primary"] {
                #expect(result.error.contains(path + line), "\(line): \(result.error)")
            }
        }
    }

    @Test func `effective values are shown with their source and without secrets`() throws {
        let result = try Program.run(
            Program.path("nostr-ingest"), ["check-config", "--show", "--log-level", "debug"],
            environment: [
                "DATABASE_URL": "postgresql://u:canary-91@db.example/x?password=canary-92",
                "NOSTR_INGEST_FOLLOW_LOOKBACK": "3d",
            ])
        #expect(result.status == 0, "\(result.error)")
        #expect(result.output.contains("database.url: postgresql://db.example/x  # DATABASE_URL\n"))
        #expect(result.output.contains("follow.lookback: 3d  # NOSTR_INGEST_FOLLOW_LOOKBACK\n"))
        #expect(result.output.contains("log.level: debug  # --log-level\n"))
        #expect(result.output.contains("health.grace: 1m  # default\n"))
        #expect(!(result.output + result.error).contains("canary"))
    }

    @Test func `a server that nobody runs is 69`() throws {
        for arguments in [["run"], ["status"], ["migrate"], ["backfill", "--since", "1h"]] {
            let result = try Program.run(
                Program.path("nostr-ingest"), arguments + ["--health-listen", "off"],
                environment: ["DATABASE_URL": "host=/nonexistent dbname=x"])
            #expect(result.status == 69, "\(arguments) \(result.error)")
        }
    }
}
