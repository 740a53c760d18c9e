import Nostr
import Postgres
import TestSupport
import Testing

@testable import NostrCache

/// Replaceable and addressable events (NIP-01), profiles (rule D9): the same tables in every order of arrival.
struct SupersessionTests {
    let signer = TestSigner()

    /// Orders, splits into batches and repetitions are drawn from seeds; the tables must not tell them apart.
    @Test func `any order, any split and any repetition end in the same tables`() async throws {
        let events = self.versions
        try await CacheFixture.with { cache in
            try await cache.write(events)
            let expected = try await cache.tables()
            for seed in 0..<60 as Range<UInt64> {
                try await cache.clear()
                var random = SeededGenerator(seed: seed)
                let repeated = events + (0..<5).compactMap { _ in events.randomElement(using: &random) }
                for batch in Self.split(repeated.shuffled(using: &random), using: &random) {
                    try await cache.write(batch)
                }
                #expect(try await cache.tables() == expected, "seed \(seed)")
            }
        }
    }

    /// Two authors; equal times, unreadable profiles before, between and after readable ones, coordinates that look
    /// alike.
    private var versions: [VerifiedEvent] {
        var events: [VerifiedEvent] = []
        for author in [1, 2] as [UInt8] {
            for (time, content) in [
                (10, "{\"name\":\"a\"}"), (20, "{\"name\":\"b\"}"), (20, "{\"name\":\"c\"}"), (30, "no"),
            ] {
                events.append(self.signer.event(0, by: author, at: Int64(time), content))
            }
            events.append(self.signer.event(3, by: author, at: 10, tags: [["d", "ignored"]]))
            events.append(self.signer.event(3, by: author, at: 10, "tie"))
            for d in ["", "x", "X", "caf\u{e9}", "cafe\u{301}"] {
                events.append(self.signer.event(30023, by: author, at: 5, tags: [["d", d]]))
                events.append(self.signer.event(30023, by: author, at: 6, tags: [["d", d], ["d", "second"]]))
            }
            events.append(self.signer.event(30023, by: author, at: 7, "without d"))
        }
        // Author 1 ends readable.
        events.append(self.signer.event(0, by: 1, at: 40, "{\"name\":\"d\"}"))
        return events
    }

    private static func split(
        _ events: [VerifiedEvent], using random: inout some RandomNumberGenerator
    ) -> [[VerifiedEvent]] {
        var batches: [[VerifiedEvent]] = [[]]
        for event in events {
            if Int.random(in: 0..<4, using: &random) == 0 { batches.append([]) }
            batches[batches.count - 1].append(event)
        }
        return batches
    }

    @Test func `only the newest version stays, and its outcome says so`() async throws {
        let (old, new, newest) = (
            self.signer.event(10002, at: 1), self.signer.event(10002, at: 2), self.signer.event(10002, at: 3)
        )
        try await CacheFixture.with { cache in
            #expect(try await cache.write([new]) == [.written])
            #expect(try await cache.write([old]) == [.replaced])
            #expect(try await cache.write([old]) == [.replaced])
            let outcome = try await cache.writer().write(cache.items([newest, old, new]))
            #expect(outcome.outcomes == [.written, .replaced, .duplicate])
            #expect(outcome.supersededRows == 1)
            #expect(try await cache.storedIDs == [newest.event.id.description])
        }
    }

    @Test func `the high-water mark outlives its row`() async throws {
        let (old, new) = (
            self.signer.event(30023, at: 1, tags: [["d", "x"]]), self.signer.event(30023, at: 2, tags: [["d", "x"]])
        )
        try await CacheFixture.with { cache in
            try await cache.write([new])
            try await cache.script("DELETE FROM nostr_events")
            #expect(try await cache.write([old]) == [.replaced])
            #expect(try await cache.storedIDs == [])
            // The version that the mark names may return as itself.
            #expect(try await cache.write([new]) == [.written])
            #expect(try await cache.column("SELECT d || created_at FROM nostr_replaceable_heads") == ["x2"])
        }
    }

    @Test func `a long d is no obstacle`() async throws {
        let long = String(repeating: "d", count: 100_000)
        let versions = (1...3).map { self.signer.event(30023, at: $0, tags: [["d", long]]) }
        try await CacheFixture.with { cache in
            try await cache.write(versions)
            #expect(try await cache.storedIDs == [versions[2].event.id.description])
        }
    }

    // MARK: - Profiles

    /// Kind 0 events of one author, in order of arrival, and what the profile then says.
    static let profiles: [(name: String, events: [(Int64, String)], expected: String)] = [
        ("a readable one", [(1, "{\"name\":\"a\"}")], "a|1|t"),
        ("a newer one", [(1, "{\"name\":\"a\"}"), (2, "{\"name\":\"b\"}")], "b|2|t"),
        ("an older one", [(2, "{\"name\":\"b\"}"), (1, "{\"name\":\"a\"}")], "b|2|t"),
        ("01-23: an unreadable newer one", [(1, "{\"name\":\"a\"}"), (2, "not json")], "a|1|f"),
        ("the same in the other order", [(2, "not json"), (1, "{\"name\":\"a\"}")], "a|1|f"),
        ("readable again", [(1, "{\"name\":\"a\"}"), (2, "no"), (3, "{\"name\":\"c\"}")], "c|3|t"),
        ("an unreadable older one", [(2, "{\"name\":\"b\"}"), (1, "[]")], "b|2|t"),
        ("only an unreadable one", [(1, "null")], ""),
        ("fields go with their profile", [(1, "{\"name\":\"a\"}"), (2, "{\"about\":\"b\"}")], "|2|t"),
    ]

