import NIOCore
import NIOPosix
import Nostr
import Testing

@testable import RelayWorld

@Suite(.timeLimit(.minutes(1)))
struct WorldRelayTests {
    @Test func `a REQ is answered newest first, ties by lowest id, and then EOSE`() async throws {
        let events = notes([100, 300, 200, 200, 200])
        try await withRelay(events) { relay in
            let texts = try await RawClient.with(relay) { try await $0.ask("a", Filter(kinds: [.note])) }
            #expect(texts.events.map(\.id) == newestFirst(events).map(\.id))
            #expect(texts.last == "[\"EOSE\",\"a\"]")
        }
    }

    @Test func `since and until are inclusive`() async throws {
        let events = notes(1...9)
        try await withRelay(events) { relay in
            var filter = Filter()
            filter.since = Timestamp(3)
            filter.until = Timestamp(5)
            let asked = filter
            let texts = try await RawClient.with(relay) { try await $0.ask("a", asked) }
            #expect(texts.events.map(\.createdAt.seconds) == [5, 4, 3])
        }
    }

    @Test func `paging by an inclusive until reaches every event`() async throws {
        let events = notes((0..<1000).map { Int64(1 + $0 / 3) })
        try await withRelay(events, .with { $0.silentCap = 70 }) { relay in
            let (ids, pages) = try await RawClient.with(relay) { client in
                var ids: Set<EventID> = []
                var filter = Filter(kinds: [.note])
                filter.limit = 500
                var pages = 0
                while true {
                    let page = try await client.ask("page-\(pages)", filter).events
                    pages += 1
                    #expect(page.count <= 70)
                    guard let oldest = page.last?.createdAt else { break }
                    ids.formUnion(page.map(\.id))
                    filter.until = oldest < filter.until ?? .max ? oldest : oldest - 1
                }
                return (ids, pages)
            }
            #expect(ids == Set(events.map(\.id)))
            let statistics = try await relay.statistics
            #expect(statistics.count(.silentlyCapped) > 10)
            #expect(statistics.requests == pages)
            #expect(statistics.ended(.answered) == pages)
        }
    }

