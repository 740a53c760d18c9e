import Foundation
import Nostr
import TestSupport
import Testing

@testable import nostr_ingest

struct RebuildCommandTests {
    @Test func `what was lost beside the events is derived again`() async throws {
        try await withFiles { directory in
            var file = EventLines()
            let post = file.event(1_111, tags: [["I", "https://clawstr.com/c/x"], ["K", "web"]], "post")
            let id = try #require(JSONValue(parsing: post)?["id"]?.string)
            file.add(post)
            for number in 0..<5 {
                file.add(file.event(7, by: "voter \(number)", tags: [["e", id]], "+"))
                file.add(file.event(1_111, by: "author \(number)", tags: [["e", id], ["k", "1111"]], "reply"))
            }
            let path = try file.write(to: directory + "/in.jsonl")
            try await CommandDatabase.withSchema { database in
                let counters =
                    "SELECT reply_count || ' ' || up || ' ' || descendant_count FROM nostr_event_stats"
                    + " WHERE event_id = decode('\(id)', 'hex')"
                _ = try database.run(["import", path])
                #expect(try await database.column(counters) == ["5 5 5"])
                _ = try await database.column("DELETE FROM nostr_event_stats")
                _ = try await database.column("DELETE FROM nostr_reactions")
                _ = try await database.column("UPDATE nostr_subclaws SET posts_human = 7")
                let result = try database.run(["rebuild", "--json"])
                #expect(result.status == 0, "\(result.error)")
                let report = try #require(JSONValue(parsing: result.output.trimmingCharacters(in: .newlines)))
                #expect(report["events"]?.integer == 11)
                #expect(report["damaged"]?.integer == 0)
                #expect(try await database.column(counters) == ["5 5 5"])
                #expect(try await database.column("SELECT count(*)::text FROM nostr_reactions") == ["5"])
                #expect(try await database.column("SELECT posts_human::text FROM nostr_subclaws") == ["1"])
            }
        }
    }

    @Test func `a row that is no event any more is counted, and the command says so`() async throws {
        try await withFiles { directory in
            var file = EventLines()
            file.add(file.event(1, "a"))
            file.add(file.event(1, "b"))
            let path = try file.write(to: directory + "/in.jsonl")
            try await CommandDatabase.withSchema { database in
                _ = try database.run(["import", path])
                _ = try await database.column("UPDATE nostr_events SET content = 'forged' WHERE content = 'b'")
                let result = try database.run(["rebuild"])
                #expect(result.status == 1)
                #expect(result.output.hasPrefix("events 2, damaged 1, "), "\(result.output)")
            }
        }
    }
}
