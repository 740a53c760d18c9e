import Foundation
import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import Serving
import TestSupport
import Testing

@testable import nostr_ingest

struct QuarantineCommandTests {
    /// One event of each reason that keeps the bytes.
    private func withEntries(_ body: (CommandDatabase.Access) async throws -> Void) async throws {
        try await withFiles { directory in
            var file = EventLines()
            file.add(file.event(1, at: EventLines.now + 86_400, "future"))
            file.add(file.event(1, "nul \0"))
            let path = try file.write(to: directory + "/in.jsonl")
            try await CommandDatabase.withSchema { database in
                let result = try database.run(["import", path])
                try #require(result.status == 0, "\(result.error)")
                try await body(database)
            }
        }
    }

    private func reasons(_ database: CommandDatabase.Access) async throws -> [String] {
        try await database.column("SELECT reason || ' ' || attempts FROM nostr_quarantine ORDER BY quarantine_id")
    }

    @Test func `entries are listed with what is known of them`() async throws {
        try await self.withEntries { database in
            let result = try database.run(["quarantine", "list", "--json"])
            let list = try #require(JSONValue(parsing: result.output.trimmingCharacters(in: .newlines))?.array)
            #expect(list.map { $0["reason"]?.string } == ["future", "nul_in_text"])
            #expect(list[0]["retryAt"]?.string == Timestamp(EventLines.now + 86_400 - 900).rfc3339)
            #expect(list[1]["retryAt"] == .null)
            let one = try database.run(["quarantine", "list", "--reason", "future"])
            #expect(one.output.split(separator: "\n").count == 2, "\(one.output)")
        }
    }

    @Test func `an attempt in vain is counted and ends with 1`() async throws {
        try await self.withEntries { database in
            let result = try database.run(["quarantine", "retry", "--all"])
            #expect(result.status == 1)
            #expect(
                result.output
                    == "written 0, duplicate 0, replaced 0, deleted 0, kept future 1, kept nul_in_text 1\n")
            #expect(try await self.reasons(database) == ["future 1", "nul_in_text 1"])
        }
    }

    @Test func `an entry whose reason is gone becomes a row`() async throws {
        try await self.withEntries { database in
            let result = try Program.run(
                Program.path("nostr-ingest"), ["quarantine", "retry", "--reason", "future", "--json"],
                environment: ["DATABASE_URL": database.url, "NOSTR_INGEST_LIMITS_FUTURE_MAX": "30d"])
            #expect(result.status == 0, "\(result.error)")
            #expect(result.output.hasPrefix("{\"written\":1,"))
            #expect(try await self.reasons(database) == ["nul_in_text 0"])
            #expect(try await database.column("SELECT content FROM nostr_events") == ["future"])
        }
    }

    @Test func `entries are dropped when it was said which, and that it is meant`() async throws {
        try await self.withEntries { database in
            for arguments in [["drop", "--yes"], ["retry"], ["drop", "--all", "--reason", "future", "--yes"]] {
                #expect(try database.run(["quarantine"] + arguments).status == 64)
            }
            // Nobody is there to be asked.
            let unasked = try database.run(["quarantine", "drop", "--all"])
            #expect(unasked.status == 64)
            #expect(unasked.error.contains("say --yes"))
            #expect(try await self.reasons(database).count == 2)
            #expect(try database.run(["quarantine", "drop", "--reason", "future", "--yes"]).output == "dropped 1\n")
            #expect(try await self.reasons(database) == ["nul_in_text 0"])
        }
    }

    // MARK: What the daemon does by itself

    /// One pass of the maintenance at a time so many seconds ahead of ours.
    private func pass(_ database: CommandDatabase.Access, ahead seconds: Int64 = 0) async throws -> ServiceStatus {
        let status = ServiceStatus()
        let time = IngestTime(
            instant: { .now }, microseconds: { (EventLines.now + seconds) * 1_000_000 }, sleep: { _ in })
        try await MaintenanceLoop(
            database: PostgresConfiguration(connectionString: database.url), rules: CacheRules(), limits: EventLimits(),
            status: status, time: time, logger: .silent
        ).pass()
        return status
    }

    @Test func `what was too early is stored when its time has come, and what is refused for another reason stays`()
        async throws
    {
        try await self.withEntries { database in
            var maintenance = try await self.pass(database).snapshot.maintenance
            #expect(maintenance.requeued == 0)
            #expect(maintenance.quarantined == 2)
            _ = try await database.column("UPDATE nostr_quarantine SET retry_at = now()")
            maintenance = try await self.pass(database, ahead: 86_400).snapshot.maintenance
            #expect(maintenance.requeued == 1)
            #expect(maintenance.quarantined == 1)
            #expect(try await database.column("SELECT content FROM nostr_events") == ["future"])
            // It is not tried for ever.
            #expect(try await self.reasons(database) == ["nul_in_text 1"])
            #expect(try await database.column("SELECT (retry_at IS NULL)::text FROM nostr_quarantine") == ["true"])
        }
    }

    @Test func `rows leave when they have expired, all of them`() async throws {
        try await withFiles { directory in
            var file = EventLines()
            for number in 0..<30 {
                let expiration = "\(EventLines.now + 600 + Int64(number))"
                file.add(file.event(1, tags: [["expiration", expiration]], "\(number)"))
            }
            file.add(file.event(1, "for ever"))
            let path = try file.write(to: directory + "/in.jsonl")
            try await CommandDatabase.withSchema { database in
                let imported = try database.run(["import", path])
                #expect(imported.status == 0, "\(imported.error)")
                #expect(try await self.pass(database).snapshot.maintenance.expired == 0)
                #expect(try await self.pass(database, ahead: 609).snapshot.maintenance.expired == 10)
                #expect(try await self.pass(database, ahead: 3_600).snapshot.maintenance.expired == 20)
                #expect(try await database.column("SELECT content FROM nostr_events") == ["for ever"])
            }
        }
    }
}
