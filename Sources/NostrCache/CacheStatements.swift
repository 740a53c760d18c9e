import Nostr
import Postgres

/// The SQL of the writer. Every statement takes whole batches as arrays and touches each key once, sorted by it.
enum CacheStatements {
    /// The lock is one of the sequence itself, so two caches in two schemas of a database do not wait for each other.
    /// The snapshot of what follows is taken after it: hence READ COMMITTED.
    static let begin = PostgresStatement("BEGIN ISOLATION LEVEL READ COMMITTED")
    static let commit = PostgresStatement("COMMIT")
    static let lockSequence = PostgresStatement(
        "SELECT pg_advisory_xact_lock(hashtextextended('nostr_ingest_seq', 'nostr_ingest_seq'::regclass::oid::bigint))")

    static let ping = PostgresStatement("SELECT 1")

    // MARK: - Probes

    static func existing(_ ids: some Sequence<EventID>) -> PostgresStatement {
        PostgresStatement("SELECT event_id FROM nostr_events WHERE event_id = ANY ($1)", [.ids(ids)])
    }

    static func heads(_ coordinates: [BatchPlan.Coordinate]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT c.number, h.created_at, h.event_id
            FROM unnest($1::integer[], $2::bytea[], $3::bytea[]) WITH ORDINALITY AS c (kind, pubkey, d, number)
            JOIN nostr_replaceable_heads AS h ON h.kind = c.kind AND h.pubkey = c.pubkey AND h.d_hash = sha256(c.d)
            """, self.parameters(coordinates))
    }

    static let hasQuarantine = PostgresStatement("SELECT EXISTS (SELECT FROM nostr_quarantine)")

    // MARK: - Rows

    private static let columns = EventRow.columns.map(\.name).joined(separator: ", ")

    static let copyEvents = "COPY nostr_events (\(columns)) FROM STDIN (FORMAT binary)"

    private static let insertEvents = """
        INSERT INTO nostr_events (\(columns))
        SELECT *
        FROM unnest($1::bytea[], $2::integer[], $3::bytea[], $4::bigint[], $5::text[], $6::jsonb[], $7::text[],
          $8::text[], $9::bytea[], $10::boolean[], $11::boolean[], $12::timestamptz[], $13::bytea[], $14::bytea[],
          $15::text[], $16::bigint[], $17::integer[])
        ON CONFLICT (event_id) DO NOTHING
        RETURNING event_id
        """

    static func insert(_ rows: EventArrays) -> PostgresStatement {
        PostgresStatement(self.insertEvents, rows.parameters)
    }

    static func delete(_ ids: [EventID]) -> PostgresStatement {
        PostgresStatement("DELETE FROM nostr_events WHERE event_id = ANY ($1)", [.ids(ids)])
    }

    static func raise(_ heads: [(coordinate: BatchPlan.Coordinate, head: BatchPlan.Head)]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_replaceable_heads AS h (kind, pubkey, d_hash, d, created_at, event_id)
            SELECT c.kind, c.pubkey, sha256(c.d), convert_from(c.d, 'UTF8'), c.created_at, c.event_id
            FROM unnest($1::integer[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bytea[])
              AS c (kind, pubkey, d, created_at, event_id)
            ORDER BY 1, 2, 3
            ON CONFLICT (kind, pubkey, d_hash) DO UPDATE
            SET created_at = excluded.created_at, event_id = excluded.event_id
            WHERE excluded.created_at > h.created_at
              OR (excluded.created_at = h.created_at AND excluded.event_id < h.event_id)
            """,
            self.parameters(heads.map(\.coordinate)) + [
                .int8Array(heads.map(\.head.createdAt.seconds)), .ids(heads.map(\.head.id)),
            ])
    }

    private static func parameters(_ coordinates: [BatchPlan.Coordinate]) -> [PostgresValue] {
        [
            .int4Array(coordinates.map { Int32($0.kind.rawValue) }), .keys(coordinates.map(\.pubkey)),
            .byteaArray(coordinates.map(\.d)),
        ]
    }

    static func project(_ profiles: [BatchPlan.Profile]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_profiles AS p (pubkey, name, picture, about, updated_at, display_name, nip05, lud16,
              event_id, profile_valid, seen_at)
            SELECT *
            FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
              $8::text[], $9::bytea[], $10::boolean[], $11::timestamptz[])
            ORDER BY 1
            ON CONFLICT (pubkey) DO UPDATE
            SET name = excluded.name, picture = excluded.picture, about = excluded.about,
              updated_at = excluded.updated_at, display_name = excluded.display_name, nip05 = excluded.nip05,
              lud16 = excluded.lud16, event_id = excluded.event_id, profile_valid = excluded.profile_valid,
              seen_at = excluded.seen_at
            WHERE excluded.updated_at > p.updated_at
              OR (excluded.updated_at = p.updated_at AND excluded.event_id < p.event_id)
            """,
            [
                .keys(profiles.map(\.event.pubkey)), .textArray(profiles.map(\.row.name)),
                .textArray(profiles.map(\.row.picture)), .textArray(profiles.map(\.row.about)),
                .int8Array(profiles.map(\.event.createdAt.seconds)), .textArray(profiles.map(\.row.displayName)),
                .textArray(profiles.map(\.row.nip05)), .textArray(profiles.map(\.row.lud16)),
                .ids(profiles.map(\.event.id)), .boolArray(profiles.map(\.isCurrent)),
                .timestamptzArray(profiles.map(\.seenAt)),
            ])
    }

    /// Their current kind 0 cannot be read: what is shown is older.
    static func invalidateProfiles(of authors: [PublicKey]) -> PostgresStatement {
        PostgresStatement(
            "UPDATE nostr_profiles SET profile_valid = false WHERE pubkey = ANY ($1) AND profile_valid",
            [.keys(authors)])
    }

    /// The hint for consumers of changes, and the number for ourselves.
    static let notify = PostgresStatement(
        """
        SELECT currval('nostr_ingest_seq') AS ingest_seq,
          pg_notify('nostr_events', currval('nostr_ingest_seq')::text)
        """)
}

extension PostgresValue {
    static func ids(_ ids: some Sequence<EventID>) -> PostgresValue { .bytes32(ids.lazy.map(\.value)) }

    static func keys(_ keys: some Sequence<PublicKey>) -> PostgresValue { .bytes32(keys.lazy.map(\.value)) }

    private static func bytes32(_ values: some Sequence<Bytes32>) -> PostgresValue {
        var array = PostgresArray(of: .bytea)
        for value in values { value.withBytes { array.append(bytes: $0) } }
        return .array(array)
    }
}
