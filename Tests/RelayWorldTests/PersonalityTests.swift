import NIOCore
import NIOWebSocket
import Nostr
import Testing

@testable import RelayWorld

/// Each way of not being honest happens, is counted, and leaves the genuine events where they were.
@Suite(.timeLimit(.minutes(1)))
struct PersonalityTests {
    private let events = notes(1...60)

    private func ask(
        _ filter: Filter = Filter(), _ change: (inout Personality) -> Void
    ) async throws -> (texts: [String], statistics: WorldRelay.Statistics) {
        try await askOnce(self.events, .with(change), filter)
    }

    @Test(arguments: [Personality.Hint.truthful, .alwaysFinish, .alwaysMore, .rubbish], [10, 60, nil])
    func `hints say what they are meant to say`(hint: Personality.Hint, cap: Int?) async throws {
        let (texts, statistics) = try await self.ask { ($0.hint, $0.pageCap) = (hint, cap) }
        let hasMore = cap == 10
        let expected =
            switch hint {
            case .truthful: hasMore ? "more" : "finish"
            case .alwaysFinish: "finish"
            case .alwaysMore: "more"
            case .rubbish, .none: "\u{1F937}"
            }
        #expect(texts.last == "[\"EOSE\",\"a\",[\"\(expected)\"]]")
        #expect(texts.events.count == cap ?? 60)
        #expect(statistics.count(.capped) == (hasMore ? 1 : 0))
        #expect(statistics.count(.falseFinish) == (hint == .alwaysFinish && hasMore ? 1 : 0))
        #expect(statistics.count(.falseMore) == (hint == .alwaysMore && !hasMore ? 1 : 0))
    }

    @Test func `a limit below the cap is not a cap`() async throws {
        var filter = Filter()
        filter.limit = 5
        let (texts, statistics) = try await self.ask(filter) { ($0.hint, $0.silentCap) = (.truthful, 10) }
        #expect(texts.last == "[\"EOSE\",\"a\",[\"more\"]]")
        #expect(texts.events.count == 5)
        #expect(statistics.faults.isEmpty)
    }

    @Test func `a page may come oldest first or shuffled, and is the same page`() async throws {
        let newest = Set(newestFirst(self.events).prefix(20).map(\.id))
        let (oldestFirst, _) = try await self.ask { ($0.order, $0.silentCap) = (.oldestFirst, 20) }
        #expect(oldestFirst.events.map(\.createdAt.seconds) == Array(41...60))
        let (shuffled, statistics) = try await self.ask { ($0.order, $0.silentCap) = (.shuffled, 20) }
        #expect(Set(shuffled.events.map(\.id)) == newest)
        #expect(shuffled.events.map(\.createdAt) != shuffled.events.map(\.createdAt).sorted().reversed())
        #expect(statistics.count(.reordered) == 1)
        let (again, _) = try await self.ask { ($0.order, $0.silentCap) = (.shuffled, 20) }
        #expect(again.events.map(\.id) == shuffled.events.map(\.id))
    }

    @Test func `EOSE may come twice, early or never`() async throws {
        let (early, one) = try await self.ask { $0.endOfStoredEvents = .early }
        #expect(early == ["[\"EOSE\",\"a\"]"])
        #expect(one.count(.earlyEOSE) == 1)
        try await withRelay(self.events, .with { $0.endOfStoredEvents = .twice }) { relay in
            try await RawClient.with(relay) { client in
                let texts = try await client.ask("a", Filter())
                #expect(texts.events.count == 60)
                #expect(await client.nextText() == "[\"EOSE\",\"a\"]")
            }
        }
        try await withRelay(self.events, .with { $0.endOfStoredEvents = .never }) { relay in
            try await RawClient.with(relay) { client in
                try await client.send(.request(SubscriptionID(rawValue: "a"), Filter()))
                try await relay.statistics { $0.count(.missingEOSE) == 1 && $0.ended(.answered) == 1 }
                try await client.send("", opcode: .ping)
                var texts = 0
                while let frame = await client.next(), frame.opcode == .text { texts += 1 }
                #expect(texts == 60)
            }
        }
    }

    @Test func `since and until may be ignored`() async throws {
        var filter = Filter()
        filter.until = Timestamp(5)
        let (texts, statistics) = try await self.ask(filter) { $0.ignoresInterval = true }
        #expect(texts.events.count == 60)
        #expect(statistics.count(.intervalIgnored) == 1)
    }

