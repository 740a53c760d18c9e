import Nostr
import TestSupport
import Testing

@testable import NostrCache

/// Valid events that are as unpleasant as valid events can be: each is stored, and costs the others nothing.
struct BadInputTests {
    let signer = TestSigner()

    private static let id = String(repeating: "ab", count: 32)

    /// Tags that no reader can use, for every kind that has a reader.
    static let tags: [[[String]]] = [
        [[], [""], ["e"], ["p"], ["a"], ["i"], ["k"], ["l"], ["L"], ["d"], ["relay"], ["zap"], ["emoji"]],
        [
            ["e", ""], ["p", ""], ["a", ""], ["i", ""], ["k", ""], ["l", ""], ["bolt11", ""], ["description", ""],
        ],
        [
            ["e", "AB"], ["p", String(repeating: "A", count: 64)], ["a", "1:2:3"], ["a", "99999:\(id):"], ["k", "-1"],
        ],
        [["a", "34550:\(id):" + String(repeating: "d", count: 60_000)], ["e", id], ["p", id]],
        [["A", "34550:\(id):" + String(repeating: ":", count: 3_000)], ["K", "34550"], ["E", id]],
        [["i", "https://" + String(repeating: "a", count: 65_536)], ["I", "isbn:x"], ["k", "web"]],
        [
            ["l", String(repeating: "l", count: 65_536), "ns"], ["L", String(repeating: "L", count: 65_536)],
            ["e", id],
        ],
        [["i", "https://\u{202E}\u{0}example"], ["I", "geo:"], ["\u{212A}", "1111"]],
        [["e", id, "", "root", id, "more", "and", "more"], ["p", id, id, id], ["imeta", ""]],
    ]

    static let contents = [
        "", "{", String(repeating: "[", count: 20_000), "{\"a\":" + String(repeating: "{\"a\":", count: 5_000),
        "{\"name\":\"\\u0000\",\"about\":5,\"picture\":[]}", String(repeating: "\u{1F468}\u{200D}", count: 2_000),
        ":" + String(repeating: "x", count: 500) + ":", "\u{FE0F}\u{FE0F}", String(repeating: "x", count: 65_536),
    ]

    static let invoices = [
        "lnbc", "lnbc1", "LNBC1p", "lnbc" + String(repeating: "9", count: 40) + "m1",
        "lnbc1" + String(repeating: "q", count: 60_000), "lightning:lnbc20m1\u{e9}", "lntb1u1", "lnbc0u1qqqqqqqq",
    ]

    private var events: [VerifiedEvent] {
        var events: [VerifiedEvent] = []
        let kinds: [UInt16] = [0, 1, 3, 5, 6, 7, 16, 17, 62, 1059, 1111, 1244, 1984, 1985, 4550, 9735, 30023, 34550]
        for (number, kind) in kinds.enumerated() {
            for (index, tags) in Self.tags.enumerated()
            where !tags.flatMap(\.self).contains(where: { $0.utf8.contains(0) }) {
                events.append(
                    self.signer.event(
                        kind, by: UInt8(1 + index), at: Int64(number), tags: tags,
                        Self.contents[(number + index) % Self.contents.count]))
            }
        }
        for (index, invoice) in Self.invoices.enumerated() {
            for description in Self.contents {
                let tags = [["p", Self.id], ["e", Self.id], ["bolt11", invoice], ["description", description]]
                events.append(self.signer.event(9735, by: 1, at: Int64(index), tags: tags))
            }
        }
        return events
    }

