import Nostr
import Postgres
import TestSupport
import Testing

@testable import NostrCache

/// What the writer does when PostgreSQL refuses: errors are raised by triggers that only these tests have.
struct CacheWriterFailureTests {
    let signer = TestSigner()

    private func events(_ count: Int, poison: Set<Int> = []) -> [VerifiedEvent] {
        (0..<count).map { self.signer.event(1, poison.contains($0) ? "poison" : "\($0)") }
    }

    /// Refuses rows whose content is `poison`.
    private func poison(_ cache: CacheFixture, sqlState: String) async throws {
        try await cache.script(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF NEW.content = 'poison' THEN RAISE EXCEPTION 'refused' USING ERRCODE = '\(sqlState)'; END IF;
              RETURN NEW;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON nostr_events FOR EACH ROW EXECUTE FUNCTION refuse();
            """)
    }

    @Test(arguments: ["22P02", "22021", "22P05", "23514", "54000"])
    func `one event that cannot be stored is quarantined, the others and the advance commit`(sqlState: String)
        async throws
    {
        let events = self.events(1_000, poison: [617])
        try await CacheFixture.with { cache in
            try await self.poison(cache, sqlState: sqlState)
            let outcome = try await cache.writer().write(cache.items(events) + [cache.advance(0..<100)])
            #expect(outcome.outcomes == events.indices.map { $0 == 617 ? .rejected(.unstorable) : .written })
            #expect(try await cache.storedIDs.count == 999)
            #expect(try await cache.reader.coverage(of: cache.relay, stream: cache.stream).description == "{[0,100)}")
            let entries = try await cache.column(
                """
                SELECT concat_ws('|', encode(event_id, 'hex'), reason, sql_state, relay_id, is_truncated,
                  convert_from(raw, 'UTF8'))
                FROM nostr_quarantine
                """
            )
            let event = events[617].event
            #expect(
                entries == [
                    "\(event.id)|unstorable|\(sqlState)|\(cache.relay)|f|\(String(decoding: event.json, as: UTF8.self))"
                ])
            // Written again: nothing new, and the entry is not doubled.
            let tables = try await cache.tables()
            let again = try await cache.writer().write(cache.items(events) + [cache.advance(0..<100)])
            #expect(again.outcomes == events.indices.map { $0 == 617 ? .rejected(.unstorable) : .duplicate })
            #expect(try await cache.tables() == tables)
        }
    }

    /// `to_tsvector` gives up on a megabyte of different words (54000): what could reach that is not in the index.
    @Test func `an event that the search index could not hold is stored without it`() async throws {
        // A compound is three words to the index.
        let words = (0..<45_000).map { String($0 + 46_656, radix: 36) + "-" + String($0, radix: 36) }.joined(
            separator: " ")
        let events = [
            self.signer.event(1111, "before"), self.signer.event(1111, words), self.signer.event(1111, "after"),
        ]
        try await CacheFixture.with { cache in
            let outcomes = try await cache.write(events)
            #expect(outcomes == [.written, .written, .written])
            #expect(try await cache.column("SELECT count(*)::text FROM nostr_quarantine") == ["0"])
        }
    }

    @Test(arguments: [0, 1_000])
    func `a batch of nothing but refused events ends with every one in quarantine`(copyRowsMin: Int) async throws {
        var events = self.events(70, poison: Set(0..<70))
        events = events.indices.map { self.signer.event(1, at: Int64($0), "poison") }
        try await CacheFixture.with { cache in
            try await self.poison(cache, sqlState: "22P02")
            let outcome = try await cache.writer { $0.copyRowsMin = copyRowsMin }.write(cache.items(events))
            #expect(outcome.outcomes == events.map { _ in .rejected(.unstorable) })
            #expect(try await cache.reader.counts().quarantineByReason == ["unstorable": 70])
        }
    }

    @Test func `an advance commits with the part that holds the last event ahead of it, never before`() async throws {
        let events = self.events(100, poison: [55])
        try await CacheFixture.with { cache in
            try await self.poison(cache, sqlState: "22P02")
            // Notes at each advance how many rows its own transaction sees.
            try await cache.script(
                """
                CREATE TABLE noted (covered int8multirange, seen bigint);
                CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  INSERT INTO noted SELECT NEW.covered, count(*) FROM nostr_events;
                  RETURN NEW;
                END $$;
                CREATE TRIGGER note AFTER INSERT OR UPDATE ON nostr_coverage FOR EACH ROW EXECUTE FUNCTION note();
                """)
            var items = [cache.advance(0..<1)]
            for (index, item) in cache.items(events).enumerated() {
                items.append(item)
                if (index + 1).isMultiple(of: 10) { items.append(cache.advance(Int64(index + 1)..<Int64(index + 2))) }
            }
            let outcome = try await cache.writer().write(items)
            #expect(outcome.outcomes == events.indices.map { $0 == 55 ? .rejected(.unstorable) : .written })
            #expect(outcome.transactions > 1)
            let early = try await cache.column(
                """
                SELECT covered::text FROM noted, unnest(covered) AS part
                WHERE lower(part) > seen + (CASE WHEN lower(part) > 55 THEN 1 ELSE 0 END)
                """)
            #expect(early == [])
            let spans = [0..<2] + stride(from: 10, through: 100, by: 10).map { Int64($0)..<Int64($0 + 1) }
            let expected = CoverageSet([(0..<1 as Range<Int64>).timestamps] + spans.dropFirst().map(\.timestamps))
            #expect(try await cache.reader.coverage(of: cache.relay, stream: cache.stream) == expected)
        }
    }

    @Test(arguments: ["40001", "40P01", "53100", "42501", "58030"])
    func `every other error is thrown and nothing is committed`(sqlState: String) async throws {
        let events = self.events(100, poison: [50])
        try await CacheFixture.with { cache in
            try await self.poison(cache, sqlState: sqlState)
            let tables = try await cache.tables()
            let items = cache.items(events) + [cache.advance(0..<10), cache.hole(20..<21)]
            let error = await #expect(throws: PostgresError.self) { try await cache.writer().write(items) }
            #expect(error?.sqlState == sqlState)
            #expect(error?.isTransient == ["40001", "40P01", "53100"].contains(sqlState))
            #expect(try await cache.tables() == tables)
            // The connection is fine, and the same batch goes through once the reason is gone.
            try await cache.script("DROP TRIGGER refuse ON nostr_events")
            #expect(try await cache.writer().write(items).outcomes == events.map { _ in .written })
        }
    }

    @Test func `rows do not commit without their coverage`() async throws {
        let events = self.events(10)
        try await CacheFixture.with { cache in
            try await cache.script(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '40001'; END $$;
                CREATE TRIGGER refuse BEFORE INSERT ON nostr_coverage FOR EACH ROW EXECUTE FUNCTION refuse();
                """)
            await #expect(throws: PostgresError.self) {
                try await cache.writer().write(cache.items(events) + [cache.advance(0..<10)])
            }
            #expect(try await cache.storedIDs == [])
        }
    }

    @Test func `coverage of a relay that is not registered is no event's fault`() async throws {
        let events = self.events(2)
        try await CacheFixture.with { cache in
            let advance = CoverageAdvance(
                relay: RelayID(-1), stream: cache.stream, span: Timestamp(0)..<Timestamp(10), proof: .exhausted)
            let error = await #expect(throws: PostgresError.self) {
                try await cache.writer().write(cache.items(events) + [.coverage(advance)])
            }
            #expect(error?.sqlState == "23503")
            let entries = try await cache.column("SELECT reason FROM nostr_quarantine")
            #expect(entries == [])
            // Not halved either.
            #expect(try await cache.storedIDs == [])
        }
    }

    @Test func `a lost connection is transient, and another connection writes the batch`() async throws {
        let events = self.events(100, poison: [99])
        try await CacheFixture.with { cache in
            try await cache.script(
                """
                CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF NEW.content = 'poison' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
                  RETURN NEW;
                END $$;
                CREATE TRIGGER hang_up BEFORE INSERT ON nostr_events FOR EACH ROW EXECUTE FUNCTION hang_up();
                """)
            let error = await #expect(throws: PostgresError.self) { try await cache.write(events) }
            #expect(error?.category == .connection)
            #expect(error?.isTransient == true)
            try await cache.script("DROP TRIGGER hang_up ON nostr_events")
            let other = CacheWriter(connection: try await CacheFixture.writerConnection(cache.configuration))
            #expect(try await other.write(cache.items(events)).outcomes == events.map { _ in .written })
        }
    }

    /// Every event that goes in comes out once, and what is said to be written is what is there.
    @Test(arguments: 0..<12 as Range<UInt64>)
    func `every event has exactly one outcome`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let pool = (0..<60).map { number -> VerifiedEvent in
            switch Int.random(in: 0..<6, using: &random) {
            case 0: self.signer.event(1, at: Int64(number), "poison")
            case 1: self.signer.event(0, by: UInt8.random(in: 1...3, using: &random), at: Int64(number), "{}")
            case 2:
                self.signer.event(30023, at: Int64.random(in: 1...5, using: &random), tags: [["d", "x"]], "\(number)")
            case 3: self.signer.event(1, at: Int64(number), "nul \0")
            default: self.signer.event(1111, at: Int64(number), "fine")
            }
        }
        try await CacheFixture.with { cache in
            try await self.poison(cache, sqlState: "22P02")
            for _ in 0..<6 {
                var events: [VerifiedEvent] = []
                var items: [CacheItem] = []
                for _ in 0..<Int.random(in: 0...90, using: &random) {
                    guard let event = pool.randomElement(using: &random) else { continue }
                    switch Int.random(in: 0..<8, using: &random) {
                    case 0: items.append(cache.advance(0..<5))
                    case 1: items.append(.heartbeat)
                    case 2:
                        items.append(cache.quarantine(event, bytes: 10))
                        events.append(event)
                    default:
                        items += cache.items([event])
                        events.append(event)
                    }
                }
                let before = try await cache.storedIDs
                let outcomes = try await cache.writer().write(items).outcomes
                #expect(outcomes.count == events.count)
                let written = zip(events, outcomes).filter { $1 == .written }.map { $0.0.event.id.description }
                #expect(Set(written).count == written.count)
                #expect(Set(written).isDisjoint(with: before))
                // What was written is there, or was replaced later in the batch where halving made parts of it.
                #expect(try await cache.storedIDs.subtracting(before).isSubset(of: written))
                for (event, outcome) in zip(events, outcomes) where event.event.hasNUL {
                    #expect([.rejected(.nulInText), .rejected(.future)].contains(outcome))
                }
            }
        }
    }
}
