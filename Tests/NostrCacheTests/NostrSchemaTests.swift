import Foundation
import Nostr
import NostrCache
import Postgres
import TestSupport
import Testing

struct NostrSchemaTests {
    @Test func `the list of migrations equals the folder`() throws {
        // The folder of the sources is a link to `migrations/nostr`, and from there to the files that were embedded.
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/NostrCache/SQL").resolvingSymlinksInPath()
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
        #expect(files == NostrSchema.migrations.map(\.name))
        for migration in NostrSchema.migrations {
            let data = try Data(contentsOf: folder.appending(path: migration.name))
            #expect(migration.sql == String(decoding: data, as: UTF8.self))
        }
        #expect(NostrSchema.migrations.map(\.version) == Array(1...Int32(files.count)))
    }

    /// Fails unless the migration of that version is there.
    static let verify: [Int32: String] = [
        1: """
        SELECT relay_id, url, role, enabled, effective_limit, nip11, consecutive_failures FROM nostr_relays;
        SELECT stream_id, name, filter, filter_hash, active, retired_at FROM nostr_streams;
        SELECT relay_id, stream_id, covered, last_proof, last_eose_at FROM nostr_coverage;
        SELECT relay_id, stream_id, span, reason, attempts FROM nostr_coverage_holes;
        """,
        2: """
        SELECT event_id, subclaw, root_address, ingest_seq FROM nostr_events;
        SELECT event_id, relay FROM nostr_events_text;
        SELECT last_value FROM nostr_ingest_seq;
        """,
        3: """
        SELECT kind, pubkey, d_hash, d, created_at, event_id FROM nostr_replaceable_heads;
        SELECT pubkey, display_name, profile_valid FROM nostr_profiles;
        SELECT pubkey, about FROM nostr_profiles_text;
        """,
        4: "SELECT quarantine_id, raw, is_truncated, event_id, reason, sql_state, retry_at FROM nostr_quarantine;",
        5: """
        DO $$ BEGIN
          ASSERT 'nostr_events'::regclass IS NOT NULL AND to_regclass('nostr_events_content_search') IS NULL;
          ASSERT NOT EXISTS (SELECT FROM pg_constraint
            WHERE connamespace = current_schema()::regnamespace AND conname = 'nostr_events_relay');
        END $$
        """,
        6: """
        SELECT deletion_event_id, target_event_id, target_kind, target_d_hash, until FROM nostr_deletions;
        SELECT pubkey, until, event_id, is_purged FROM nostr_vanishes;
        SELECT event_id, relay_id, first_seen_at FROM nostr_event_relays;
        SELECT pubkey, relay_id, until FROM nostr_relay_vanishes;
        SELECT readable_at, readable_id FROM nostr_replaceable_heads;
        SELECT expires_at FROM nostr_profiles;
        """,
        7: """
        SELECT event_id, tag_no, role, type, canonical, canonical_hash, raw, flags FROM nostr_external_ids;
        SELECT pubkey, created_at, event_id, kind FROM nostr_mentions;
        """,
        8: """
        SELECT event_id, target_no, value_type, emoji_key FROM nostr_reactions;
        SELECT event_id, level, provider_match, recipient_match, is_counted FROM nostr_zaps;
        SELECT recipient_pubkey, provider_pubkey FROM nostr_zap_providers;
        SELECT event_id, label_no, target_no, namespace, label FROM nostr_labels;
        """,
        9: """
        SELECT pubkey, d_hash, address, moderators, relays FROM nostr_communities;
        SELECT event_id, community_pubkey, community_d_hash, is_legacy FROM nostr_community_posts;
        SELECT event_id, community_no, target_no, content_event_id FROM nostr_community_approvals;
        """,
        10: """
        SELECT event_id, reply_count, descendant_count_ai, score, reactions, zap_msats FROM nostr_event_stats;
        SELECT target_event_id, emoji_key, authors FROM nostr_reaction_counts;
        SELECT subclaw, posts_ai, posts_human, last_post_id FROM nostr_subclaws;
        """,
        11: """
        SELECT pubkey, address, url, outcome, reason, failures, next_check_at FROM nostr_lightning_lookups;
        SELECT pubkey, identifier, verified, next_check_at, expires_at FROM nostr_nip05_checks;
        SELECT pubkey, nip05, nip05_verified FROM nostr_profiles_checked;
        """,
        12: "COMMENT ON TRIGGER nostr_events_emptied ON nostr_events IS NULL;",
    ]

    @Test func `every migration adds what its verification looks for`() async throws {
        try await TestDatabase.withConnection { connection in
            for version in NostrSchema.migrations.map(\.version) {
                let sql = try #require(Self.verify[version])
                await #expect(throws: PostgresError.self) { try await connection.run { try $0.executeScript(sql) } }
                try await CacheFixture.migrate(connection, to: version)
                try await connection.run { try $0.executeScript(sql) }
            }
        }
    }

