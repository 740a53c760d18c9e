import NIOCore
import Nostr
import Testing

@testable import RelayClient

struct RelayConnectionCancellationTests {
    private static let patience: Duration = .seconds(3)

    /// Runs `work`, cancels it when `ready` ends, and returns how long it took from there and what it threw.
    private func cancelled(
        when ready: AsyncStream<Void>, _ work: @escaping @Sendable () async throws -> Void
    ) async -> (duration: Duration, error: (any Error)?) {
        let clock = ContinuousClock()
        return await withTaskGroup(of: (any Error)?.self) { group in
            group.addTask {
                do {
                    try await work()
                    return nil
                } catch {
                    return error
                }
            }
            for await _ in ready {}
            let start = clock.now
            group.cancelAll()
            let error = await group.next() ?? nil
            return (clock.now - start, error)
        }
    }

    @Test func `cancelling a session closes with 1001 and returns promptly`() async throws {
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        let (codes, closed) = AsyncStream.makeStream(of: UInt16?.self)
        try await withServer { peer in
            await peer.upgrade()
            await peer.text("ready")
            closed.yield(await peer.clientClose())
            closed.finish()
            // The peer does not close TCP: the client does not wait for it.
            await peer.untilClosed()
        } client: { port in
            let url = try loopback(port)
            let outcome = await self.cancelled(when: ready) {
                let options = testOptions { $0.closeLimit = .seconds(60) }
                try await RelayConnection.withConnection(to: url, options: options, logger: quiet) { inbound, _ in
                    for try await _ in inbound { isReady.finish() }
                }
            }
            #expect(outcome.error is CancellationError)
            #expect(outcome.duration < Self.patience)
            for await code in codes { #expect(code == 1001) }
        }
    }

    @Test func `cancelling closes although the body does not notice`() async throws {
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        let (codes, closed) = AsyncStream.makeStream(of: UInt16?.self)
        try await withServer { peer in
            await peer.upgrade()
            closed.yield(await peer.clientClose())
            closed.finish()
        } client: { port in
            let url = try loopback(port)
            let outcome = await self.cancelled(when: ready) {
                try await RelayConnection.withConnection(to: url, options: testOptions(), logger: quiet) {
                    _, outbound in
                    isReady.finish()
                    try await outbound.channel.closeFuture.get()
                }
            }
            #expect(outcome.error == nil)
            #expect(outcome.duration < Self.patience)
            for await code in codes { #expect(code == 1001) }
        }
    }

    @Test func `cancelling while the upgrade is pending returns promptly`() async throws {
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        try await withServer { peer in
            _ = await peer.request()
            isReady.finish()
            await peer.untilClosed()
        } client: { port in
            let url = try loopback(port)
            let outcome = await self.cancelled(when: ready) {
                try await RelayConnection.withConnection(to: url, options: testOptions(), logger: quiet) { _, _ in }
            }
            #expect(outcome.error is CancellationError)
            #expect(outcome.duration < Self.patience)
        }
    }

    @Test func `cancelling while the name is resolved returns promptly`() async throws {
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        let released = Counter()
        let resolver = AddressResolver { _, _ in
            isReady.finish()
            // A dead name server; the thread is the resolver's own.
            while released.value == 0 { sleepForAMoment() }
            return []
        }
        let url = try loopback(9, host: "relay.example")
        let outcome = await self.cancelled(when: ready) {
            try await RelayConnection.withConnection(
                to: url, options: testOptions(), resolver: resolver, logger: quiet
            ) { _, _ in }
        }
        #expect(outcome.error is CancellationError)
        // The name server has still not answered.
        released.set(1)
    }

    @Test func `a task that is cancelled already does not connect`() async throws {
        let url = try loopback(9)
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        isReady.finish()
        let outcome = await self.cancelled(when: ready) {
            try? await ContinuousClock().sleep(for: .seconds(60))
            try await RelayConnection.withConnection(to: url, options: testOptions(), logger: quiet) { _, _ in }
        }
        #expect(outcome.error is CancellationError)
    }
}
