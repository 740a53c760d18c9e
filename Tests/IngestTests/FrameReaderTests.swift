import NIOCore
import Nostr
import NostrCache
import RelayClient
import RelayWorld
import Testing

@testable import Ingest

/// One batch that holds a frame for every bucket of the equation.
struct FrameReaderTests {
    let now = ContinuousClock.now
    let wall = Timestamp(1_760_000_000)

    func event(_ number: Int, kind: UInt16 = 1, at seconds: Int64 = 1_759_000_000, content: String? = nil) -> Event {
        let signer = Signer()
        let key = signer.key(named: "author")
        return signer.sign(
            Event.Body(
                pubkey: key.publicKey, createdAt: Timestamp(seconds), kind: Kind(kind), tags: [["t", "\(number)"]],
                content: content ?? "event \(number)"), with: key)
    }

    func frame(_ event: Event, under id: SubscriptionID) -> ByteBuffer {
        ByteBuffer(bytes: Array("[\"EVENT\",\"\(id)\",".utf8) + event.json + Array("]".utf8))
    }

    /// - Parameter committed: what relay 1 showed before.
    func reader(of relay: RelayID = RelayID(1), committed: some Sequence<Event> = [Event]()) -> FrameReader {
        let known = CommittedEvents(capacity: 64)
        known.insert(committed.map { (id: $0.id, createdAt: $0.createdAt, relay: RelayID(1)) })
        return FrameReader(
            relay: relay, committed: known, keys: PublicKeyCache(capacity: 64),
            verified: VerifiedSignatures(capacity: 64), limits: EventLimits())
    }

    /// The name of a request that the session has sent.
    func ask(_ session: inout RelaySession<RequestPurpose>) throws -> SubscriptionID {
        let message = session.ask(RequestPurpose(follower: 0, window: 0), Filter(), now: self.now)
        guard case .request(let id, _) = message else { throw EventRejection.policy }
        return id
    }

    /// Reads one batch and returns its counts and what goes to the queue.
    func read(
        committed: [Event] = [], _ frames: (SubscriptionID) -> [ByteBuffer]
    ) async throws -> (Accounts.FrameCounts, [CacheItem]) {
        var session = RelaySession<RequestPurpose>()
        let id = try self.ask(&session)
        var reader = self.reader(committed: committed)
        var counts = Accounts.FrameCounts()
        _ = reader.read(frames(id), into: &session, now: self.now, counts: &counts)
        let items = await reader.verify(at: self.wall, seenAt: 0, counts: &counts)
        return (counts, items)
    }

    func mixed() async throws -> (Accounts.FrameCounts, [CacheItem]) {
        let copy = self.event(1)
        let forged = try Event(
            Event.Body(
                pubkey: copy.pubkey, createdAt: copy.createdAt, kind: copy.kind, tags: [], content: "forged"),
            id: self.event(2).id, sig: copy.sig)
        return try await self.read(committed: [copy]) { id in
            [
                self.frame(copy, under: id),
                self.frame(self.event(3), under: id),
                self.frame(self.event(4, at: self.wall.seconds + 901), under: id),
                self.frame(self.event(5, content: "a\0b"), under: id),
                self.frame(forged, under: id),
                self.frame(self.event(6, kind: 20_001), under: id),
                self.frame(self.event(7), under: SubscriptionID(rawValue: "stranger")),
                ByteBuffer(string: "[\"EVENT\",\"\(id)\",{\"id\":1}]"),
                ByteBuffer(string: "[\"EVENT\",\"\(id)\",{"),
                ByteBuffer(string: "not json"),
                ByteBuffer(string: "[\"NOTICE\",\"hello\"]"),
            ]
        }
    }