    @Test func `two caches live in two schemas of one database`() async throws {
        try await TestDatabase.withConnection { connection in
            for schema in ["left", "right"] {
                try await connection.run {
                    try $0.executeScript("CREATE SCHEMA \"\(schema)\"; SET search_path = \"\(schema)\"")
                }
                try await CacheFixture.migrate(connection)
            }
            let schemas = try await connection.run { session in
                try session.execute(
                    "SELECT schemaname::text FROM pg_tables WHERE tablename = 'nostr_events' ORDER BY 1"
                )
                .map { $0[0].text }
            }
            #expect(schemas == ["left", "right"])
        }
    }
}

/// What the migrated database holds, as its catalogue says it.
struct NostrCatalogueTests {
    @Test func `tables, columns, constraints and indexes are those of the design`() async throws {
        try await CacheFixture.with { cache in
            var tables: [String: [String]] = [:]
            let columns = try await cache.column(
                """
                SELECT c.relname || '|' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                  || CASE WHEN a.attnotnull THEN ' !' ELSE '' END
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')
                  AND c.relname LIKE 'nostr\\_%'
                ORDER BY c.relname, a.attnum
                """)
            for column in columns {
                let parts = column.split(separator: "|").map(String.init)
                tables[parts[0], default: []].append(parts[1])
            }
            #expect(tables == NostrCatalogue.tables)
            let constraints = try await cache.column(
                """
                SELECT conname || CASE WHEN contype = 'c' THEN '' ELSE ' ' || pg_get_constraintdef(oid) END
                FROM pg_constraint
                WHERE connamespace = current_schema()::regnamespace AND conrelid::regclass::text LIKE 'nostr\\_%'
                """)
            #expect(Set(constraints) == Set(NostrCatalogue.constraints))
            let indexes = try await cache.column(
                """
                SELECT indexname || ' ' || substring(indexdef FROM 'USING (.*)$')
                FROM pg_indexes
                WHERE schemaname = current_schema() AND tablename LIKE 'nostr\\_%'
                  AND indexname NOT IN (SELECT conname FROM pg_constraint)
                """)
            #expect(Set(indexes) == Set(NostrCatalogue.indexes))
        }
    }

    @Test func `every table, view and sequence says what it is`() async throws {
        try await CacheFixture.with { cache in
            let silent = try await cache.column(
                """
                SELECT relname::text FROM pg_class
                WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'S')
                  AND relname LIKE 'nostr\\_%' AND relname !~ '_id_seq$'
                  AND obj_description(oid, 'pg_class') IS NULL
                """)
            #expect(silent == [])
        }
    }

    static let violations: [(constraint: String, change: String)] = [
        ("nostr_events_event_id_length", "event_id = event_id || '\\x00'::bytea"),
        ("nostr_events_kind_range", "kind = 65536"),
        ("nostr_events_kind_range", "kind = -1"), ("nostr_events_pubkey_length", "pubkey = ''"),
        ("nostr_events_created_at_range", "created_at = -1"),
        ("nostr_events_created_at_range", "created_at = 9007199254740992"),
        ("nostr_events_tags_json_array", "tags_json = '{}'"), ("nostr_events_subclaw_form", "subclaw = 'Upper'"),
        ("nostr_events_subclaw_form", "subclaw = repeat('a', 129)"), ("nostr_events_subclaw_form", "subclaw = E'a\\n'"),
        ("nostr_events_parent_id_length", "parent_id = sig"), ("nostr_events_root_id_length", "root_id = sig"),
        ("nostr_events_sig_length", "sig = event_id"),
    ]

    @Test func `a row that breaks an invariant is refused by name`() async throws {
        let event = TestSigner().event(1111, "x")
        try await CacheFixture.with { cache in
            try await cache.write([event])
            for (constraint, change) in Self.violations {
                let error = await #expect(throws: PostgresError.self, "\(change)") {
                    try await cache.script("UPDATE nostr_events SET \(change)")
                }
                guard case .server(let report) = error else { continue }
                #expect(report.constraint == constraint)
            }
            // The bounds themselves are fine.
            try await cache.script(
                "UPDATE nostr_events SET kind = 65535, created_at = 9007199254740991, subclaw = repeat('a', 128)")
        }
    }

    @Test func `the text views show hex and hide what has expired`() async throws {
        let signer = TestSigner()
        let kept = signer.event(1111, tags: [["I", "https://clawstr.com/c/Cats"], ["K", "web"]], "kept")
        let expired = signer.event(1, tags: [["expiration", "5"]], "gone")
        let profile = signer.event(0, "{\"name\":\"fox\"}")
        try await CacheFixture.with { cache in
            try await cache.write([kept, expired, profile])
            #expect(
                try await cache.column(
                    """
                    SELECT concat_ws(' ', event_id, pubkey, subclaw, is_top_level, relay)
                    FROM nostr_events_text WHERE kind = 1111
                    """
                ) == ["\(kept.event.id) \(kept.event.pubkey) cats t wss://relay.example"])
            #expect(try await cache.column("SELECT event_id FROM nostr_events_text WHERE kind = 1") == [])
            #expect(
                try await cache.column("SELECT pubkey || name FROM nostr_profiles_text") == [
                    "\(profile.event.pubkey)fox"
                ])
        }
    }
}
