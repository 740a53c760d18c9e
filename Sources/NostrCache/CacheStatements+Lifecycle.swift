import Nostr
import Postgres

/// The SQL of marks: what is asked before a batch is decided, what a batch adds, and what is taken back by it.
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

    // MARK: - What is taken back

    /// Stores marks and finds the stored events that they bind, those of vanish requests up to a limit.
    static func takeBack(
        _ marks: LifecycleMarks, limit: Int, on session: PostgresSession
    ) throws(PostgresError) -> (ids: [EventID], isAll: Bool) {
        guard !marks.isEmpty else { return ([], true) }
        var list = StatementList()
        list.add(self.mark(marks))
        list.add(self.removeProfiles(bound: marks))
        let first = list.statements.count
        list.add(self.bound(by: marks))
        let vanish = marks.vanishes.isEmpty ? nil : list.add(self.bound(by: marks, limit: limit))
        let forgotten = list.statements.count
        if !marks.relayVanishes.isEmpty { list.add(self.forgetSightings(marks)) }
        let results = try session.pipeline(list.statements)
        let ids = results[first...].flatMap { $0.compactMap { $0[0].eventID } }
        let unseen = results[forgotten...].flatMap { $0.compactMap { $0[0].eventID } }
        if !unseen.isEmpty { _ = try session.pipeline([self.removeProfiles(from: unseen)]) }
        return (ids, vanish.map { results[$0].count < limit } ?? true)
    }

    /// Ids of stored events that deletion requests bind.
    static func bound(by marks: LifecycleMarks) -> [PostgresStatement] {
        var statements: [PostgresStatement] = []
        if !marks.events.isEmpty { statements.append(self.bound(by: marks.sortedEvents)) }
        if !marks.coordinates.isEmpty { statements.append(self.bound(by: marks.sortedCoordinates)) }
        return statements
    }

    private static func bound(by events: [LifecycleMarks.Entry<LifecycleMarks.DeletedEvent>]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT e.event_id
            FROM unnest($1::bytea[], $2::bytea[]) AS d (event_id, pubkey)
            JOIN nostr_events AS e ON e.event_id = d.event_id
            WHERE e.kind NOT IN (5, 62)
              AND (e.pubkey = d.pubkey
                OR (e.kind = 1059
                  AND EXISTS (
                    SELECT FROM nostr_mentions AS m
                    WHERE m.pubkey = d.pubkey AND m.created_at = e.created_at AND m.event_id = e.event_id)))
            """, [.ids(events.map(\.key.target.id)), .keys(events.map(\.key.pubkey))])
    }

    /// Only the newest version of a coordinate is stored.
    private static func bound(by coordinates: [LifecycleMarks.Entry<Coordinate>]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT e.event_id
            FROM unnest($1::integer[], $2::bytea[], $3::bytea[], $4::bigint[]) AS c (kind, pubkey, d, until)
            JOIN nostr_replaceable_heads AS h ON h.kind = c.kind AND h.pubkey = c.pubkey AND h.d_hash = sha256(c.d)
            JOIN nostr_events AS e ON e.event_id = h.event_id
            WHERE h.created_at <= c.until
            """, self.parameters(coordinates.map(\.key)) + [.int8Array(coordinates.map(\.mark.createdAt.seconds))])
    }

    /// Ids of stored events that vanish requests bind, at most so many.
    static func bound(by marks: LifecycleMarks, limit: Int) -> PostgresStatement {
        let vanishes = marks.sortedVanishes
        return PostgresStatement(
            """
            SELECT e.event_id
            FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) AS v (pubkey, until, event_id)
            CROSS JOIN LATERAL (
              SELECT o.event_id
              FROM nostr_events AS o
              WHERE o.pubkey = v.pubkey AND o.created_at <= v.until AND o.event_id <> v.event_id
              UNION ALL
              SELECT m.event_id
              FROM nostr_mentions AS m
              WHERE m.pubkey = v.pubkey AND m.created_at <= v.until AND m.kind = 1059
            ) AS e
            LIMIT $4
            """,
            [
                .keys(vanishes.map(\.key)), .int8Array(vanishes.map(\.mark.createdAt.seconds)),
                .ids(vanishes.map(\.mark.id)), .int8(Int64(limit)),
            ])
    }

    /// Takes the sightings back that vanish requests to single relays bind (NIP-62); the first sighting left is the first
    /// one now. An answer names the events that nobody is left to have shown.
    static func forgetSightings(_ marks: LifecycleMarks) -> [PostgresStatement] {
        let vanishes = marks.sortedRelayVanishes
        let parameters: [PostgresValue] = [
            .keys(vanishes.map(\.key.pubkey)), .textArray(vanishes.map(\.key.relay.description)),
            .int8Array(vanishes.map(\.until.seconds)),
        ]
        return [
            """
            DELETE FROM nostr_event_relays AS s
            USING unnest($1::bytea[], $2::text[], $3::bigint[]) AS c (pubkey, url, until)
            JOIN nostr_relays AS r ON r.url = c.url
            JOIN nostr_events AS e ON e.pubkey = c.pubkey AND e.created_at <= c.until
            WHERE s.event_id = e.event_id AND s.relay_id = r.relay_id AND e.kind <> 62
            """,
            """
            UPDATE nostr_events AS e
            SET relay_id = (
              SELECT s.relay_id
              FROM nostr_event_relays AS s
              WHERE s.event_id = e.event_id
              ORDER BY s.first_seen_at, s.relay_id
              LIMIT 1
            )
            FROM unnest($1::bytea[], $2::text[], $3::bigint[]) AS c (pubkey, url, until)
            JOIN nostr_relays AS r ON r.url = c.url
            WHERE e.pubkey = c.pubkey AND e.created_at <= c.until AND e.relay_id = r.relay_id AND e.kind <> 62
            RETURNING CASE WHEN e.relay_id IS NULL THEN e.event_id END
            """,
            """
            DELETE FROM nostr_event_relays AS s
            USING unnest($1::bytea[], $2::text[], $3::bigint[]) AS c (pubkey, url, until)
            JOIN nostr_events AS e ON e.pubkey = c.pubkey AND e.created_at <= c.until
            WHERE s.event_id = e.event_id AND s.relay_id = e.relay_id
            """,
        ].map { PostgresStatement($0, parameters) }
    }

    /// Records further sightings of stored events, unless the event's author asked the relay to forget it.
    static func sight(_ sightings: [BatchPlan.Sighting]) -> PostgresStatement {
        let sorted = sightings.sorted { ($0.id, $0.relay, $0.seenAt) < ($1.id, $1.relay, $1.seenAt) }
        return PostgresStatement(
            """
            INSERT INTO nostr_event_relays (event_id, relay_id, first_seen_at)
            SELECT c.event_id, c.relay_id, c.seen_at
            FROM unnest($1::bytea[], $2::integer[], $3::timestamptz[]) AS c (event_id, relay_id, seen_at)
            JOIN nostr_events AS e ON e.event_id = c.event_id
            LEFT JOIN nostr_relay_vanishes AS v ON v.pubkey = e.pubkey AND v.relay_id = c.relay_id
            WHERE e.relay_id IS DISTINCT FROM c.relay_id
              AND (v.until IS NULL OR e.created_at > v.until OR e.kind = 62)
            ON CONFLICT (event_id, relay_id) DO NOTHING
            """,
            [
                .ids(sorted.map(\.id)), .int4Array(sorted.map(\.relay.rawValue)),
                .timestamptzArray(sorted.map(\.seenAt)),
            ])
    }

    /// Profiles whose source a mark binds. An older readable kind 0 is no longer there to take its place.
    static func removeProfiles(bound marks: LifecycleMarks) -> [PostgresStatement] {
        let coordinates = marks.sortedCoordinates.filter { $0.key.kind == .profile }
        let times = coordinates.map { ($0.key.pubkey, $0.mark) } + marks.sortedVanishes.map { ($0.key, $0.mark) }
        var statements: [PostgresStatement] = []
        if !marks.events.isEmpty {
            statements.append(
                PostgresStatement(
                    """
                    DELETE FROM nostr_profiles AS p
                    USING unnest($1::bytea[], $2::bytea[]) AS d (event_id, pubkey)
                    WHERE p.pubkey = d.pubkey AND p.event_id = d.event_id
                    """,
                    [.ids(marks.sortedEvents.map(\.key.target.id)), .keys(marks.sortedEvents.map(\.key.pubkey))]))
        }
        if !times.isEmpty {
            statements.append(
                PostgresStatement(
                    """
                    DELETE FROM nostr_profiles AS p
                    USING unnest($1::bytea[], $2::bigint[]) AS c (pubkey, until)
                    WHERE p.pubkey = c.pubkey AND p.updated_at <= c.until
                    """, [.keys(times.map(\.0)), .int8Array(times.map(\.1.createdAt.seconds))]))
        }
        return statements
    }

    private static func removeProfiles(from sources: [EventID]) -> PostgresStatement {
        PostgresStatement(
            """
            DELETE FROM nostr_profiles AS p
            USING nostr_events AS e
            WHERE e.event_id = ANY ($1) AND e.kind = 0 AND p.pubkey = e.pubkey AND p.event_id = e.event_id
            """, [.ids(sources)])
    }

    static func removeProfiles(of keys: [PublicKey]) -> PostgresStatement {
        PostgresStatement("DELETE FROM nostr_profiles WHERE pubkey = ANY ($1)", [.keys(keys)])
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
