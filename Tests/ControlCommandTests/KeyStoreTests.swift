import Foundation
import Synchronization
import TestSupport
import Testing

@testable import control_plane

/// When keys are fetched, by a clock that is set by hand.
struct KeyStoreTests {
    /// What the auth service publishes, and how often it was asked.
    private final class Publisher: Sendable {
        private let state = Mutex<(keys: [AuthService.Key]?, count: Int)>((nil, 0))

        /// Nil: it does not answer.
        func publish(_ keys: [AuthService.Key]?) { self.state.withLock { $0.keys = keys } }
        var count: Int { self.state.withLock { $0.count } }

        func fetch() throws -> [UInt8] {
            let keys = self.state.withLock { state in
                state.count += 1
                return state.keys
            }
            guard let keys else { throw KeyFetchError.status(503) }
            return AuthService.document(keys)
        }
    }

    private let publisher = Publisher()
    private let clock = HandClock()
    private let first = AuthService.Key("first")
    private let second = AuthService.Key("second")

    private func store() -> KeyStore {
        KeyStore(logger: .silent, now: { [clock] in clock.now }) { [publisher] in try publisher.fetch() }
    }

    private func outcome(_ store: KeyStore, _ key: AuthService.Key) async -> String {
        do throws(KeyStoreError) {
            return try await store.key(id: key.id, for: .edDSA).keyID ?? ""
        } catch {
            return "\(error)"
        }
    }

    @Test func `a key is fetched once and kept`() async {
        self.publisher.publish([self.first])
        let store = self.store()
        #expect(await self.outcome(store, self.first) == "first")
        #expect(await self.outcome(store, self.first) == "first")
        #expect(self.publisher.count == 1)
    }

    @Test func `an unknown key is asked for at most once a minute`() async {
        self.publisher.publish([self.first])
        let store = self.store()
        await store.load()
        #expect(await self.outcome(store, self.second) == "unknownKey")
        #expect(self.publisher.count == 1)
        self.clock.advance(by: .seconds(60))
        self.publisher.publish([self.first, self.second])
        #expect(await self.outcome(store, self.second) == "second")
        #expect(self.publisher.count == 2)
    }

    @Test func `a withdrawn key is believed no longer than the refresh`() async {
        self.publisher.publish([self.first])
        let store = self.store()
        await store.load()
        self.publisher.publish([self.second])
        self.clock.advance(by: .seconds(599))
        #expect(await self.outcome(store, self.first) == "first")
        self.clock.advance(by: .seconds(1))
        #expect(await self.outcome(store, self.first) == "unknownKey")
    }

    @Test func `known keys serve for a day without the auth service, and no longer`() async {
        self.publisher.publish([self.first])
        let store = self.store()
        await store.load()
        self.publisher.publish(nil)
        self.clock.advance(by: .seconds(24 * 3_600 - 1))
        #expect(await self.outcome(store, self.first) == "first")
        self.clock.advance(by: .seconds(1))
        #expect(await self.outcome(store, self.first) == "unavailable")
        self.publisher.publish([self.first])
        self.clock.advance(by: .seconds(60))
        #expect(await self.outcome(store, self.first) == "first")
    }

    @Test func `nobody is told a key is unknown while none was ever known`() async {
        self.publisher.publish(nil)
        let store = self.store()
        #expect(await self.outcome(store, self.first) == "unavailable")
        #expect(await self.outcome(store, self.first) == "unavailable")
        #expect(self.publisher.count == 1)
    }

    @Test func `many requests share one fetch`() async {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let count = Mutex(0)
        let key = self.first
        let store = KeyStore(logger: .silent) {
            count.withLock { $0 += 1 }
            for await _ in gate { break }
            return AuthService.document([key])
        }
        await withTaskGroup(of: String.self) { tasks in
            for _ in 0..<20 { tasks.addTask { await self.outcome(store, key) } }
            tasks.addTask {
                opener.yield()
                return key.id
            }
            for await outcome in tasks { #expect(outcome == "first") }
        }
        #expect(count.withLock { $0 } == 1)
    }
}