    @Test func `malformed tags, long values, hostile invoices and nested JSON cost one row each`() async throws {
        let good = (0..<20).map { self.signer.event(1, by: 100, "good \($0)") }
        let events = self.events
        try await CacheFixture.with { cache in
            let outcome = try await cache.writer().write(cache.items(good + events))
            #expect(outcome.transactions == 1)
            #expect(!outcome.outcomes.contains { if case .rejected = $0 { true } else { false } })
            #expect(try await cache.column("SELECT count(*)::text FROM nostr_quarantine") == ["0"])
            #expect(
                try await cache.column("SELECT count(*)::text FROM nostr_events WHERE content LIKE 'good%'") == ["20"])
            #expect(try await cache.column("SELECT DISTINCT level::text FROM nostr_zaps") == ["0"])
            let before = try await cache.column(TableDump.hash(of: TableDump.projections))
            _ = try await CacheRebuild(connection: cache.connection).run()
            #expect(try await cache.column(TableDump.hash(of: TableDump.projections)) == before)
        }
    }

    /// One event of ten thousand tags of every name that makes rows, in every kind that has a reader.
    @Test func `ten thousand tags make a bounded number of rows`() async throws {
        let long = ["e", "p", "a", "A", "E"]
        let short = ["l", "i", "t", "r", "relay", "zap"]
        // Two in five hold an id, so that the event stays below its limit.
        let tags = (0..<10_000).map { number -> [String] in
            guard number % 5 < 2 else { return [short[number % short.count], "isbn:978076538\(1_000 + number)"] }
            let hex = String(number, radix: 16)
            let id = String(repeating: "0", count: 64 - hex.count) + hex
            let name = long[number / 5 % long.count]
            return [name, name == "a" || name == "A" ? "34550:\(id):d" : id]
        }
        let kinds: [UInt16] = [1, 5, 7, 16, 17, 62, 1111, 1985, 4550, 9735, 34550]
        let events = kinds.enumerated().map { self.signer.event($1, by: 1, at: Int64($0), tags: tags) }
        try await CacheFixture.with { cache in
            let outcome = try await cache.writer().write(cache.items(events))
            #expect(outcome.outcomes == events.map { _ in .written })
            let largest = try await cache.column(
                """
                SELECT max(n)::text
                FROM (
                  SELECT count(*) AS n FROM nostr_mentions GROUP BY event_id
                  UNION ALL SELECT count(*) FROM nostr_external_ids GROUP BY event_id
                  UNION ALL SELECT count(*) FROM nostr_reactions GROUP BY event_id
                  UNION ALL SELECT count(*) FROM nostr_labels GROUP BY event_id
                  UNION ALL SELECT count(*) FROM nostr_community_posts GROUP BY event_id
                  UNION ALL SELECT count(*) FROM nostr_community_approvals GROUP BY event_id
                ) AS rows
                """)
            #expect(largest.compactMap(Int.init).allSatisfy { $0 <= 1_024 })
            // Each of a request's references is a mark: their number is bounded by the event's size.
            let marks = try await cache.column("SELECT count(*)::text FROM nostr_deletions")
            #expect(marks == ["800"])
        }
    }

    /// Reactions that all compete: one author, one target.
    @Test func `a thousand votes of one author are one vote`() async throws {
        let target = self.signer.event(1, by: 2, "target")
        let votes = (0..<1_000).map {
            self.signer.event(7, at: Int64($0), tags: [["e", "\(target.event.id)"]], $0.isMultiple(of: 2) ? "+" : "-")
        }
        try await CacheFixture.with { cache in
            try await cache.write([target] + votes.dropLast())
            #expect(try await cache.column("SELECT up || ' ' || down FROM nostr_event_stats") == ["1 0"])
            try await cache.write([votes[999]])
            #expect(try await cache.column("SELECT up || ' ' || down FROM nostr_event_stats") == ["0 1"])
        }
    }

    @Test func `only the fifty largest emoji are listed, and all are counted`() async throws {
        let target = self.signer.event(1, by: 9, "target")
        var reactions: [VerifiedEvent] = []
        for number in 0..<60 {
            for author in 1...(number < 10 ? 1 : 2) as ClosedRange<UInt8> {
                reactions.append(
                    self.signer.event(7, by: author, tags: [["e", "\(target.event.id)"]], ":e\(number):"))
            }
        }
        try await CacheFixture.with { cache in
            try await cache.write(reactions)
            let query = """
                SELECT concat_ws(' ', reaction_count, (SELECT count(*) FROM jsonb_object_keys(reactions)),
                  reactions ? ':e3:')
                FROM nostr_event_stats
                """
            #expect(try await cache.column(query) == ["110 50 f"])
            let third = reactions[3].event
            try await cache.write(
                [2, 3].map { self.signer.event(7, by: $0, tags: [["e", "\(target.event.id)"]], ":e3:") })
            #expect(try await cache.column(query) == ["112 50 t"])
            try await cache.write([self.signer.event(5, by: 1, tags: [["e", "\(third.id)"]])])
            #expect(try await cache.column(query) == ["111 50 t"])
        }
    }
}
