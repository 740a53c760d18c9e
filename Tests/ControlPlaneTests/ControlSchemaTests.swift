import ControlPlane
import Foundation
import Postgres
import TestSupport
import Testing

struct ControlSchemaTests {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/ControlPlane")

    @Test(
        arguments: [("SQL", ControlSchema.migrations), ("VectorSQL", ControlSchema.vectorMigrations)]
            as [(String, [Migration])])
    func `the list of migrations equals the folder`(link: String, list: [Migration]) throws {
        let folder = Self.sources.appending(path: link).resolvingSymlinksInPath()
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
        #expect(files == list.map(\.name))
        for migration in list {
            let data = try Data(contentsOf: folder.appending(path: migration.name))
            #expect(migration.sql == String(decoding: data, as: UTF8.self))
        }
        #expect(list.map(\.version) == Array(1...Int32(files.count)))
    }

    /// Fails unless the migration of that version is there.
    static let verify: [Int32: String] = [
        1: "SELECT user_id, credits, plan, github_access_token, stripe_customer_id FROM users",
        2: "SELECT id, user_id, token_hash, name, last_used_at, created_at, expires_at, revoked_at FROM api_tokens",
        3: "SELECT o.owner_id, m.role, m.joined_at FROM organizations o, organization_members m",
        4: "SELECT default_tools, autopilot_spec, autopilot_plan, autopilot_plan_updated_at, is_archived FROM projects",
        5: "SELECT r.provider, r.owner, r.default_branch, l.project_id FROM repos r, project_repos l",
        6: "SELECT chat_id, agent_slug, metadata, is_shared FROM threads",
        7: "SELECT external_id, parts_json, annotations_json, cost_usd, embedding_id FROM messages",
        8: "SELECT content_embedding, tool_embedding, control_embedding_valid('{1}') FROM message_embeddings",
        9: "SELECT i.identifier, i.label_ids, i.rank, l.thread_id FROM issues i, issue_threads l",
        10: "SELECT slug, sort_order, is_default, requires_github, agent_type FROM agents",
        11: "SELECT embedding, embedding_model, tags, source, project_id FROM knowledge",
        12: "SELECT name, value FROM numbers",
        13: "SELECT user_id, key, operation, request_hash, resource_id FROM idempotency_keys",
    ]

    @Test func `every migration adds what its verification looks for`() async throws {
        try await TestDatabase.withConnection { connection in
            for version in ControlSchema.migrations.map(\.version) {
                let sql = try #require(Self.verify[version])
                await #expect(throws: PostgresError.self) { try await connection.run { try $0.executeScript(sql) } }
                _ = try await ControlFixture.migrator.up(on: connection, to: version)
                try await connection.run { try $0.executeScript(sql) }
            }
        }
    }

    @Test func `a file of the line control needs nothing of control-vector and no extension`() {
        for migration in ControlSchema.migrations {
            #expect(migration.requirement == nil)
            #expect(!migration.sql.contains("vector("), "\(migration.name)")
            #expect(!migration.sql.contains("CREATE EXTENSION"))
        }
        #expect(ControlSchema.vectorMigrations.allSatisfy { $0.requirement?.name == "vector" })
        #expect(ControlSchema.vectorMigrations.allSatisfy { !$0.sql.contains("CREATE EXTENSION") })
    }
}

/// What the migrated database holds, against the tables of docs/control-plane.md.
struct ControlCatalogueTests {
    /// The cells of the table below a heading.
    private static func table(below heading: String) throws -> [[String]] {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/control-plane.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let part = try #require(text.components(separatedBy: "## \(heading)\n").last)
        return part.components(separatedBy: "\n## ")[0].split(separator: "\n").filter { $0.hasPrefix("| ") }
            .dropFirst().map { line in
                line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                    .map { $0.trimmingCharacters(in: .whitespaces).trimmingCharacters(in: ["`"]) }
            }
    }

    @Test func `every column is there with the type, nullability and default of the page, and no other`() async throws {
        let rows = try Self.table(below: "Fields and their columns")
        #expect(rows.count == 150)
        try await ControlFixture.with { control in
            let columns = try await control.column(
                """
                SELECT format('%s|%s|%s%s|%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
                  replace(regexp_replace(pg_get_expr(d.adbin, d.adrelid), '::text(\\[\\])?$', ''),
                    '((EXTRACT(epoch FROM clock_timestamp()) * (1000)::numeric))',
                    '(EXTRACT(epoch FROM clock_timestamp()) * 1000)'))
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
                WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
                  AND c.relname <> 'schema_migrations'
                """)
            let found = Set(columns.map { $0.replacing("timestamp with time zone", with: "timestamptz") })
            let documented = Set(rows.map { [$0[0], $0[2], $0[3], $0[4]].joined(separator: "|") })
            #expect(documented.count == rows.count)
            #expect(found.subtracting(documented).sorted() == [])
            #expect(documented.subtracting(found).sorted() == [])
        }
    }

