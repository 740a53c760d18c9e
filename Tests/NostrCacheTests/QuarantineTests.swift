import Nostr
import Postgres
import TestSupport
import Testing

@testable import NostrCache

struct QuarantineTests {
    let signer = TestSigner()

    private func events(_ count: Int) -> [VerifiedEvent] {
        (0..<count).map { self.signer.event(1, "\($0)") }
    }

    @Test func `the oldest entries leave when there are too many`() async throws {
        let events = self.events(8)
        try await CacheFixture.with { cache in
            let writer = cache.writer { $0.quarantineRowsMax = 3 }
            var dropped = 0
            for event in events {
                let outcome = try await writer.write([cache.quarantine(event, bytes: 10)])
                #expect(outcome.outcomes == [.rejected(.future)])
                dropped += outcome.quarantineDropped
            }
            #expect(dropped == 5)
            #expect(try await self.ids(cache) == events.suffix(3).map(\.event.id.description))
        }
    }

    @Test func `the oldest entries leave when they take too much`() async throws {
        let events = self.events(6)
        try await CacheFixture.with { cache in
            let writer = cache.writer { $0.quarantineBytesMax = 1_000 }
            let outcome = try await writer.write(events.map { cache.quarantine($0, bytes: 300) })
            #expect(outcome.quarantineDropped == 3)
            #expect(try await self.ids(cache) == events.suffix(3).map(\.event.id.description))
            #expect(try await cache.reader.counts().quarantineBytes == 900)
        }
    }

    @Test func `an entry is there once, with its latest reason`() async throws {
        let event = self.events(1)[0]
        try await CacheFixture.with { cache in
            _ = try await cache.writer().write([cache.quarantine(event, bytes: 10), cache.quarantine(event, bytes: 10)])
            _ = try await cache.writer().write([cache.quarantine(event, bytes: 10, .unstorable)])
            #expect(try await cache.column("SELECT reason FROM nostr_quarantine") == ["unstorable"])
        }
    }

    @Test func `bytes beyond the column's bound are cut, and the entry says so`() async throws {
        let events = self.events(2)
        try await CacheFixture.with { cache in
            _ = try await cache.writer().write([
                cache.quarantine(events[0], bytes: 524_288), cache.quarantine(events[1], bytes: 524_289),
            ])
            #expect(
                try await cache.column(
                    "SELECT octet_length(raw) || ' ' || is_truncated FROM nostr_quarantine ORDER BY quarantine_id")
                    == ["524288 false", "524288 true"])
        }
    }

    @Test func `an event that is stored after all leaves the quarantine`() async throws {
        let events = self.events(3)
        try await CacheFixture.with { cache in
            _ = try await cache.writer().write(events.map { cache.quarantine($0, bytes: 10) })
            try await cache.write([events[0]])
            _ = try await cache.writer().write(cache.items([events[1]]) + [cache.quarantine(events[1], bytes: 10)])
            #expect(try await self.ids(cache) == [events[2].event.id.description])
        }
    }

    @Test func `U+0000 that reaches the writer is kept beside the cache`() async throws {
        let events = [
            self.signer.event(1, "a\0b"), self.signer.event(1, "fine"), self.signer.event(1, tags: [["t", "\0"]]),
        ]
        try await CacheFixture.with { cache in
            let outcome = try await cache.writer().write(cache.items(events))
            #expect(outcome.outcomes == [.rejected(.nulInText), .written, .rejected(.nulInText)])
            #expect(outcome.transactions == 1)
            let raw = try await cache.column(
                "SELECT convert_from(raw, 'UTF8') FROM nostr_quarantine ORDER BY quarantine_id")
            #expect(raw == [events[0], events[2]].map { String(decoding: $0.event.json, as: UTF8.self) })
        }
    }

    private func ids(_ cache: CacheFixture) async throws -> [String] {
        try await cache.column("SELECT encode(event_id, 'hex') FROM nostr_quarantine ORDER BY quarantine_id")
    }
}