    @Test func `every third REQ is closed, and the subscription with it`() async throws {
        try await withRelay(self.events, .with { $0.closed = .init("rate-limited: slow down", .every(3)) }) { relay in
            try await RawClient.with(relay) { client in
                for number in 1...6 {
                    let texts = try await client.ask("r\(number)", Filter())
                    let isClosed = number.isMultiple(of: 3)
                    #expect(texts.events.count == (isClosed ? 0 : 60))
                    #expect((texts.last == "[\"CLOSED\",\"r\(number)\",\"rate-limited: slow down\"]") == isClosed)
                }
            }
            let statistics = try await relay.statistics
            #expect(statistics.count(.closed) == 2)
            #expect(statistics.outcomes == [.answered: 4, .closed: 2])
        }
    }

    @Test func `a CLOSED may come in the middle of an answer`() async throws {
        let (texts, statistics) = try await self.ask { $0.closed = .init("error: oops", afterEvents: 7) }
        #expect(texts.events.count == 7)
        #expect(texts.last == "[\"CLOSED\",\"a\",\"error: oops\"]")
        #expect(statistics.outcomes == [.closed: 1])
        #expect(statistics.subscriptionsOpen == 0)
    }

    @Test func `a REQ may get no answer at all`() async throws {
        try await withRelay(self.events, .with { $0.unanswered = .every(2) }) { relay in
            try await RawClient.with(relay) { client in
                _ = try await client.ask("a", Filter())
                try await client.send(.request(SubscriptionID(rawValue: "b"), Filter()))
                let texts = try await client.ask("c", Filter())
                #expect(texts.allSatisfy { !$0.contains("\"b\"") })
            }
            #expect(try await relay.statistics.outcomes == [.answered: 2, .unanswered: 1])
        }
    }

    @Test func `a mute relay answers pings and nothing else, until it is mute no more`() async throws {
        try await withRelay(self.events, .with { $0.isMute = true }) { relay in
            try await RawClient.with(relay) { client in
                try await client.send(.request(SubscriptionID(rawValue: "a"), Filter()))
                try await client.send("there?", opcode: .ping)
                let pong = await client.next()
                #expect(pong?.opcode == .pong)
                #expect(pong.map { String(buffer: $0.data) } == "there?")
                try await relay.become(.honest)
                #expect(try await client.ask("b", Filter()).events.count == 60)
            }
            #expect(try await relay.statistics.count(.muted) == 1)
        }
    }

    @Test func `one subscription too many is refused by a NOTICE only`() async throws {
        try await withRelay(self.events, .with { $0.subscriptionsMax = 2 }) { relay in
            try await RawClient.with(relay) { client in
                _ = try await client.ask("a", Filter())
                _ = try await client.ask("b", Filter())
                _ = try await client.ask("a", Filter())
                try await client.send(.request(SubscriptionID(rawValue: "c"), Filter()))
                #expect(await client.nextText() == "[\"NOTICE\",\"ERROR: too many concurrent REQs\"]")
                try await client.send(.close(SubscriptionID(rawValue: "a")))
                #expect(try await client.ask("c", Filter()).events.count == 60)
            }
            #expect(try await relay.statistics.count(.tooManySubscriptions) == 1)
        }
    }

    @Test func `an id that was used before may be ignored`() async throws {
        try await withRelay(self.events, .with { $0.ignoresUsedSubscriptions = true }) { relay in
            try await RawClient.with(relay) { client in
                _ = try await client.ask("a", Filter())
                try await client.send(.close(SubscriptionID(rawValue: "a")))
                try await client.send(.request(SubscriptionID(rawValue: "a"), Filter()))
                #expect(try await client.ask("b", Filter()).allSatisfy { !$0.contains("\"a\"") })
            }
            #expect(try await relay.statistics.count(.usedSubscriptionIgnored) == 1)
        }
    }

    @Test(arguments: [Personality.Authentication.challengeOnConnect, .challengeAfterClosed, .refusesEveryone])
    func `a REQ is answered after the challenge was`(authentication: Personality.Authentication) async throws {
        try await withRelay(self.events, .with { $0.authentication = authentication }) { relay in
            try await RawClient.with(relay) { client in
                let early = authentication == .challengeOnConnect ? await client.nextText() : nil
                let texts = try await client.ask("a", Filter())
                #expect(texts == ["[\"CLOSED\",\"a\",\"auth-required: who are you?\"]"])
                let late = authentication == .challengeOnConnect ? nil : await client.nextText()
                let challenge = try #require(JSONValue(parsing: early ?? late ?? "")?.array?[1].string)
                for text in ["another challenge", challenge] {
                    try await client.send(.authenticate(self.authentication(text, relay.url)))
                    let isRight = text == challenge && authentication != .refusesEveryone
                    #expect(await client.nextText()?.contains(isRight ? ",true," : ",false,\"restricted: ") == true)
                }
                #expect(try await client.ask("b", Filter()).count == (authentication == .refusesEveryone ? 1 : 61))
            }
            let statistics = try await relay.statistics
            #expect(statistics.count(.authRequired) == (authentication == .refusesEveryone ? 2 : 1))
            #expect(statistics.count(.authRefused) == (authentication == .refusesEveryone ? 2 : 1))
        }
    }

