package import Nostr
package import Postgres

/// What the daemon knows from the cache, and the small tables that say whom it asks for what.
///
/// Rows of events come only through ``CacheWriter``. Any connection serves, but not the writer's while it writes.
package struct CacheReader: Sendable {
    let connection: PostgresConnection

    package init(connection: PostgresConnection) {
        self.connection = connection
    }

    // MARK: - Events

    /// A stored event, and the relay that showed it first; nil where it was imported.
    package typealias Committed = (id: EventID, createdAt: Timestamp, relay: RelayID?)

    /// The events committed last, newest first: what a set of committed ids is warmed with.
    package func recentCommitted(limit: Int) async throws -> [Committed] {
        try await self.query(
            "SELECT event_id, created_at, relay_id FROM nostr_events ORDER BY ingest_seq DESC LIMIT $1",
            [.int8(Int64(limit))]
        ) { row in
            (row[0].requiredEventID, Timestamp(row[1].int8 ?? 0), row[2].int4.map { RelayID($0) })
        }
    }

    /// Which of `ids` are rows.
    package func existing(_ ids: some Collection<EventID> & Sendable) async throws -> Set<EventID> {
        let statement = CacheStatements.existing(ids)
        return Set(try await self.query(statement.sql, statement.parameters) { $0[0].requiredEventID })
    }

    /// The kinds of those of `ids` that are rows.
    package func kinds(of ids: some Collection<EventID> & Sendable) async throws -> [EventID: Kind] {
        guard !ids.isEmpty else { return [:] }
        let rows = try await self.query(
            "SELECT event_id, kind FROM nostr_events WHERE event_id = ANY ($1)", [.ids(ids)]
        ) { ($0[0].requiredEventID, Kind(UInt16(clamping: $0[1].int4 ?? 0))) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// The number that the newest row has; 0 for an empty cache.
    package func lastIngestSeq() async throws -> Int64 {
        try await self.query("SELECT coalesce(max(ingest_seq), 0) FROM nostr_events") { $0[0].int8 ?? 0 }.first ?? 0
    }

    /// Counts every row: for an operator's question, not for every scrape.
    package func counts() async throws -> CacheCounts {
        try await self.connection.run { session in
            let results = try session.pipeline([
                PostgresStatement("SELECT kind, count(*) FROM nostr_events GROUP BY kind"),
                PostgresStatement("SELECT count(*) FROM nostr_profiles"),
                PostgresStatement(
                    "SELECT reason, count(*), sum(octet_length(raw))::bigint FROM nostr_quarantine GROUP BY reason"),
            ])
            var counts = CacheCounts()
            for row in results[0] {
                counts.eventsByKind[Kind(UInt16(clamping: row[0].int4 ?? 0))] = Int(row[1].int8 ?? 0)
            }
            counts.profiles = Int(results[1].first?[0].int8 ?? 0)
            for row in results[2] {
                counts.quarantineByReason[row[0].text ?? ""] = Int(row[1].int8 ?? 0)
                counts.quarantineBytes += Int(row[2].int8 ?? 0)
            }
            return counts
        }
    }

    // MARK: - Ledger

    /// What is proven complete; empty where nothing is.
    package func coverage(of relay: RelayID, stream: StreamID) async throws -> CoverageSet {
        try await self.query(
            "SELECT covered::text FROM nostr_coverage WHERE relay_id = $1 AND stream_id = $2",
            [.int4(relay.rawValue), .int4(stream.rawValue)]
        ) { $0[0].coverage }.first ?? CoverageSet()
    }

    /// What attempts could not fill, oldest second first.
    package func holes(of relay: RelayID, stream: StreamID) async throws -> [RecordedHole] {
        try await self.query(
            """
            SELECT lower(span), upper(span), reason, attempts, first_seen_at, last_tried_at
            FROM nostr_coverage_holes
            WHERE relay_id = $1 AND stream_id = $2
            ORDER BY span
            """, [.int4(relay.rawValue), .int4(stream.rawValue)]
        ) { RecordedHole($0, at: 0) }
    }

    /// How many holes each active stream has, over all relays, by reason.
    package func holeCounts() async throws -> [HoleCount] {
        try await self.query(
            """
            SELECT s.name, h.reason, count(*)
            FROM nostr_coverage_holes AS h JOIN nostr_streams AS s USING (stream_id)
            WHERE s.active
            GROUP BY s.name, h.reason
            ORDER BY s.name, h.reason
            """
        ) { HoleCount(stream: $0[0].text ?? "", reason: $0[1].text ?? "", count: Int($0[2].int8 ?? 0)) }
    }

    /// The whole ledger for `status`: every relay that is enabled with every active stream, and what else is covered.
    package func coverageStatus() async throws -> [CoverageStatus] {
        try await self.connection.run { session in
            let results = try session.pipeline([
                PostgresStatement(
                    """
                    SELECT r.relay_id, r.url, s.stream_id, s.name, s.active, coalesce(c.covered, '{}')::text,
                      c.last_proof, c.last_eose_at, c.updated_at
                    FROM nostr_relays AS r
                    CROSS JOIN nostr_streams AS s
                    LEFT JOIN nostr_coverage AS c ON c.relay_id = r.relay_id AND c.stream_id = s.stream_id
                    WHERE (r.enabled AND r.role IN ('primary', 'fallback') AND s.active) OR c.relay_id IS NOT NULL
                    ORDER BY r.url, s.name, s.stream_id
                    """),
                PostgresStatement(
                    """
                    SELECT relay_id, stream_id, lower(span), upper(span), reason, attempts, first_seen_at, last_tried_at
                    FROM nostr_coverage_holes
                    ORDER BY relay_id, stream_id, span
                    """),
            ])
            var holes: [LedgerPlan.Key: [RecordedHole]] = [:]
            for row in results[1] {
                let key = LedgerPlan.Key(relay: RelayID(row[0].int4 ?? 0), stream: StreamID(row[1].int4 ?? 0))
                holes[key, default: []].append(RecordedHole(row, at: 2))
            }
            return results[0].map { row in
                let key = LedgerPlan.Key(relay: RelayID(row[0].int4 ?? 0), stream: StreamID(row[2].int4 ?? 0))
                return CoverageStatus(
                    relay: key.relay, url: row[1].text ?? "", stream: key.stream, name: row[3].text ?? "",
                    isActive: row[4].bool ?? false, covered: row[5].coverage,
                    lastProof: row[6].text.flatMap(CoverageProof.init(rawValue:)), lastEOSEAt: row[7].timestamptz,
                    updatedAt: row[8].timestamptz, holes: holes[key] ?? [])
            }
        }
    }

    func query<Value: Sendable>(
        _ sql: String, _ parameters: [PostgresValue] = [], _ read: @Sendable (PostgresRow) throws -> Value
    ) async throws -> [Value] {
        try await self.connection.run { session in
            try session.execute(sql, parameters).map(read)
        }
    }
}

// MARK: - Answers

/// How much there is.
package struct CacheCounts: Equatable, Sendable {
    package var eventsByKind: [Kind: Int] = [:]
    package var profiles = 0
    /// By the reason as it is stored.
    package var quarantineByReason: [String: Int] = [:]
    package var quarantineBytes = 0

    package var events: Int { self.eventsByKind.values.reduce(0, +) }
}

/// Holes of one stream, over all relays. The reason is as stored.
package struct HoleCount: Hashable, Sendable {
    package let stream: String
    package let reason: String
    package let count: Int

    package init(stream: String, reason: String, count: Int) {
        self.stream = stream
        self.reason = reason
        self.count = count
    }
}

/// A row of `nostr_coverage_holes`. Times are microseconds since 1970.
package struct RecordedHole: Hashable, Sendable {
    package let span: Range<Timestamp>
    /// As stored: another version of the program may know other reasons.
    package let reason: String
    package let attempts: Int
    package let firstSeenAt: Int64
    package let lastTriedAt: Int64

    init(_ row: PostgresRow, at column: Int) {
        self.span = Timestamp(row[column].int8 ?? 0)..<Timestamp(row[column + 1].int8 ?? 0)
        self.reason = row[column + 2].text ?? ""
        self.attempts = Int(row[column + 3].int4 ?? 0)
        self.firstSeenAt = row[column + 4].timestamptz ?? 0
        self.lastTriedAt = row[column + 5].timestamptz ?? 0
    }
}

/// The ledger of one relay and stream. Times are microseconds since 1970; nil: never.
package struct CoverageStatus: Hashable, Sendable {
    package let relay: RelayID
    package let url: String
    package let stream: StreamID
    package let name: String
    /// Whether the stream's filter is the one in force.
    package let isActive: Bool
    package let covered: CoverageSet
    package let lastProof: CoverageProof?
    package let lastEOSEAt: Int64?
    package let updatedAt: Int64?
    package let holes: [RecordedHole]
}

extension PostgresCell {
    /// An `int8multirange` as text. The column cannot hold what we cannot read.
    fileprivate var coverage: CoverageSet {
        guard let text = self.text, let set = CoverageSet(text) else { preconditionFailure("Not a multirange") }
        return set
    }

    fileprivate var requiredEventID: EventID {
        guard let id = self.eventID else { preconditionFailure("An id has 32 bytes") }
        return id
    }
}