    @Test func `every frame ends in one bucket`() async throws {
        let (counts, items) = try await self.mixed()
        #expect(counts.received == 9)
        #expect(counts.duplicates == 1)
        #expect(counts.queued == 3)
        #expect(
            counts.rejected == [
                .badID: 1, .ephemeral: 1, .unknownSubscription: 1, .badType: 1, .malformedJSON: 1,
            ])
        #expect(counts.unreadable == 1)
        #expect(counts.difference == 0)
        #expect(items.count == 3)
    }

    @Test func `a branch that drops its frames makes the equation fail`() async throws {
        let (counts, _) = try await self.mixed()
        var withoutDuplicates = counts
        withoutDuplicates.duplicates = 0
        var withoutQueued = counts
        withoutQueued.queued -= 1
        var broken = [withoutDuplicates, withoutQueued]
        for reason in counts.rejected.keys {
            var withoutReason = counts
            withoutReason.rejected[reason] = nil
            broken.append(withoutReason)
        }
        for counts in broken {
            let accounts = Accounts()
            accounts.settle(counts, from: "relay")
            #expect(accounts.snapshot.unaccounted > 0)
        }
    }

    @Test func `a copy that another relay showed first is a sighting, once`() async throws {
        let events = (1...3).map { self.event($0) }
        var session = RelaySession<RequestPurpose>()
        let id = try self.ask(&session)
        var reader = self.reader(of: RelayID(2), committed: events[..<2])
        var counts = Accounts.FrameCounts()
        func read(_ frames: [ByteBuffer]) async -> [String] {
            _ = reader.read(frames, into: &session, now: self.now, counts: &counts)
            return await reader.verify(at: self.wall, seenAt: 7, counts: &counts).map { item in
                switch item {
                case .event(let verified, let relay, _): "event \(verified.event.id) of \(relay?.rawValue ?? 0)"
                case .sighting(let id, let relay, let seenAt): "sighting \(id) by \(relay) at \(seenAt)"
                case .coverage, .hole, .quarantine, .heartbeat: "another item"
                }
            }
        }
        // Nobody asked this relay for the second one under that name.
        let first = await read([
            self.frame(events[0], under: id), self.frame(events[1], under: SubscriptionID(rawValue: "stranger")),
            self.frame(events[2], under: id),
        ])
        #expect(first == ["event \(events[2].id) of 2", "sighting \(events[0].id) by 2 at 7"])
        #expect(await read(events[..<2].map { self.frame($0, under: id) }) == ["sighting \(events[1].id) by 2 at 7"])
        #expect(await read(events[..<2].map { self.frame($0, under: id) }) == [])
        #expect(counts.duplicates == 5)
        #expect(counts.difference == 0)
    }

    @Test func `what an open tail delivers is live, what answers a request is not`() throws {
        var session = RelaySession<RequestPurpose>()
        let answer = try self.ask(&session)
        let tail = session.tail(RequestPurpose(follower: 0, window: nil), Filter(), now: self.now)
        guard case .request(let live, _) = tail else { throw EventRejection.policy }
        var reader = self.reader()
        var counts = Accounts.FrameCounts()
        func read(_ frames: [ByteBuffer]) -> [Timestamp] {
            _ = reader.read(frames, into: &session, now: self.now, counts: &counts)
            return reader.live
        }
        // Before its EOSE a tail has not begun.
        #expect(read([self.frame(self.event(1, at: 5), under: live)]) == [])
        #expect(read([ByteBuffer(string: "[\"EOSE\",\"\(live)\"]")]) == [])
        #expect(
            read([
                self.frame(self.event(2, at: 6), under: answer), self.frame(self.event(3, at: 7), under: live),
                self.frame(self.event(4, at: 8), under: live),
            ]) == [Timestamp(7), Timestamp(8)])
        #expect(read([]) == [])
        #expect(counts.received == 4)
    }

    @Test func `what cannot be stored yet is quarantined with its reason, not lost`() async throws {
        let (_, items) = try await self.mixed()
        let reasons = items.compactMap { item in
            if case .quarantine(let quarantined) = item { quarantined.reason } else { nil }
        }
        #expect(reasons == [.future, .nulInText])
    }

    @Test func `a bogus body under a committed id is a copy, under another id it suppresses nothing`() async throws {
        let genuine = self.event(1)
        let bogus = try Event(
            Event.Body(
                pubkey: genuine.pubkey, createdAt: genuine.createdAt, kind: genuine.kind, tags: [], content: "bogus"),
            id: genuine.id, sig: genuine.sig)
        let (counts, items) = try await self.read { id in
            [self.frame(bogus, under: id), self.frame(genuine, under: id)]
        }
        #expect(counts.rejected == [.badID: 1])
        #expect(items.count == 1)
    }
}
