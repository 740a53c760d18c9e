import Nostr
import Postgres
import TestSupport
import Testing

@testable import NostrCache

/// The writer's behaviour, batch by batch.
struct CacheWriterTests {
    let signer = TestSigner()

    @Test func `a new event is written, a known one is a duplicate, and the tables stay the same`() async throws {
        let events = [
            self.signer.event(1, "a"), self.signer.event(0, "{\"name\":\"x\"}"),
            self.signer.event(30023, tags: [["d", "x"]]),
        ]
        try await CacheFixture.with { cache in
            #expect(try await cache.write(events) == [.written, .written, .written])
            let tables = try await cache.tables()
            // As after an ambiguous COMMIT: the same batch again.
            #expect(try await cache.write(events) == [.duplicate, .duplicate, .duplicate])
            #expect(try await cache.tables() == tables)
            #expect(try await cache.storedIDs == Set(events.map(\.event.id.description)))
        }
    }

    @Test func `a copy within the batch is a duplicate, and the first sighting counts`() async throws {
        let event = self.signer.event(1, "a")
        try await CacheFixture.with { cache in
            let outcome = try await cache.writer().write([
                .event(event, relay: cache.relay, seenAt: 1_000_000), .heartbeat,
                .event(event, relay: nil, seenAt: 2_000_000),
            ])
            #expect(outcome.outcomes == [.written, .duplicate])
            #expect(
                try await cache.column("SELECT extract(epoch FROM seen_at)::bigint::text || relay_id FROM nostr_events")
                    == ["1\(cache.relay)"])
        }
    }

    @Test func `an empty batch and a heartbeat ask the database and write nothing`() async throws {
        try await CacheFixture.with { cache in
            let tables = try await cache.tables()
            #expect(try await cache.writer().write([]) == BatchOutcome(outcomes: []))
            #expect(try await cache.writer().write([.heartbeat]) == BatchOutcome(outcomes: []))
            #expect(try await cache.tables() == tables)
            await cache.connection.close()
            await #expect(throws: PostgresError.notConnected) { try await cache.writer().write([.heartbeat]) }
        }
    }

    /// Content and tags with everything that JSON escapes, and what PostgreSQL might touch.
    static let texts = [
        "", "plain", "line\nfeed\r\t\u{8}\u{c}", "quote \" backslash \\ slash /", "\u{1}\u{b}\u{1f}\u{7f}", "café",
        "cafe\u{301}",
        "🦊 \u{10FFFF}", "\u{FEFF}\u{FFFF}\u{2028}", "{\"json\":[1]}", "\\u0000 as text", "  spaces  ",
    ]

    @Test(arguments: [0, 1_000]) func `rows give back the exact bytes whose hash is the id`(copyRowsMin: Int)
        async throws
    {
        var events: [VerifiedEvent] = []
        for text in Self.texts {
            events.append(self.signer.event(1, tags: [["t", text], [text], [], [""]], text))
            events.append(
                self.signer.event(1111, tags: [["I", text], ["A", "30023:\(self.signer.key(2)):\(text)"]], text))
        }
        try await CacheFixture.with { cache in
            let outcome = try await cache.writer { $0.copyRowsMin = copyRowsMin }.write(cache.items(events))
            #expect(outcome.outcomes == events.map { _ in .written })
            let rows = try await cache.observer.run { session in
                try session.execute(
                    """
                    SELECT event_id, pubkey, created_at, kind, tags_json, content, identifier, root_address, sig
                    FROM nostr_events
                    """
                ).map {
                    row -> (id: [UInt8]?, canonical: [UInt8], identifier: [UInt8]?, address: [UInt8]?, sig: [UInt8]?) in
                    var json = Array(
                        "[0,\"\(Hex.string(row[1].bytes ?? []))\",\(row[2].int8 ?? 0),\(row[3].int4 ?? 0),".utf8)
                    JSONValue(parsing: row[4].text ?? "")?.append(to: &json)
                    json += Array(",".utf8)
                    JSONText.appendString(row[5].text ?? "", to: &json)
                    json += Array("]".utf8)
                    return (
                        row[0].bytes, json, row[6].textBytes.map(Array.init), row[7].textBytes.map(Array.init),
                        row[8].bytes
                    )
                }
            }
            #expect(rows.count == events.count)
            for event in events.map(\.event) {
                let row = try #require(rows.first { $0.id == event.id.value.bytes })
                #expect(row.canonical == event.canonical)
                #expect(row.sig == event.sig.bytes)
                let derived = EventRow(event, bases: .standard)
                #expect(row.identifier == derived.identifier.map { Array($0.utf8) })
                #expect(row.address == derived.rootAddress.map { Array($0.utf8) })
            }
        }
    }

    @Test func `COPY and unnest write the same rows`() async throws {
        let events = self.manyEvents(200)
        var tables: [[String]] = []
        for copyRowsMin in [0, 10_000] {
            try await CacheFixture.with { cache in
                let outcome = try await cache.writer { $0.copyRowsMin = copyRowsMin }.write(cache.items(events))
                #expect(outcome.outcomes.allSatisfy { $0 == .written })
                tables.append(try await cache.tables())
            }
        }
        #expect(tables[0].count { $0.hasPrefix("nostr_events ") } == 200)
        #expect(tables[0] == tables[1])
    }

    @Test func `columns are those that the rules derive`() async throws {
        let root = String(repeating: "ab", count: 32)
        let event = self.signer.event(
            1111, at: 5,
            tags: [
                ["I", "https://clawstr.com/c/CATS"], ["K", "web"], ["i", "https://openagents.com/c/cats"],
                ["k", "web"],
                ["L", "agent"], ["l", "ai", "agent"], ["E", root], ["A", "30023:\(root):x"],
                ["expiration", "9007199254740991"],
            ], "text")
        try await CacheFixture.with { cache in
            try await cache.write([event])
            let line = try await cache.column(
                """
                SELECT concat_ws('|', kind, created_at, content, identifier, subclaw, parent_id, is_top_level, is_ai,
                  encode(root_id, 'hex'), root_address, expires_at, relay_id, extract(epoch FROM seen_at)::bigint)
                FROM nostr_events
                """)
            #expect(
                line == [
                    "1111|5|text|https://clawstr.com/c/CATS|cats|t|t|\(root)|30023:\(root):x|9007199254740991|"
                        + "\(cache.relay)|1700000000"
                ])
        }
    }

    @Test func `rows that somebody inserts without the lock are duplicates, not errors`() async throws {
        let events = self.manyEvents(100)
        let stranger = events[50]
        try await CacheFixture.with { cache in
            // Appears between the probe and COPY, as a writer without the lock would make it appear.
            try await cache.write([stranger])
            try await cache.script(
                """
                CREATE TABLE hidden AS SELECT * FROM nostr_events;
                DELETE FROM nostr_events;
                CREATE FUNCTION appear() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  INSERT INTO nostr_events SELECT * FROM hidden ON CONFLICT DO NOTHING;
                  RETURN NULL;
                END $$;
                CREATE TRIGGER appear BEFORE INSERT ON nostr_events FOR EACH STATEMENT
                  WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION appear();
                """)
            let outcome = try await cache.writer().write(cache.items(events))
            #expect(outcome.outcomes == events.map { $0 == stranger ? .duplicate : .written })
            // ON CONFLICT bears it: nothing is halved.
            #expect(outcome.transactions == 1)
            #expect(try await cache.storedIDs.count == 100)
        }
    }

    // MARK: - Numbers

    @Test func `numbers grow in commit order under two writers`() async throws {
        let batches = (0..<20).map { number in
            (0..<20).map { self.signer.event(1, "\(number) \($0)") }
        }
        try await CacheFixture.with { cache in
            let other = CacheWriter(connection: try await CacheFixture.writerConnection(cache.configuration))
            let writers = [cache.writer(), other]
            async let consumed = Self.follow(cache, until: 400)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, writer) in writers.enumerated() {
                    let mine = batches.indices.filter { $0 % 2 == index }.map { cache.items(batches[$0]) }
                    group.addTask { for batch in mine { _ = try await writer.write(batch) } }
                }
                try await group.waitForAll()
            }
            // Whoever reads on from its last number misses nothing.
            #expect(try await consumed == (try await cache.storedIDs))
        }
    }

    /// A consumer of changes: reads on from its last number whenever it is told that there is more.
    private static func follow(_ cache: CacheFixture, until count: Int) async throws -> Set<String> {
        let connection = try await PostgresConnection.open(cache.configuration, logger: .silent)
        try await connection.run { try $0.executeScript("LISTEN nostr_events") }
        var seen: Set<String> = []
        var last: Int64 = 0
        while seen.count < count {
            let from = last
            let rows = try await connection.run { session in
                try session.execute(
                    """
                    SELECT encode(event_id, 'hex'), ingest_seq FROM nostr_events
                    WHERE ingest_seq > $1
                    ORDER BY ingest_seq
                    """, [.int8(from)]
                ).map { ($0[0].text ?? "", $0[1].int8 ?? 0) }
            }
            for (id, number) in rows {
                seen.insert(id)
                last = number
            }
            // The highest number is there, and nothing can come after it: whoever is missing now was missed.
            guard last < count else { break }
            _ = try await connection.run { try $0.notifications(waitingUpTo: .seconds(1)) }
        }
        await connection.close()
        return seen
    }

    @Test func `one notification tells the highest number of the batch`() async throws {
        let events = self.manyEvents(100)
        try await CacheFixture.with { cache in
            try await cache.script("LISTEN nostr_events")
            let outcome = try await cache.writer().write(cache.items(events))
            _ = try await cache.writer().write(cache.items(events))
            let notifications = try await cache.observer.run { try $0.notifications(waitingUpTo: .seconds(5)) }
            #expect(notifications.map(\.channel) == ["nostr_events"])
            #expect(notifications.first.flatMap { Int64($0.payload) } == outcome.lastIngestSeq)
            #expect(try await cache.reader.lastIngestSeq() == outcome.lastIngestSeq)
        }
    }

    // MARK: - Plans

    @Test func `statements planned on empty tables look keys up`() async throws {
        try await CacheFixture.with { cache in
            let plans = try await cache.connection.run { session in
                try [
                    "SELECT event_id FROM nostr_events WHERE event_id = ANY ('{\\\\x00}'::bytea[])",
                    """
                    SELECT c.number
                    FROM unnest('{0}'::int[], '{\\\\x00}'::bytea[], '{\\\\x00}'::bytea[]) WITH ORDINALITY
                      AS c (kind, pubkey, d, number)
                    JOIN nostr_replaceable_heads AS h
                      ON h.kind = c.kind AND h.pubkey = c.pubkey AND h.d_hash = sha256(c.d)
                    """,
                    "DELETE FROM nostr_events WHERE event_id = ANY ('{\\\\x00}'::bytea[])",
                ].map { sql in
                    try session.execute("EXPLAIN \(sql)").compactMap { $0[0].text }.joined(separator: "\n")
                }
            }
            for plan in plans {
                #expect(plan.contains("Index Cond"), "\(plan)")
                #expect(!plan.contains("Seq Scan"), "\(plan)")
            }
        }
    }

    private func manyEvents(_ count: Int) -> [VerifiedEvent] {
        (0..<count).map {
            self.signer.event(
                $0.isMultiple(of: 2) ? 1111 : 7, tags: [["e", String(repeating: "a", count: 64)]], "\($0)")
        }
    }
}
