import Nostr
@testable import NostrCache
import Postgres
import Testing
import TestSupport

struct CacheWriterTests {
    let signer = TestSigner()

    @Test func `a new event is written and a known one is a duplicate`() async throws {
        let event = self.signer.event(1, "hello")
        try await CacheFixture.with { cache in
            let first = try await cache.write([event])
            #expect(first == [.written])
            #expect(try await cache.write([event]) == [.duplicate])
            #expect(try await cache.storedIDs == [event.event.id.description])
        }
    }
}