    /// Kind lists, tag lists, authors and ids go through different indexes.
    @Test func `what is found equals what Filter matches`() async throws {
        let kinds: [Kind] = [.note, .comment, .reaction]
        let events = kinds.enumerated().flatMap { notes(Int64($0)..<Int64($0 + 40), kind: $1) }
        var filters: [Filter] = []
        for choice: [Kind]? in [nil, [.note], [.comment, .reaction], [.label]] {
            for tag: [String]? in [nil, ["even"], ["even", "odd", "none"]] {
                var filter = Filter()
                filter.kinds = choice
                if let tag { filter.tags = [.init(name: UInt8(ascii: "t"), values: tag)] }
                filters.append(filter)
                filter.since = Timestamp(10)
                filter.until = Timestamp(30)
                filters.append(filter)
                filter.authors = [events[0].pubkey]
                filters.append(filter)
                filter.ids = events.prefix(25).map(\.id)
                filters.append(filter)
            }
        }
        var held = HeldEvents(Array(events.dropLast(10)))
        for event in events.suffix(10) { #expect(held.insert(event) != nil) }
        #expect(held.insert(events[3]) == nil)
        for filter in filters {
            let found = held.page(of: [filter], cap: .max).slots.map { held.events[Int($0)].id }
            #expect(found == newestFirst(events.filter(filter.matches)).map(\.id), "\(filter)")
        }
        let union = held.page(of: [filters[4], filters[8]], cap: 30)
        #expect(union.hasMore)
        let fresh = notes([2, 2, 7], kind: .label)
        for event in fresh { #expect(held.insert(event) != nil) }
        for filter in filters {
            let found = held.page(of: [filter], cap: .max).slots.map { held.events[Int($0)].id }
            #expect(found == newestFirst((events + fresh).filter(filter.matches)).map(\.id), "\(filter)")
        }
    }

    @Test func `several filters are one answer without repetitions`() async throws {
        let events = notes(1...20)
        try await withRelay(events) { relay in
            let texts = try await RawClient.with(relay) { client in
                try await client.send(
                    "[\"REQ\",\"a\",{\"since\":15,\"limit\":3},{\"until\":19,\"#t\":[\"even\"],\"limit\":4}]")
                return await client.texts(until: "[\"EOSE\"")
            }
            #expect(texts.events.map(\.createdAt.seconds) == [20, 19, 18, 17, 15, 13])
        }
    }

    @Test func `what is published after EOSE arrives live, once for each subscription that asks`() async throws {
        let all = notes(1...6)
        try await withRelay(Array(all[0..<2])) { relay in
            try await RawClient.with(relay) { client in
                #expect(try await client.ask("all", Filter(kinds: [.note])).events.count == 2)
                var recent = Filter()
                recent.since = Timestamp(4)
                _ = try await client.ask("recent", recent)
                try await relay.publish(all[2])
                try await relay.publish(all[4])
                try await relay.publish(all[4])
                #expect(await client.nextText()?.hasPrefix("[\"EVENT\",\"all\"") == true)
                #expect(await client.nextText()?.hasPrefix("[\"EVENT\",\"all\"") == true)
                #expect(await client.nextText()?.hasPrefix("[\"EVENT\",\"recent\"") == true)
                try await client.send(.close(SubscriptionID(rawValue: "all")))
                try await relay.statistics { $0.subscriptionsOpen == 1 }
                try await relay.publish(all[5])
                #expect(await client.nextText()?.hasPrefix("[\"EVENT\",\"recent\"") == true)
                #expect(try await client.ask("again", Filter()).events.map(\.createdAt.seconds) == [6, 5, 3, 2, 1])
            }
            #expect(try await relay.statistics.liveEventFrames == 4)
        }
    }

    @Test func `limit 0 means nothing stored, but everything from now on`() async throws {
        let all = notes(1...3)
        try await withRelay(Array(all[0..<2])) { relay in
            try await RawClient.with(relay) { client in
                var filter = Filter(kinds: [.note])
                filter.limit = 0
                #expect(try await client.ask("live", filter) == ["[\"EOSE\",\"live\"]"])
                try await relay.publish(all[2])
                #expect(await client.texts(until: "[\"EVENT\"").events == [all[2]])
            }
        }
    }

    @Test func `an ephemeral event is sent live and not kept`() async throws {
        let event = notes([5], kind: Kind(20_001))[0]
        try await withRelay { relay in
            try await RawClient.with(relay) { client in
                _ = try await client.ask("a", Filter())
                try await relay.publish(event)
                #expect(await client.texts(until: "[\"EVENT\"").events == [event])
                #expect(try await client.ask("b", Filter()).events.isEmpty)
            }
        }
    }

    @Test func `an EVENT is verified, stored, sent on and answered with OK`() async throws {
        let event = notes([5])[0]
        let forged = try Event(
            Event.Body(
                pubkey: event.pubkey, createdAt: event.createdAt, kind: event.kind, tags: [], content: "forged"),
            id: event.id, sig: event.sig)
        try await withRelay { relay in
            try await RawClient.with(relay) { client in
                _ = try await client.ask("a", Filter())
                try await client.send(.event(forged))
                #expect(await client.nextText() == "[\"OK\",\"\(event.id)\",false,\"invalid: bad_id\"]")
                try await client.send(.event(event))
                #expect(await client.texts(until: "[\"OK\"").last == "[\"OK\",\"\(event.id)\",true,\"\"]")
                try await client.send(.event(event))
                #expect(await client.texts(until: "[\"OK\"").last?.contains("true,\"duplicate: ") == true)
            }
            let statistics = try await relay.statistics
            #expect(statistics.eventsAccepted == 1)
            #expect(statistics.eventsDuplicate == 1)
            #expect(statistics.eventsRefused == 1)
        }
    }

    @Test func `the NIP-11 document states the caps that are meant to be known`() async throws {
        let personality = Personality.with { ($0.pageCap, $0.silentCap, $0.subscriptionsMax) = (500, 100, 7) }
        try await withRelay([], personality) { relay in
            let document = try await plainHTTP(relay, accept: "application/nostr+json")
            #expect(document.contains("\"max_limit\":500"))
            #expect(document.contains("\"max_subscriptions\":7"))
            #expect(!document.contains("100"))
            try await relay.become(.with { $0.information = .absent })
            #expect(try await plainHTTP(relay, accept: "application/nostr+json").hasPrefix("HTTP/1.1 404"))
            try await relay.become(.with { $0.information = .text("{\"limitation\":null}") })
            #expect(try await plainHTTP(relay, accept: "application/nostr+json").hasSuffix("{\"limitation\":null}"))
            #expect(try await relay.statistics.informationRequests == 2)
        }
    }

    @Test func `a restart drops connections and listens on the same port`() async throws {
        let events = notes(1...3)
        try await withRelay(events) { relay in
            let url = relay.url
            try await RawClient.with(relay) { client in
                _ = try await client.ask("a", Filter())
                try await relay.restart()
                #expect(await client.next() == nil)
            }
            #expect(relay.url == url)
            #expect(try await RawClient.with(relay) { try await $0.ask("a", Filter()).events.count } == 3)
            try await relay.statistics { $0.connectionsOpen == 0 }
            try await relay.stop()
            await #expect(throws: (any Error).self) { try await RawClient.with(relay) { _ in } }
            try await relay.restart()
            #expect(try await RawClient.with(relay) { try await $0.ask("a", Filter()).events.count } == 3)
        }
    }

    @Test func `a relay that lost its database answers from what it has now`() async throws {
        let events = notes(1...9)
        try await withRelay(Array(events[0..<6])) { relay in
            try await RawClient.with(relay) { client in
                #expect(try await client.ask("a", Filter()).events.count == 6)
                try await relay.reset(to: Array(events[4...]))
                #expect(try await client.ask("b", Filter()).events.map(\.createdAt.seconds) == [9, 8, 7, 6, 5])
            }
        }
    }

    @Test func `every EVENT frame that was sent was received, whatever happened`() async throws {
        let events = notes(1...400)
        let personality = Personality.with {
            ($0.copies, $0.malformedFrames, $0.forgedBodies) = (2, .share(0.1), .share(0.1))
            ($0.wrongSubscription, $0.filterViolations, $0.notices) = (.share(0.1), .share(0.1), .share(0.1))
        }
        try await withRelay(events, personality) { relay in
            var received = 0
            for round in 1...3 {
                received += try await RawClient.counting(relay) { client in
                    var filter = Filter()
                    filter.until = Timestamp(300)
                    _ = try await client.ask("a\(round)", filter)
                    // Closed in the middle of an answer.
                    try await client.send(.request(SubscriptionID(rawValue: "b\(round)"), Filter()))
                    _ = await client.next()
                }.eventFrames
            }
            let statistics = try await relay.statistics { $0.connectionsOpen == 0 }
            #expect(received == statistics.eventFrames)
            #expect(statistics.connectionsEnded == [.byClient: 3])
            #expect(statistics.eventFramesReceived == statistics.eventFrames)
            #expect(statistics.requests == statistics.outcomes.values.reduce(0, +))
            for fault in [Fault.duplicate, .malformedFrame, .forgedBody, .wrongSubscription, .notice] {
                #expect(statistics.count(fault) > 10)
            }
        }
    }
}

/// One request without an upgrade; the whole response.
func plainHTTP(_ relay: WorldRelay, accept: String) async throws -> String {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: relay.host, port: relay.port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
    return try await channel.executeThenClose { inbound, outbound in
        try await outbound.write(ByteBuffer(string: "GET / HTTP/1.1\r\nhost: relay\r\naccept: \(accept)\r\n\r\n"))
        var response = ""
        for try await buffer in inbound { response += String(buffer: buffer) }
        return response
    }
}
