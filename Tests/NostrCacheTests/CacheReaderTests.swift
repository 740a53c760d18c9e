import Nostr
import Postgres
import TestSupport
import Testing

@testable import NostrCache

struct CacheReaderTests {
    let signer = TestSigner()

    private func url(_ text: String) throws -> RelayURL { try #require(RelayURL(text)) }

    @Test func `a relay keeps its number and takes its new role`() async throws {
        let (one, two) = (try self.url("wss://one.example"), try self.url("wss://two.example/path"))
        try await CacheFixture.with { cache in
            let first = try await cache.reader.register([one: .primary, two: .fallback])
            let second = try await cache.reader.register([
                two: .profiles, try self.url("WSS://ONE.example:443/"): .primary,
            ])
            #expect(first == second)
            #expect(Set(first.values).count == 2)
            #expect(
                try await cache.column("SELECT role FROM nostr_relays WHERE url = 'wss://two.example/path'") == [
                    "profiles"
                ])
            #expect(try await cache.reader.register([:]) == [:])
            try await cache.reader.disableRelays(except: [try #require(first[one])])
            #expect(try await cache.column("SELECT url FROM nostr_relays WHERE enabled") == ["wss://one.example"])
            _ = try await cache.reader.register([two: .primary])
            #expect(try await cache.column("SELECT url FROM nostr_relays WHERE enabled ORDER BY 1").count == 2)
        }
    }

    @Test func `another filter is another stream, and the old one comes back with its coverage`() async throws {
        var posts = Filter(kinds: [.comment, .note])
        posts.tags = [.init(name: UInt8(ascii: "K"), values: ["web", "b"])]
        var reordered = Filter(kinds: [.note, .comment])
        reordered.tags = [.init(name: UInt8(ascii: "K"), values: ["b", "web", "b"])]
        reordered.since = Timestamp(5)
        let other = Filter(kinds: [.note])
        let states = """
            SELECT active || ' ' || (retired_at IS NULL) FROM nostr_streams WHERE name = 's' ORDER BY stream_id
            """
        try await CacheFixture.with { cache in
            let first = try await cache.reader.activate(["s": posts, "t": other])
            #expect(Set(first.values).count == 2)
            #expect(try await cache.reader.activate(["s": reordered]) == ["s": try #require(first["s"])])
            let changed = try await cache.reader.activate(["s": other])
            #expect(changed["s"] != first["s"])
            #expect(
                try await cache.column(states)
                    == ["false false", "true true"])
            #expect(try await cache.reader.activate(["s": posts])["s"] == first["s"])
            #expect(
                try await cache.column(states)
                    == ["true true", "false false"])
            // The hash is of the canonical text, which PostgreSQL can compute as well.
            let hashed = try await cache.column(
                "SELECT stream_id::text FROM nostr_streams WHERE filter_hash = sha256('\(posts.canonicalText)')")
            #expect(hashed == [try #require(first["s"]).description])
            try await cache.reader.retireStreams(except: [try #require(first["t"])])
            #expect(try await cache.column("SELECT name FROM nostr_streams WHERE active") == ["t"])
        }
    }

    @Test func `committed ids come newest first, and a probe finds what is there`() async throws {
        let events = (0..<5).map { self.signer.event(1, at: Int64($0), "\($0)") }
        try await CacheFixture.with { cache in
            #expect(try await cache.reader.lastIngestSeq() == 0)
            for event in events { try await cache.write([event]) }
            let recent = try await cache.reader.recentCommitted(limit: 3)
            #expect(recent.map(\.id) == events.suffix(3).reversed().map(\.event.id))
            #expect(recent.map(\.createdAt.seconds) == [4, 3, 2])
            #expect(recent.map(\.relay) == [cache.relay, cache.relay, cache.relay])
            let unknown = self.signer.event(1, "unknown").event.id
            #expect(try await cache.reader.existing([events[0].event.id, unknown]) == [events[0].event.id])
            #expect(try await cache.reader.existing([]) == [])
        }
    }

    @Test func `counts are of what is there`() async throws {
        try await CacheFixture.with { cache in
            #expect(try await cache.reader.counts() == CacheCounts())
            try await cache.write([self.signer.event(1, "a"), self.signer.event(1, "b"), self.signer.event(0, "{}")])
            _ = try await cache.writer().write([cache.quarantine(self.signer.event(1, "c"), bytes: 7)])
            let counts = try await cache.reader.counts()
            #expect(counts.eventsByKind == [.note: 2, .profile: 1])
            #expect(counts.events == 3)
            #expect(counts.profiles == 1)
            #expect(counts.quarantineByReason == ["future": 1])
            #expect(counts.quarantineBytes == 7)
        }
    }

    @Test func `an observation changes what it says and leaves the rest`() async throws {
        try await CacheFixture.with { cache in
            var observation = RelayObservation()
            observation.lastConnectedAt = 1_000_000
            observation.effectiveLimit = 500
            observation.nip11 = JSONValue(parsing: #"{"name":"a\u0000b"}"#)
            try await cache.reader.record(observation, of: cache.relay)
            observation = RelayObservation()
            observation.lastError = "\0" + String(repeating: "é", count: 300)
            observation.consecutiveFailures = 3
            try await cache.reader.record(observation, of: cache.relay)
            try await cache.reader.record(RelayObservation(), of: cache.relay)
            let row = try await cache.column(
                """
                SELECT concat_ws('|', extract(epoch FROM last_connected_at)::bigint, effective_limit, nip11,
                  octet_length(last_error), consecutive_failures, last_error_at IS NOT NULL,
                  nip11_fetched_at IS NOT NULL, last_eose_at IS NULL)
                FROM nostr_relays WHERE relay_id = \(cache.relay)
                """)
            #expect(row == ["1|500|{\"name\": \"ab\"}|512|3|t|t|t"])
        }
    }

    @Test func `the status shows every relay with every stream, with holes and reasons`() async throws {
        try await CacheFixture.with { cache in
            let fallback = try await cache.reader.register([try self.url("wss://a.example"): .fallback])
            let batch = [
                cache.advance(0..<10, .finish), cache.advance(20..<30, .live), cache.hole(12..<13), cache.hole(12..<13),
            ]
            _ = try await cache.writer().write(batch)
            let status = try await cache.reader.coverageStatus()
            #expect(status.map(\.url) == ["wss://a.example", "wss://relay.example"])
            #expect(status[0].relay == fallback.values.first)
            #expect(status[0].covered.isEmpty)
            #expect(status[0].updatedAt == nil)
            #expect(status[1].name == "posts")
            #expect(status[1].isActive)
            #expect(status[1].covered.description == "{[0,10),[20,30)}")
            #expect(status[1].lastProof == .live)
            #expect(status[1].lastEOSEAt != nil)
            #expect(status[1].holes.map(\.reason) == ["dense_second"])
            #expect(status[1].holes.map(\.attempts) == [2])
            // A retired stream is shown as long as it covers something.
            _ = try await cache.reader.activate(["posts": Filter(kinds: [.note])])
            let later = try await cache.reader.coverageStatus()
            #expect(later.map(\.isActive).sorted { !$0 && $1 } == [false, true, true])
        }
    }
}

struct WriterLockTests {
    @Test func `one session writes, and another takes over when it is gone`() async throws {
        try await CacheFixture.with { cache in
            let first = try await PostgresConnection.open(cache.configuration, logger: .silent)
            let second = try await PostgresConnection.open(cache.configuration, logger: .silent)
            let (holder, standby) = (try await WriterLock(connection: first), try await WriterLock(connection: second))
            #expect(try await holder.tryAcquire())
            #expect(try await holder.tryAcquire())
            #expect(try await holder.isHeld())
            #expect(try await !standby.tryAcquire())
            #expect(try await !standby.isHeld())
            #expect(try await standby.holders().count == 1)
            // Asked twice, held once: one release frees it.
            try await holder.release()
            #expect(try await standby.tryAcquire())
            try await standby.release()

            #expect(try await holder.tryAcquire())
            await first.close()
            await #expect(throws: PostgresError.notConnected) { try await holder.isHeld() }
            try await standby.acquire(every: .milliseconds(1), for: .seconds(5), logger: .silent) { _ in
                await Task.yield()
            }
            #expect(try await standby.isHeld())
            await second.close()
        }
    }

    @Test func `two schemas have two writers`() async throws {
        try await CacheFixture.with { cache in
            let other = try await PostgresConnection.open(cache.configuration, logger: .silent)
            try await other.run { try $0.executeScript("CREATE SCHEMA other; SET search_path = other") }
            #expect(try await WriterLock(connection: cache.connection).tryAcquire())
            #expect(try await WriterLock(connection: other).tryAcquire())
            await other.close()
        }
    }
}