    @Test(arguments: profiles.indices, [true, false])
    func `a profile is the newest readable kind 0`(index: Int, isOneBatch: Bool) async throws {
        let row = Self.profiles[index]
        let events = row.events.map { self.signer.event(0, at: $0.0, $0.1) }
        try await CacheFixture.with { cache in
            for batch in isOneBatch ? [events] : events.map({ [$0] }) { try await cache.write(batch) }
            let profile = try await cache.column(
                "SELECT concat(name, '|', updated_at, '|', profile_valid) FROM nostr_profiles"
            ).joined()
            #expect(profile == row.expected, "\(row.name)")
            // The event itself supersedes as always.
            let newest = events.max { $0.event.createdAt < $1.event.createdAt }
            #expect(try await cache.storedIDs == [newest?.event.id.description])
        }
    }

    @Test func `equal times go to the lowest id, in the table and in the profile`() async throws {
        let pair = ["{\"name\":\"a\"}", "{\"name\":\"b\"}"].map { self.signer.event(0, at: 1, $0) }
            .sorted { $0.event.id < $1.event.id }
        for order in [pair, pair.reversed()] {
            try await CacheFixture.with { cache in
                for event in order { try await cache.write([event]) }
                #expect(try await cache.storedIDs == [pair[0].event.id.description])
                #expect(
                    try await cache.column("SELECT encode(event_id, 'hex') FROM nostr_profiles") == [
                        pair[0].event.id.description
                    ])
            }
        }
    }

    @Test func `unreadable profiles and changes are counted`() async throws {
        let events = [(1, "{}"), (2, "no"), (3, "[]")].map { self.signer.event(0, at: $0.0, $0.1) }
        try await CacheFixture.with { cache in
            let outcome = try await cache.writer().write(cache.items(events))
            #expect(outcome.profilesChanged == 1)
            #expect(outcome.profilesUnreadable == 2)
        }
    }
}

/// The protocol's sequences, as far as supersession and expiration decide them.
struct LifecycleTests {
    struct Sequence: Sendable, CustomTestStringConvertible {
        let row: JSONValue
        var id: String { self.row["id"]?.string ?? "" }
        var testDescription: String { "\(self.id) \(self.row["note"]?.string ?? "")" }
    }

    static let all = VectorFile.rows("lifecycle-sequences.json").map { Sequence(row: $0) }

    /// Why a sequence waits for a later issue: the cache has no deletion marks and no vanish marks yet.
    static func skipReason(_ id: String) -> String? {
        switch id {
        case "01-33": "the newer version is deleted by a deletion request"
        case _ where id.hasPrefix("09-"): "deletion requests"
        case _ where id.hasPrefix("62-"): "vanish requests"
        default: nil
        }
    }

    @Test func `every sequence is played or skipped for a reason`() {
        #expect(Self.all.count == 57)
        #expect(
            Self.all.filter { Self.skipReason($0.id) == nil }.map(\.id) == [
                "01-17", "01-18", "01-19", "01-20", "01-21", "01-22", "01-23", "01-32a", "01-32b", "01-34", "40-1",
                "40-2", "40-3",
                "40-4", "40-5", "40-6", "40-6b", "40-6c", "40-6d", "40-7", "40-8", "40-9", "40-10",
            ])
    }

    @Test(arguments: all.filter { skipReason($0.id) == nil })
    func `ends as the sequence says, in every order it allows`(sequence: Sequence) async throws {
        let signer = TestSigner()
        let steps = try #require(sequence.row["steps"]?.array)
        let expected = try #require(sequence.row["expected"])
        let viewNow = try #require(sequence.row["view_now"]?.integer)
        let events = try steps.map { step -> (event: VerifiedEvent, now: Timestamp) in
            let json = Array((step["event"] ?? .null).text.utf8)
            return (try signer.verify(json), Timestamp(step["now"]?.integer ?? 0))
        }
        let orders =
            sequence.row["order"]?.string == "any" ? Self.permutations(Array(events.indices)) : [Array(events.indices)]
        try await CacheFixture.with { cache in
            for order in orders {
                try await cache.clear()
                var reasons: [JSONValue] = []
                for index in order {
                    let (event, now) = events[index]
                    // As the daemon does, before the queue.
                    if let rejection = EventGate.rejection(of: event.event, now: now) {
                        reasons.append(.string(rejection.rawValue))
                        continue
                    }
                    let outcome = try await cache.write([event])
                    reasons.append(outcome == [.replaced] ? .string("superseded") : .null)
                    #expect(outcome != [.duplicate])
                }
                let stored = try await cache.column(
                    """
                    SELECT encode(event_id, 'hex') FROM nostr_events
                    WHERE expires_at IS NULL OR expires_at > \(viewNow) ORDER BY 1
                    """)
                #expect(stored == expected["stored"]?.array?.compactMap(\.string), "order \(order)")
                if let wanted = expected["reasons"]?.array { #expect(reasons == wanted) }
            }
        }
    }

    private static func permutations(_ elements: [Int]) -> [[Int]] {
        guard elements.count > 1 else { return [elements] }
        return elements.flatMap { first in
            Self.permutations(elements.filter { $0 != first }).map { [first] + $0 }
        }
    }
}
