import Foundation
import Nostr
import TestSupport
import Testing

@testable import nostr_ingest

/// Events that real people signed, through the commands of an operator. What became of them is printed.
@Suite(.enabled(if: SharedFiles.areHere, "There is no shared/data/events: set NOSTR_SHARED"), .serialized)
struct RealFileTests {
    /// What the command printed, which is printed here as well.
    private static func report(_ name: String, _ result: Program.Result) throws -> JSONValue {
        print("\(name):", result.output)
        return try #require(JSONValue(parsing: result.output.trimmingCharacters(in: .newlines)), "\(result.error)")
    }

    @Test func `twelve thousand real events are imported, exported, and imported again as they were signed`()
        async throws
    {
        try await withFiles { directory in
            let (first, second) = (directory + "/1.jsonl.zst", directory + "/2.jsonl.zst")
            var stored: Int64?
            try await CommandDatabase.withSchema { database in
                let path = SharedFiles.events("dev.jsonl")
                let report = try Self.report("dev.jsonl", try database.run(["import", path, "--json"]))
                #expect(report["received"]?.integer == 12_560)
                #expect(report["unaccounted"]?.integer == 0)
                // Zap requests are a part of receipts and never stored, nor is what is ephemeral; nothing else is refused but what
                // has expired.
                #expect(report["rejected"]?["policy"]?.integer == 617)
                guard case .object(let reasons)? = report["rejected"] else {
                    Issue.record("no reasons")
                    return
                }
                #expect(Set(reasons.map(\.name)).isSubset(of: ["policy", "ephemeral", "expired"]))
                stored = try await Int64(database.column("SELECT count(*)::text FROM nostr_events")[0])

                let again = try Self.report("dev.jsonl again", try database.run(["import", path, "--json"]))
                #expect(again["written"]?.integer == 0)
                #expect(try database.run(["export", first]).status == 0)
            }
            try await CommandDatabase.withSchema { database in
                let report = try Self.report("its export", try database.run(["import", first, "--json"]))
                // What a later event replaced or deleted had left before the export.
                #expect(report["received"] == report["written"])
                #expect(report["written"]?.integer == stored)
                #expect(try database.run(["export", second]).status == 0)
            }
            let exports = try [first, second].map { try Data(contentsOf: URL(filePath: $0)) }
            #expect(exports[0] == exports[1])
        }
    }

    @Test func `the same events in other spellings are the same events`() async throws {
        try await CommandDatabase.withSchema { database in
            _ = try database.run(["import", SharedFiles.events("dev.jsonl")])
            let path = SharedFiles.events("dev-raw-wire.jsonl")
            let report = try Self.report(
                "dev-raw-wire.jsonl after dev.jsonl", try database.run(["import", path, "--json"]))
            #expect(report["received"]?.integer == 824)
            #expect(report["written"]?.integer == 0)
        }
    }

    @Test func `found events that fail a check fail it here`() async throws {
        let path = SharedFiles.events("dev-invalid.jsonl")
        let report = try Self.report(
            "dev-invalid.jsonl", try Program.run(Program.path("nostr-ingest"), ["import", path, "--dry-run", "--json"]))
        #expect(report["received"]?.integer == 313)
        // Relays write `"tags":null`; read as `[]`, ids and signatures of these forty hold.
        #expect(report["valid"]?.integer == 40)
    }
}
