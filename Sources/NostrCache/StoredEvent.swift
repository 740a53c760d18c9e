package import Nostr
package import Postgres

/// A row of `nostr_events`, as the event that it was made from.
package struct StoredEvent: Sendable {
    package let id: EventID
    /// Nil where the row is no event any more: somebody changed it.
    package let event: Event?
    package let relay: RelayID?
    /// Microseconds since 1970.
    package let seenAt: Int64

    /// The columns that ``init(_:)`` reads, in its order.
    static let columns = "event_id, kind, pubkey, created_at, content, tags_json, sig, relay_id, seen_at"

    init?(_ row: PostgresRow) {
        guard let id = row[0].eventID else { return nil }
        self.id = id
        self.event = Self.event(row)
        self.relay = row[7].int4.map(RelayID.init)
        self.seenAt = row[8].timestamptz ?? 0
    }

    /// What was stored was within the limits of its day, and `jsonb` writes it with more white space.
    private static let noLimits: EventLimits = {
        var limits = EventLimits()
        limits.eventBytesMax = .max
        limits.tagsMax = .max
        return limits
    }()

    /// The JSON of NIP-01, read again: `jsonb` keeps the strings and not their spelling, the parser makes them canonical.
    private static func event(_ row: PostgresRow) -> Event? {
        guard let id = row[0].bytes, let kind = row[1].int4, let pubkey = row[2].bytes, let createdAt = row[3].int8,
            let content = row[4].text, let tags = row[5].textBytes, let sig = row[6].bytes
        else { return nil }
        var json = Array("{\"id\":\"\(Hex.string(id))\",\"pubkey\":\"\(Hex.string(pubkey))\",\"created_at\":".utf8)
        json += Array("\(createdAt),\"kind\":\(kind),\"tags\":".utf8)
        json += tags
        json += Array(",\"content\":".utf8)
        JSONText.appendString(content, to: &json)
        json += Array(",\"sig\":\"\(Hex.string(sig))\"}".utf8)
        return try? Event(parsing: json.span, limits: Self.noLimits)
    }

    /// The stored events behind an id, in the order of ids.
    package static func page(
        after id: EventID?, limit: Int, on session: PostgresSession
    ) throws(PostgresError) -> [StoredEvent] {
        try session.execute(
            """
            SELECT \(self.columns)
            FROM nostr_events
            WHERE event_id > $1
            ORDER BY event_id
            LIMIT $2
            """, [.bytea(id?.value.bytes ?? []), .int8(Int64(limit))]
        ).compactMap(StoredEvent.init)
    }
}
