import Nostr
import Postgres

/// The SQL of what marks bind: events, sightings, profiles.
extension CacheStatements {
    /// Stores marks and finds the stored events that they bind, those of vanish requests up to a limit.
    ///
    /// - Parameter sightings: that came with the marks. An event that its relay must forget stays if another one shows it,
    ///   so they are recorded before anybody asks who is left.
    static func takeBack(
        _ marks: LifecycleMarks, sightings: [BatchPlan.Sighting] = [], limit: Int, on session: PostgresSession
    ) throws(PostgresError) -> (ids: [EventID], isAll: Bool) {
        guard !marks.isEmpty else { return ([], true) }
        var list = StatementList()
        if !marks.relayVanishes.isEmpty, !sightings.isEmpty { list.add(self.sight(sightings)) }
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
