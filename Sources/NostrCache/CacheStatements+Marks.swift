import Nostr
import Postgres

/// The SQL of marks: what is asked before a batch is decided, and what a batch adds.
extension CacheStatements {
    // MARK: - Probes

    /// Marks on single events. An id alone does not say who may delete it: the plan compares.
    static func deletedEvents(_ ids: some Sequence<EventID>) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT target_event_id, pubkey, until, deletion_event_id
            FROM nostr_deletions
            WHERE target_event_id = ANY ($1)
            """, [.ids(ids)])
    }

    static func vanishes(of keys: some Sequence<PublicKey>) -> PostgresStatement {
        PostgresStatement("SELECT pubkey, until, event_id FROM nostr_vanishes WHERE pubkey = ANY ($1)", [.keys(keys)])
    }

    static func relayVanishes(of keys: some Sequence<PublicKey>) -> PostgresStatement {
        PostgresStatement(
            "SELECT pubkey, relay_id, until FROM nostr_relay_vanishes WHERE pubkey = ANY ($1)", [.keys(keys)])
    }

    static func relays(_ urls: Set<RelayURL>) -> PostgresStatement {
        PostgresStatement(
            "SELECT relay_id, url FROM nostr_relays WHERE url = ANY ($1)",
            [.textArray(urls.map(\.description).sorted())])
    }

    /// The high-water marks and the deletion mark of each coordinate that has any.
    static func heads(_ coordinates: [Coordinate]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT c.number, h.created_at, h.event_id, h.readable_at, h.readable_id, d.until, d.deletion_event_id
            FROM unnest($1::integer[], $2::bytea[], $3::bytea[]) WITH ORDINALITY AS c (kind, pubkey, d, number)
            LEFT JOIN nostr_replaceable_heads AS h ON h.kind = c.kind AND h.pubkey = c.pubkey AND h.d_hash = sha256(c.d)
            LEFT JOIN nostr_deletions AS d
              ON d.target_kind = c.kind AND d.pubkey = c.pubkey AND d.target_d_hash = sha256(c.d)
            WHERE h.event_id IS NOT NULL OR d.until IS NOT NULL
            """, self.parameters(coordinates))
    }

    static func parameters(_ coordinates: [Coordinate]) -> [PostgresValue] {
        [
            .int4Array(coordinates.map { Int32($0.kind.rawValue) }), .keys(coordinates.map(\.pubkey)),
            .byteaArray(coordinates.map(\.d)),
        ]
    }

    // MARK: - Marks

    static func raise(_ heads: [BatchPlan.Head]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_replaceable_heads (kind, pubkey, d_hash, d, created_at, event_id, readable_at, readable_id)
            SELECT c.kind, c.pubkey, sha256(c.d), convert_from(c.d, 'UTF8'), c.created_at, c.event_id, c.readable_at,
              c.readable_id
            FROM unnest($1::integer[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bytea[], $6::bigint[], $7::bytea[])
              AS c (kind, pubkey, d, created_at, event_id, readable_at, readable_id)
            ORDER BY 1, 2, 3
            ON CONFLICT (kind, pubkey, d_hash) DO UPDATE
            SET created_at = excluded.created_at, event_id = excluded.event_id, readable_at = excluded.readable_at,
              readable_id = excluded.readable_id
            """,
            self.parameters(heads.map(\.coordinate)) + [
                .int8Array(heads.map(\.newest.createdAt.seconds)), .ids(heads.map(\.newest.id)),
                .int8Array(heads.map(\.readable?.createdAt.seconds)),
                .byteaArray(heads.map(\.readable?.id.value.bytes)),
            ])
    }

    /// Adds the marks of a batch to those that are stored, each the maximum of both.
    static func mark(_ marks: LifecycleMarks) -> [PostgresStatement] {
        var statements: [PostgresStatement] = []
        if !marks.events.isEmpty { statements.append(self.mark(marks.sortedEvents)) }
        if !marks.coordinates.isEmpty { statements.append(self.mark(marks.sortedCoordinates)) }
        if !marks.vanishes.isEmpty { statements.append(self.mark(marks.sortedVanishes)) }
        if !marks.relayVanishes.isEmpty { statements.append(self.mark(marks.sortedRelayVanishes)) }
        return statements
    }

    private static func mark(_ events: [LifecycleMarks.Entry<LifecycleMarks.DeletedEvent>]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_deletions AS d (target_event_id, pubkey, until, deletion_event_id)
            SELECT *
            FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bytea[])
            ON CONFLICT (target_event_id, pubkey) WHERE target_event_id IS NOT NULL DO UPDATE
            SET until = excluded.until, deletion_event_id = excluded.deletion_event_id
            WHERE excluded.until > d.until
              OR (excluded.until = d.until AND excluded.deletion_event_id < d.deletion_event_id)
            """,
            [
                .ids(events.map(\.key.target.id)), .keys(events.map(\.key.pubkey)),
                .int8Array(events.map(\.mark.createdAt.seconds)), .ids(events.map(\.mark.id)),
            ])
    }

    private static func mark(_ coordinates: [LifecycleMarks.Entry<Coordinate>]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_deletions AS d (target_kind, pubkey, target_d_hash, until, deletion_event_id)
            SELECT c.kind, c.pubkey, sha256(c.d), c.until, c.event_id
            FROM unnest($1::integer[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bytea[])
              AS c (kind, pubkey, d, until, event_id)
            ORDER BY 1, 2, 3
            ON CONFLICT (target_kind, pubkey, target_d_hash) WHERE target_kind IS NOT NULL DO UPDATE
            SET until = excluded.until, deletion_event_id = excluded.deletion_event_id
            WHERE excluded.until > d.until
              OR (excluded.until = d.until AND excluded.deletion_event_id < d.deletion_event_id)
            """,
            self.parameters(coordinates.map(\.key)) + [
                .int8Array(coordinates.map(\.mark.createdAt.seconds)), .ids(coordinates.map(\.mark.id)),
            ])
    }

    private static func mark(_ vanishes: [LifecycleMarks.Entry<PublicKey>]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_vanishes AS v (pubkey, until, event_id, is_purged)
            SELECT c.pubkey, c.until, c.event_id, false
            FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) AS c (pubkey, until, event_id)
            ON CONFLICT (pubkey) DO UPDATE
            SET until = excluded.until, event_id = excluded.event_id, is_purged = false
            WHERE excluded.until > v.until OR (excluded.until = v.until AND excluded.event_id < v.event_id)
            """,
            [
                .keys(vanishes.map(\.key)), .int8Array(vanishes.map(\.mark.createdAt.seconds)),
                .ids(vanishes.map(\.mark.id)),
            ])
    }

    /// Nothing is left of what these requests bind.
    static func notePurged(_ marks: LifecycleMarks) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE nostr_vanishes AS v
            SET is_purged = true
            FROM unnest($1::bytea[], $2::bytea[]) AS c (pubkey, event_id)
            WHERE v.pubkey = c.pubkey AND v.event_id = c.event_id
            """, [.keys(marks.sortedVanishes.map(\.key)), .ids(marks.sortedVanishes.map(\.mark.id))])
    }

    /// A relay that is not known here showed nothing here.
    private static func mark(_ vanishes: [(key: LifecycleMarks.RelayVanish, until: Timestamp)]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_relay_vanishes AS v (pubkey, relay_id, until)
            SELECT c.pubkey, r.relay_id, c.until
            FROM unnest($1::bytea[], $2::text[], $3::bigint[]) AS c (pubkey, url, until)
            JOIN nostr_relays AS r ON r.url = c.url
            ORDER BY 1, 2
            ON CONFLICT (pubkey, relay_id) DO UPDATE
            SET until = greatest(v.until, excluded.until)
            """,
            [
                .keys(vanishes.map(\.key.pubkey)), .textArray(vanishes.map(\.key.relay.description)),
                .int8Array(vanishes.map(\.until.seconds)),
            ])
    }
}

extension LifecycleMarks {
    struct Entry<Key> {
        let key: Key
        let mark: HighWaterMark
    }

    /// Sorted by key, so that two writers lock in one order.
    var sortedEvents: [Entry<DeletedEvent>] {
        self.events.map { Entry(key: $0.key, mark: $0.value) }.sorted {
            ($0.key.target.value, $0.key.pubkey.value) < ($1.key.target.value, $1.key.pubkey.value)
        }
    }

    /// Their statements sort: they know the hash of `d`.
    var sortedCoordinates: [Entry<Coordinate>] { self.coordinates.map { Entry(key: $0.key, mark: $0.value) } }

    var sortedVanishes: [Entry<PublicKey>] {
        self.vanishes.map { Entry(key: $0.key, mark: $0.value) }.sorted { $0.key.value < $1.key.value }
    }

    var sortedRelayVanishes: [(key: RelayVanish, until: Timestamp)] {
        self.relayVanishes.map { ($0.key, $0.value) }
    }
}