    private func authentication(_ challenge: String, _ url: String) -> Event {
        let signer = Signer()
        let key = signer.key(named: "client")
        let tags = [["relay", url], ["challenge", challenge]]
        let body = Event.Body(
            pubkey: key.publicKey, createdAt: Timestamp(1_760_000_000), kind: .authentication, tags: tags, content: "")
        return signer.sign(body, with: key)
    }

    @Test func `a slow relay waits before each frame`() async throws {
        let clock = ContinuousClock()
        let start = clock.now
        var filter = Filter()
        filter.limit = 10
        let (texts, statistics) = try await self.ask(filter) { $0.frameDelay = .milliseconds(2) }
        #expect(texts.count == 11)
        #expect(statistics.count(.delayed) >= 10)
        #expect(start.duration(to: clock.now) >= .milliseconds(20))
    }

    @Test func `a connection may end after so many events, so many times`() async throws {
        let personality = Personality.with { ($0.disconnect, $0.disconnectsMax) = (.afterEvents(25), 2) }
        try await withRelay(self.events, personality) { relay in
            for expected in [25, 25, 60] {
                #expect(try await RawClient.with(relay) { try await $0.ask("a", Filter()).events.count } == expected)
            }
            let statistics = try await relay.statistics { $0.connectionsOpen == 0 }
            #expect(statistics.count(.disconnectAfterEvents) == 2)
            #expect(statistics.connectionsEnded == [.byRelay: 2, .byClient: 1])
            #expect(statistics.eventFramesEnded == [.byRelay: 50, .byClient: 60])
            #expect(statistics.outcomes == [.cut: 2, .answered: 1])
        }
    }

    @Test func `a connection may end in the middle of a message`() async throws {
        try await withRelay(self.events, .with { $0.disconnect = .midMessage(afterEvents: 25) }) { relay in
            #expect(try await RawClient.with(relay) { try await $0.ask("a", Filter()).count } == 25)
            let statistics = try await relay.statistics { $0.connectionsOpen == 0 }
            #expect(statistics.count(.disconnectMidMessage) == 1)
            #expect(statistics.eventFrames == 25)
        }
    }

    @Test func `a connection may end by the clock`() async throws {
        try await withRelay(self.events) { relay in
            try await RawClient.with(relay) { client in
                _ = try await client.ask("a", Filter())
                try await relay.become(.with { $0.disconnect = .every(.milliseconds(20)) })
                #expect(await client.next() == nil)
            }
            #expect(try await relay.statistics.count(.disconnectPeriodic) == 1)
        }
    }

    @Test func `an unreachable relay refuses connections until it is reachable again`() async throws {
        try await withRelay(self.events) { relay in
            try await RawClient.with(relay) { client in
                try await relay.become(.with { $0.isUnreachable = true })
                #expect(await client.next() == nil)
            }
            await #expect(throws: (any Error).self) { try await RawClient.with(relay) { _ in } }
            try await relay.become(.honest)
            #expect(try await RawClient.with(relay) { try await $0.ask("a", Filter()).events.count } == 60)
            #expect(try await relay.statistics.count(.unreachable) == 1)
        }
    }

    @Test func `every relay of the zoo has its own name and ways`() {
        #expect(Set(Personality.zoo.map(\.name)).count == Personality.zoo.count)
        #expect(Set(Personality.zoo.map(\.personality)).count == Personality.zoo.count)
        #expect(Personality(named: "mute")?.isMute == true)
        #expect(Personality(named: "nobody") == nil)
    }

    @Test(arguments: ["never", "always", "1/3", "0.25", "1", "0", "2", "1/0", "-1", "x", ""])
    func `an occurrence is read as it is meant`(text: String) {
        let expected: [String: Occurrence] = [
            "never": .never, "always": .always, "1/3": .every(3), "0.25": .share(0.25), "1": .share(1), "0": .share(0),
        ]
        #expect(Occurrence(text) == expected[text])
    }
}
