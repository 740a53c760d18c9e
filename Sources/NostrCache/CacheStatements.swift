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
        """

    /// - Parameter orIgnore: whether rows that are there already are passed over, and the new ones named.
    static func insert(_ rows: EventArrays, orIgnore: Bool) -> PostgresStatement {
        let ending = orIgnore ? "\nON CONFLICT (event_id) DO NOTHING\nRETURNING event_id" : ""
        return PostgresStatement(self.insertEvents + ending, rows.parameters)
    }

    static func project(_ profiles: [BatchPlan.Profile]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_profiles AS p (pubkey, name, picture, about, updated_at, display_name, nip05, lud16,
              event_id, profile_valid, expires_at, seen_at)
            SELECT *
            FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
              $8::text[], $9::bytea[], $10::boolean[], $11::bigint[], $12::timestamptz[])
            ORDER BY 1
            ON CONFLICT (pubkey) DO UPDATE
            SET name = excluded.name, picture = excluded.picture, about = excluded.about,
              updated_at = excluded.updated_at, display_name = excluded.display_name, nip05 = excluded.nip05,
              lud16 = excluded.lud16, event_id = excluded.event_id, profile_valid = excluded.profile_valid,
              expires_at = excluded.expires_at, seen_at = excluded.seen_at
            WHERE (p.event_id, p.name, p.picture, p.about, p.display_name, p.nip05, p.lud16, p.expires_at)
              IS DISTINCT FROM (excluded.event_id, excluded.name, excluded.picture, excluded.about,
                excluded.display_name, excluded.nip05, excluded.lud16, excluded.expires_at)
            """,
            [
                .keys(profiles.map(\.event.pubkey)), .textArray(profiles.map(\.row.name)),
                .textArray(profiles.map(\.row.picture)), .textArray(profiles.map(\.row.about)),
                .int8Array(profiles.map(\.event.createdAt.seconds)), .textArray(profiles.map(\.row.displayName)),
                .textArray(profiles.map(\.row.nip05)), .textArray(profiles.map(\.row.lud16)),
                .ids(profiles.map(\.event.id)), .boolArray(profiles.map { _ in true }),
                .int8Array(profiles.map { $0.event.expiration.time?.seconds }),
                .timestamptzArray(profiles.map(\.seenAt)),
            ])
    }

    /// A profile is valid while its source is the newest kind 0; else that one cannot be read, and what is shown is
    /// older.
    static func validateProfiles(of authors: [PublicKey]) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE nostr_profiles AS p
            SET profile_valid = (p.event_id = h.event_id)
            FROM nostr_replaceable_heads AS h
            WHERE h.kind = 0
              AND h.pubkey = p.pubkey
              AND h.d_hash = sha256('')
              AND p.pubkey = ANY ($1)
              AND p.profile_valid <> (p.event_id = h.event_id)
            """, [.keys(authors)])
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
