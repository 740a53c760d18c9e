import NIOCore
import NIOWebSocket
import Nostr
import Testing

@testable import RelayWorld

/// Frames that nobody asked for: they come on top of the genuine ones, and each is counted.
@Suite(.timeLimit(.minutes(1)))
struct FaultFrameTests {
    private let events = notes(1...60)
    private var ids: Set<EventID> { Set(self.events.map(\.id)) }

    private func ask(
        _ filter: Filter = Filter(), _ change: (inout Personality) -> Void
    ) async throws -> (texts: [String], statistics: WorldRelay.Statistics) {
        try await askOnce(self.events, .with(change), filter)
    }

    @Test func `an event may be sent several times`() async throws {
        let (texts, statistics) = try await self.ask { $0.copies = 3 }
        #expect(texts.events.count == 180)
        #expect(Set(texts.events.map(\.id)) == self.ids)
        #expect(statistics.count(.duplicate) == 120)
        #expect(statistics.eventFrames == 180)
    }

    @Test func `forgeries come before what they imitate, and none of them verifies`() async throws {
        let (texts, statistics) = try await self.ask {
            ($0.forgedSignatures, $0.forgedBodies, $0.futureDated) = (.every(3), .every(4), .every(5))
        }
        let verifier = EventVerifier(keys: PublicKeyCache(capacity: 16))
        var outcomes: [EventRejection?: Int] = [:]
        var genuine: Set<EventID> = []
        for event in texts.events {
            do {
                _ = try verifier.verify(event)
                if event.createdAt > Timestamp(4_000_000_000) {
                    outcomes[.future, default: 0] += 1
                } else {
                    genuine.insert(event.id)
                }
            } catch {
                #expect(!genuine.contains(event.id), "The bogus body is the first with its id")
                outcomes[error, default: 0] += 1
            }
        }
        #expect(genuine == self.ids)
        #expect(outcomes == [.badSignature: 20, .badID: 15, .future: 12])
        #expect(statistics.count(.forgedSignature) == 20)
        #expect(statistics.count(.forgedBody) == 15)
        #expect(statistics.count(.futureDated) == 12)
        #expect(statistics.eventFrames == 60 + 47)
    }

    @Test func `malformed frames are of all shapes, and not one of them is an event`() async throws {
        try await withRelay(self.events, .with { $0.malformedFrames = .always }) { relay in
            try await RawClient.with(relay) { client in
                try await client.send(.request(SubscriptionID(rawValue: "a"), Filter()))
                var (genuine, malformed, binary) = (0, 0, 0)
                while let frame = await client.next() {
                    let text = String(buffer: frame.data)
                    if text.hasPrefix("[\"EOSE\"") { break }
                    switch (frame.opcode, [text].events.isEmpty) {
                    case (.binary, _): binary += 1
                    case (_, true): malformed += 1
                    case (_, false): genuine += 1
                    }
                }
                #expect(genuine == 60)
                #expect(binary == 6)
                #expect(malformed == 54)
            }
            let statistics = try await relay.statistics
            #expect(statistics.count(.malformedFrame) == 60)
            #expect(statistics.eventFrames == 60 + 5 * 6)
            #expect(statistics.frames == 121)
        }
    }

    @Test func `events come under wrong ids, against the filter, and among notices`() async throws {
        var filter = Filter()
        filter.since = Timestamp(31)
        let asked = filter
        let (texts, statistics) = try await self.ask(asked) {
            ($0.wrongSubscription, $0.filterViolations, $0.notices) = (.every(3), .every(5), .every(10))
            $0.noticeBytes = 5000
        }
        #expect(texts.count { $0.hasPrefix("[\"EVENT\",\"nobody-asked\"") } == 10)
        #expect(texts.count { $0.hasPrefix("[\"NOTICE\"") && $0.utf8.count > 5000 } == 3)
        let violations = texts.events.filter { !asked.matches($0) }
        #expect(violations.count == 6)
        #expect(statistics.faults == [.wrongSubscription: 10, .filterViolation: 6, .notice: 3])
        #expect(statistics.eventFrames == 30 + 16)
    }

    @Test func `the same seed gives the same faults`() async throws {
        func run(_ seed: UInt64) async throws -> [String] {
            try await self.ask {
                ($0.seed, $0.malformedFrames, $0.forgedBodies) = (seed, .share(0.2), .share(0.2))
            }.texts
        }
        let first = try await run(3)
        #expect(try await run(3) == first)
        #expect(try await run(4) != first)
    }
}
