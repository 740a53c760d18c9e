import FoundationEssentials
import Logging
import Postgres
import Synchronization
import Testing

@testable import ControlPlane

/// Requirements of control-plane.md §12 that no other file holds; docs/control-plane.md says where each of them is.
struct SecurityTests {
    /// S7: roles, plans and types are no free strings.
    static let violations: [(constraint: String, sql: String)] = [
        ("users_plan_known", "UPDATE users SET plan = 'gold'"),
        ("users_user_id_length", "INSERT INTO users (user_id) VALUES ('')"),
        ("organizations_plan_form", "UPDATE organizations SET plan = 'Gold plan'"),
        ("organization_members_role_known", "UPDATE organization_members SET role = 'admin'"),
        ("projects_one_owner", "UPDATE projects SET user_id = 'ann' WHERE organization_id IS NOT NULL"),
        ("projects_one_owner", "UPDATE projects SET organization_id = NULL"),
        ("projects_default_tools_without_null", "UPDATE projects SET default_tools = '{NULL}'"),
        ("messages_role_known", "UPDATE messages SET role = 'root'"),
        ("threads_metadata_object", "UPDATE threads SET metadata = '[]'"),
        ("issues_identifier_form", "UPDATE issues SET identifier = 'iss-1'"),
        ("issues_label_ids_bounded", "UPDATE issues SET label_ids = array_fill('x'::text, ARRAY[101])"),
        ("agents_agent_type_known", "INSERT INTO agents (slug, name, agent_type) VALUES ('a', 'A', 'autopilot')"),
        ("agents_slug_form", "INSERT INTO agents (slug, name) VALUES ('A b', 'A')"),
        ("agents_one_default", "INSERT INTO agents (slug, name, is_default) VALUES ('a', 'A', true), ('b', 'B', true)"),
        ("knowledge_has_scope", "UPDATE knowledge SET user_id = NULL, organization_id = NULL, project_id = NULL"),
        ("api_tokens_token_hash_length", "INSERT INTO api_tokens (user_id, name, token_hash) VALUES ('ann', 't', 'x')"),
        ("organizations_owner_id_fkey", "UPDATE organizations SET owner_id = 'nobody'"),
        ("organization_members_user_id_fkey", "DELETE FROM users"),
    ]

    @Test func `a row that breaks an invariant is refused by name`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            try await OrganizationsTests.fill(control, control.organization(owner: ann), by: ann)
            for (constraint, sql) in Self.violations {
                let error = await #expect(throws: PostgresError.self, "\(sql)") { try await control.script(sql) }
                guard case .server(let report) = error else { continue }
                // Users are referred to from everywhere; which key says so first is the server's choice.
                if sql != "DELETE FROM users" { #expect(report.constraint == constraint, "\(sql)") }
                #expect(report.sqlState.hasPrefix("23"))
            }
        }
    }

    /// S16: everything has a limit.
    @Test func `texts, lists and documents are bounded before they reach the server`() async throws {
        let long = String(repeating: "x", count: InputLimits.textBytesMax + 1)
        #expect(throws: ControlPlaneError.self) { try Input.text(long, "content") }
        #expect(throws: ControlPlaneError.self) { try Input.text("a\0b", "content") }
        #expect(throws: ControlPlaneError.self) { try Input.words(["a\0b"], "tags") }
        #expect(throws: ControlPlaneError.self) { try Input.words(Array(repeating: "x", count: 101), "tags") }
        #expect(throws: ControlPlaneError.self) { try Input.words([String(repeating: "x", count: 256)], "tags") }
        #expect(throws: ControlPlaneError.self) {
            try JSONDocument([UInt8](repeating: 0x20, count: InputLimits.jsonBytesMax + 1))
        }
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let nested = String(repeating: "[", count: 20_000) + String(repeating: "]", count: 20_000)
            var draft = ThreadDraft()
            draft.metadata = try JSONDocument(Array(#"{"a":\#(nested)}"#.utf8))
            let deep = draft
            #expect(await refusal { _ = try await control.operations.createThread(ann, deep) } == .badRequest)
            #expect(
                await refusal {
                    _ = try await control.authenticator.caller(bearer: String(repeating: "a.b.c", count: 2000))
                }
                    == .unauthorized)
        }
    }

    /// Keeps everything that is logged.
    private final class Log: LogHandler, Sendable {
        private let lines = Mutex<[String]>([])
        var text: String { self.lines.withLock { $0.joined(separator: "\n") } }

        func log(event: LogEvent) {
            let metadata = event.metadata ?? [:]
            self.lines.withLock { $0.append("\(event.message) \(metadata)") }
        }

        var logLevel: Logger.Level {
            get { .trace }
            set {}
        }
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }
    }

    /// S18: ids only.
    @Test func `a log holds no secret, no message and no credential, whatever fails`() async throws {
        try await ControlFixture.with(cipher: AccessActions.cipher) { control in
            let log = Log()
            let logger = Logger(label: "test") { _ in log }
            let pool = ConnectionPool(configuration: control.configuration, logger: logger)
            let database = ControlDatabase(pool: pool, logger: logger)
            let operations = ControlOperations(database: database, cipher: AccessActions.cipher)
            let authenticator = Authenticator(database: database, verifyJWT: ControlFixture.verifyJWT, logger: logger)
            let ann = try await authenticator.caller(bearer: "jwt.ann.signed")
            let secret = try await operations.createToken(ann, name: "t").secret.revealed
            try await operations.setGitHubTokens(ann, GitHubTokens(access: "gho_topsecret"))
            let thread = try await operations.createThread(ann, ThreadDraft()).id
            try await control.script("ALTER TABLE messages ADD CONSTRAINT x CHECK (content <> 'private words')")
            let words = MessageDraft(role: .user, content: "private words")
            #expect(await refusal { _ = try await operations.createMessage(ann, in: thread, words) } == .badRequest)
            // A failure that is run again, and one that is noted.
            await #expect(throws: PostgresError.self) {
                try await database.write { session in
                    try session.executeScript("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")
                }
            }
            let caller = try await authenticator.caller(bearer: secret)
            await pool.close()
            await authenticator.noteUse(by: caller)
            #expect(log.text.contains("run again") && log.text.contains("was not noted"))
            for word in [String(secret.dropFirst(3)), "topsecret", "private words", "jwt.ann", "Failing row"] {
                #expect(!log.text.contains(word), "\(word)")
            }
        }
    }
}