    @Test func `every index is there with the definition of the page, and no other`() async throws {
        let rows = try Self.table(below: "Indexes")
        #expect(rows.count == 47)
        try await ControlFixture.with { control in
            let indexes = try await control.column(
                """
                SELECT format('%s|%s|%s|%s', t.relname, c.relname,
                  regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING btree \\((.*?)\\)( WHERE .*)?$', '\\1\\2'),
                  CASE WHEN i.indisprimary THEN 'primary key' WHEN i.indisunique THEN 'unique' ELSE '' END)
                FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
                WHERE c.relnamespace = current_schema()::regnamespace AND c.relname !~ '_pkey$'
                """)
            let found = Set(indexes)
            let documented = Set(rows.map { [$0[0], $0[2], $0[3], $0[4]].joined(separator: "|") })
            #expect(found.subtracting(documented).sorted() == [])
            #expect(documented.subtracting(found).sorted() == [])
            let without = try await control.column(
                """
                SELECT relname::text FROM pg_class c
                WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
                  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
                """)
            #expect(without == [])
        }
    }

    /// Foreign keys as PostgreSQL prints them.
    static let foreignKeys: Set<String> = [
        "api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE",
        "idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE CASCADE",
        "issue_threads_issue_id_fkey FOREIGN KEY (issue_id) REFERENCES issues(id) ON DELETE CASCADE",
        "issue_threads_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES threads(id) ON DELETE CASCADE",
        "issues_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES users(user_id) ON DELETE SET NULL",
        "issues_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE",
        "issues_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE SET NULL",
        "issues_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE RESTRICT",
        "knowledge_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE",
        "knowledge_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE",
        "knowledge_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE RESTRICT",
        "message_embeddings_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages(id) ON DELETE CASCADE",
        "message_embeddings_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)"
            + " ON DELETE CASCADE",
        "message_embeddings_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES threads(id) ON DELETE CASCADE",
        "message_embeddings_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE RESTRICT",
        "messages_embedding_id_fkey FOREIGN KEY (embedding_id) REFERENCES message_embeddings(id) ON DELETE SET NULL",
        "messages_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE",
        "messages_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE SET NULL",
        "messages_thread_id_fkey FOREIGN KEY (thread_id) REFERENCES threads(id) ON DELETE CASCADE",
        "messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE RESTRICT",
        "organization_members_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)"
            + " ON DELETE CASCADE",
        "organization_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE RESTRICT",
        "organizations_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users(user_id) ON DELETE RESTRICT",
        "organizations_owner_is_member FOREIGN KEY (id, owner_id)"
            + " REFERENCES organization_members(organization_id, user_id) DEFERRABLE INITIALLY DEFERRED",
        "project_repos_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE",
        "project_repos_repo_id_fkey FOREIGN KEY (repo_id) REFERENCES repos(id) ON DELETE RESTRICT",
        "projects_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE",
        "projects_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE RESTRICT",
        "threads_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE",
        "threads_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE SET NULL",
        "threads_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id) ON DELETE RESTRICT",
    ]

    @Test func `foreign keys are those of the design, and every column that a cascade walks is indexed`() async throws {
        try await ControlFixture.with { control in
            let found = try await control.column(
                """
                SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                WHERE connamespace = current_schema()::regnamespace AND contype = 'f'
                """)
            #expect(Set(found) == Self.foreignKeys)
            let unindexed = try await control.column(
                """
                SELECT k.conname::text FROM pg_constraint k
                WHERE k.connamespace = current_schema()::regnamespace AND k.contype = 'f' AND k.confdeltype IN ('c', 'n')
                  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1]
                    AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) LIKE '%IS NOT NULL%'))
                """)
            // The assignee's row goes only by hand: users have no deletion.
            #expect(unindexed == ["issues_assignee_id_fkey"])
        }
    }

    @Test func `every constraint has a name of ours, every table and function says what it is`() async throws {
        try await ControlFixture.with { control in
            let generated = try await control.column(
                """
                SELECT conname::text FROM pg_constraint
                WHERE connamespace = current_schema()::regnamespace AND contype = 'c' AND conname ~ '_check[0-9]*$'
                """)
            #expect(generated == [])
            let silent = try await control.column(
                """
                SELECT relname::text FROM pg_class
                WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
                  AND obj_description(oid, 'pg_class') IS NULL
                UNION ALL
                SELECT proname::text FROM pg_proc
                WHERE pronamespace = current_schema()::regnamespace AND obj_description(oid, 'pg_proc') IS NULL
                """)
            #expect(silent == [])
        }
    }

    @Test func `a client hears a sentence for every constraint that a request can meet`() async throws {
        // These are kept by the library itself: no request meets them.
        let unreachable: Set<String> = [
            "users_plan_known", "users_referrer_id_length", "users_stripe_customer_id_length",
            "api_tokens_token_hash_length", "projects_one_owner", "projects_default_tools_without_null",
            "knowledge_has_scope", "knowledge_tags_without_null", "numbers_name_length",
            "idempotency_keys_operation_length", "idempotency_keys_request_hash_length",
        ]
        try await ControlFixture.with { control in
            let checks = try await control.column(
                """
                SELECT conname::text FROM pg_constraint
                WHERE connamespace = current_schema()::regnamespace AND contype = 'c'
                  AND conrelid <> 'schema_migrations'::regclass
                """)
            let named = Set(ControlPlaneError.sentences.keys)
            #expect(Set(checks).subtracting(named) == unreachable)
            let known = try await control.column(
                """
                SELECT conname::text FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
                UNION SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema()
                """)
            #expect(named.subtracting(known) == [])
        }
    }
}
