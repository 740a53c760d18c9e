import Ingest
import NIOPosix
import Nostr
import NostrCache
import RelayClient
import RelayWorld
import Testing

/// Events that are refused before they are read are part of a page all the same.
@Suite(.timeLimit(.minutes(5)))
struct RefusedEventsTests {
    /// Events of kind 1, a second apart.
    private static func events(_ count: Int, tags: Int, from start: Timestamp) -> [Event] {
        let signer = Signer()
        let key = signer.key(named: "author")
        return (0..<count).map { index in
            signer.sign(
                Event.Body(
                    pubkey: key.publicKey, createdAt: start + Int64(index), kind: Kind(1),
                    tags: Array(repeating: ["t", "spam"], count: tags), content: "\(index)"), with: key)
        }
    }

    @Test func `a page of events that we refuse does not hide what is older`() async throws {
        // Anybody may publish more than a page of events that the relay takes and we do not.
        let start = Timestamp(1_760_000_000)
        let older = Self.events(150, tags: 0, from: start)
        let newer = Self.events(150, tags: 6, from: start + 3_600)
        let relay = try await WorldRelay.start(
            events: older + newer, personality: .with { $0.silentCap = 100 },
            group: MultiThreadedEventLoopGroup.singleton)
        let url = try #require(RelayURL(relay.url))
        let cached = try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: url, role: .primary, allowPrivateAddresses: true)]
                configuration.limits.event.tagsMax = 5
                configuration.limits.invalidPercentMax = 100
            }
            try await harness.run { IngestHarness.isAtRest($0, $1) }
            let rejected = harness.services.accounts.snapshot.rejected
            #expect(Array(rejected.keys) == [.tooManyTags])
            return try await CachedEvent.all(in: database)
        }
        try await relay.stop()
        #expect(cached.count == older.count)
    }
}
