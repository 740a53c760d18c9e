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
    /// `name type`, with `!` for NOT NULL.
    static let tables: [String: [String]] = [
        "nostr_relays": [
            "relay_id integer !", "url text !", "role text !", "enabled boolean !", "effective_limit integer",
            "nip11 jsonb", "nip11_fetched_at timestamp with time zone", "last_connected_at timestamp with time zone",
            "last_eose_at timestamp with time zone", "last_event_at timestamp with time zone", "last_error text",
            "last_error_at timestamp with time zone", "consecutive_failures integer !",
            "next_attempt_at timestamp with time zone", "first_seen_at timestamp with time zone !",
        ],
        "nostr_streams": [
            "stream_id integer !", "name text !", "filter jsonb !", "filter_hash bytea !", "active boolean !",
            "created_at timestamp with time zone !", "retired_at timestamp with time zone",
        ],
        "nostr_coverage": [
            "relay_id integer !", "stream_id integer !", "covered int8multirange !", "last_proof text",
            "last_eose_at timestamp with time zone", "updated_at timestamp with time zone !",
        ],
        "nostr_coverage_holes": [
            "relay_id integer !", "stream_id integer !", "span int8range !", "reason text !", "attempts integer !",
            "first_seen_at timestamp with time zone !", "last_tried_at timestamp with time zone !",
        ],
        "nostr_events": [
            "event_id bytea !", "kind integer !", "pubkey bytea !", "created_at bigint !", "content text !",
            "tags_json jsonb !", "identifier text", "subclaw text", "parent_id bytea", "is_top_level boolean",
            "is_ai boolean !", "seen_at timestamp with time zone !", "sig bytea !", "root_id bytea",
            "root_address text",
            "expires_at bigint", "relay_id integer", "ingest_seq bigint !",
        ],
        "nostr_profiles": [
            "pubkey bytea !", "name text", "picture text", "about text", "updated_at bigint !", "display_name text",
            "nip05 text", "lud16 text", "event_id bytea !", "profile_valid boolean !",
            "seen_at timestamp with time zone !",
        ],
        "nostr_replaceable_heads": [
            "kind integer !", "pubkey bytea !", "d_hash bytea !", "d text !", "created_at bigint !", "event_id bytea !",
        ],
        "nostr_quarantine": [
            "quarantine_id bigint !", "raw bytea !", "is_truncated boolean !", "event_id bytea !", "reason text !",
            "sql_state text", "relay_id integer", "seen_at timestamp with time zone !",
            "retry_at timestamp with time zone", "attempts integer !",
        ],
        "nostr_events_text": [
            "event_id text", "kind integer", "pubkey text", "created_at bigint", "content text", "tags_json text",
            "identifier text", "subclaw text", "parent_id text", "is_top_level boolean", "is_ai boolean",
            "seen_at timestamp with time zone", "relay text",
        ],
        "nostr_profiles_text": ["pubkey text", "name text", "picture text", "about text", "updated_at bigint"],
    ]

    /// Primary and unique keys and foreign keys with their definition; checks by name.
    static let constraints: [String] = [
        "nostr_coverage_by_relay_and_stream PRIMARY KEY (relay_id, stream_id)",
        "nostr_coverage_holes_by_span PRIMARY KEY (relay_id, stream_id, span)",
        "nostr_coverage_holes_reason_length", "nostr_coverage_holes_span_bounded",
        "nostr_coverage_holes_relay FOREIGN KEY (relay_id) REFERENCES nostr_relays(relay_id) ON DELETE CASCADE",
        "nostr_coverage_holes_stream FOREIGN KEY (stream_id) REFERENCES nostr_streams(stream_id) ON DELETE CASCADE",
        "nostr_coverage_proof_known",
        "nostr_coverage_relay FOREIGN KEY (relay_id) REFERENCES nostr_relays(relay_id) ON DELETE CASCADE",
        "nostr_coverage_stream FOREIGN KEY (stream_id) REFERENCES nostr_streams(stream_id) ON DELETE CASCADE",
        "nostr_events_by_event_id PRIMARY KEY (event_id)", "nostr_events_created_at_range",
        "nostr_events_event_id_length", "nostr_events_kind_range", "nostr_events_parent_id_length",
        "nostr_events_pubkey_length",
        "nostr_events_root_id_length", "nostr_events_sig_length", "nostr_events_subclaw_form",
        "nostr_events_tags_json_array",
        "nostr_profiles_by_pubkey PRIMARY KEY (pubkey)", "nostr_profiles_event_id_length",
        "nostr_profiles_pubkey_length",
        "nostr_quarantine_by_event_id UNIQUE (event_id)",
        "nostr_quarantine_by_quarantine_id PRIMARY KEY (quarantine_id)",
        "nostr_quarantine_event_id_length", "nostr_quarantine_raw_length", "nostr_quarantine_reason_length",
        "nostr_quarantine_relay FOREIGN KEY (relay_id) REFERENCES nostr_relays(relay_id) ON DELETE SET NULL",
        "nostr_relays_by_relay_id PRIMARY KEY (relay_id)", "nostr_relays_by_url UNIQUE (url)",
        "nostr_relays_role_known", "nostr_relays_url_length",
        "nostr_replaceable_heads_by_coordinate PRIMARY KEY (kind, pubkey, d_hash)",
        "nostr_replaceable_heads_d_hash_length", "nostr_replaceable_heads_event_id_length",
        "nostr_replaceable_heads_kind_range", "nostr_replaceable_heads_pubkey_length",
        "nostr_streams_by_name_and_hash UNIQUE (name, filter_hash)",
        "nostr_streams_by_stream_id PRIMARY KEY (stream_id)",
        "nostr_streams_filter_hash_length", "nostr_streams_name_form",
    ]

    static let indexes: [String] = [
        "nostr_events_by_expires_at btree (expires_at) WHERE (expires_at IS NOT NULL)",
        "nostr_events_by_ingest_seq btree (ingest_seq)",
        "nostr_events_by_kind_created_at btree (kind, created_at DESC, event_id)",
        "nostr_events_by_kind_parent_id btree (kind, parent_id, created_at, event_id, is_ai)"
            + " WHERE (parent_id IS NOT NULL)",
        "nostr_events_by_pubkey_kind_created_at btree (pubkey, kind, created_at DESC, event_id)",
        "nostr_events_by_root_address btree (root_address, created_at, event_id)"
            + " WHERE (octet_length(root_address) <= 1024)",
        "nostr_events_by_root_id btree (root_id, created_at, event_id) WHERE (root_id IS NOT NULL)",
        "nostr_events_by_subclaw_created_at btree (subclaw, created_at DESC, event_id, is_ai)"
            + " WHERE ((kind = 1111) AND is_top_level AND (subclaw IS NOT NULL))",
        "nostr_events_posts_by_created_at btree (created_at DESC, event_id, is_ai)"
            + " WHERE ((kind = 1111) AND is_top_level AND (subclaw IS NOT NULL))",
        "nostr_quarantine_by_reason btree (reason, quarantine_id)",
        "nostr_streams_one_active btree (name) WHERE active",
    ]

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
            #expect(tables == Self.tables)
            let constraints = try await cache.column(
                """
                SELECT conname || CASE WHEN contype = 'c' THEN '' ELSE ' ' || pg_get_constraintdef(oid) END
                FROM pg_constraint
                WHERE connamespace = current_schema()::regnamespace AND conrelid::regclass::text LIKE 'nostr\\_%'
                """)
            #expect(Set(constraints) == Set(Self.constraints))
            let indexes = try await cache.column(
                """
                SELECT indexname || ' ' || substring(indexdef FROM 'USING (.*)$')
                FROM pg_indexes
                WHERE schemaname = current_schema() AND tablename LIKE 'nostr\\_%'
                  AND indexname NOT IN (SELECT conname FROM pg_constraint)
                """)
            #expect(Set(indexes) == Set(Self.indexes))
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
