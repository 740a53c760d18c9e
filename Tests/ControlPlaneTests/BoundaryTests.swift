import ControlPlane
import Foundation
import Postgres
import Testing

/// What the control plane is not (control-plane.md §1, §15).
struct BoundaryTests {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/ControlPlane")

    /// The text of every source and every migration, without comments, in lower case.
    private static func code() throws -> String {
        var text = ""
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.sources.path()).sorted()
        where name.hasSuffix(".swift") {
            text += try String(contentsOf: Self.sources.appending(path: name), encoding: .utf8)
        }
        for migration in ControlSchema.migrations + ControlSchema.vectorMigrations { text += migration.sql }
        return text.split(separator: "\n").filter { line in
            let line = line.trimmingCharacters(in: .whitespaces)
            return !line.hasPrefix("//") && !line.hasPrefix("--") && !line.hasPrefix("COMMENT ON")
        }
        .joined(separator: "\n").lowercased()
    }

    @Test func `there is no table to post with, no mirror of sign-in, no run of an agent`() async throws {
        try await ControlFixture.with { control in
            let tables = try await control.column(
                "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'm')"
            )
            let allowed: Set<String> = [
                "users", "api_tokens", "organizations", "organization_members", "projects", "repos", "project_repos",
                "threads",
                "messages", "message_embeddings", "issues", "issue_threads", "agents", "knowledge", "numbers",
                "idempotency_keys", "schema_migrations",
            ]
            #expect(Set(tables) == allowed)
        }
    }

    @Test(
        arguments: [
            "posts", "comments", "posting_identities", "identity_tokens", "sessions", "accounts", "verifications",
            "passwords",
            "agent_runs", "agentruns", "agentrunevents", "agentruncommands", "autopilot_runs", "autopilotruns",
            "autopilotreceipts", "autopilotrunevents", "autopilotsteps", "autopilottoolcalls", "autopilottoolresults",
            "autopilotworkingmemory", "autopilotepisodicmemory", "autopilotproceduralmemory", "autopilot_steps",
            "autopilot_receipts", "autopilot_memory", "nostr_", "pubkey", "event_id", "bech32", "nsec",
        ])
    func `a word of what is none of this plane occurs in no statement`(word: String) throws {
        let pattern = try Regex("\\b\(word)" + (word.hasSuffix("_") ? "" : "\\b"))
        #expect(try !Self.code().contains(pattern))
    }

    @Test func `no column holds Nostr content, and one statement alone writes messages`() async throws {
        try await ControlFixture.with { control in
            let columns = try await control.column(
                """
                SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0
                  AND a.attname ~* '(nostr|pubkey|npub|note|event|relay|kind|signature|session|password)'
                """)
            #expect(columns == [])
            let writers = try await control.column(
                """
                SELECT proname::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
                  AND prosrc ~* '(insert|update|delete)[^;]*(messages|threads)'
                UNION ALL
                SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal
                """)
            #expect(writers == [])
            let keys = try await control.column(
                """
                SELECT conname::text FROM pg_constraint
                WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND confrelid::regclass::text LIKE 'nostr%'
                """)
            #expect(keys == [])
        }
        let inserts = try Self.code().matches(of: /insert into messages\b/)
        #expect(inserts.count == 1)
    }

    @Test func `only the authenticator makes a caller, and no operation takes a user id in its place`() throws {
        var makers: [String] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.sources.path()).sorted()
        where name.hasSuffix(".swift") {
            let text = try String(contentsOf: Self.sources.appending(path: name), encoding: .utf8)
            if text.contains(/\bCaller\(userID:/) { makers.append(name) }
            guard text.contains("extension ControlOperations") else { continue }
            for match in text.matches(of: /package func (\w+)\(\s*([^)]*)/) {
                #expect(match.2.hasPrefix("_ caller: Caller"), "\(name): \(match.1)")
            }
        }
        #expect(makers == ["Caller.swift"])
    }
}
