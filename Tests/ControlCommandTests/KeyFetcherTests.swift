import Foundation
import HTTPTypes
import ServiceLifecycle
import Serving
import TestSupport
import Testing

@testable import control_plane

/// Keys over a real socket: what is taken, and what is not.
struct KeyFetcherTests {
    private static let keys = AuthService.document([AuthService.Key("k")])

    /// Runs the body beside an auth service whose paths say what it does.
    private func withAuthService(_ body: @Sendable (ListenAddress) async throws -> Void) async throws {
        let (addresses, listening) = AsyncStream.makeStream(of: ListenAddress.self)
        let listener = HTTPListener(
            address: ListenAddress(host: "127.0.0.1", port: 0), limits: ExchangeLimits(), logger: .silent,
            onListening: { listening.yield($0) },
            answer: { request in
                switch request.path {
                case "/jwks": ListenerAnswer(status: 200, body: Self.keys)
                case "/moved": ListenerAnswer(status: 302, headers: [.location: "/jwks"])
                case "/broken": ListenerAnswer(status: 500)
                case "/large":
                    ListenerAnswer(status: 200, body: [UInt8](repeating: 0x20, count: JSONWebKeySet.bytesMax + 1))
                default: ListenerAnswer(status: 404)
                }
            })
        let group = ServiceGroup(configuration: .init(services: [listener], logger: .silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await address in addresses {
                do {
                    try await body(address)
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
                break
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private func fetch(_ location: String) async throws -> [UInt8] {
        let fetcher = KeyFetcher(try #require(KeyLocation(location)))
        do {
            let bytes = try await fetcher.fetch()
            await fetcher.close()
            return bytes
        } catch {
            await fetcher.close()
            throw error
        }
    }

    @Test func `keys are taken from where they are, and a redirect is no place`() async throws {
        try await self.withAuthService { address async throws in
            #expect(try await self.fetch("http://\(address)/jwks") == Self.keys)
            for (path, error) in [
                ("/moved", KeyFetchError.status(302)), ("/broken", .status(500)), ("/none", .status(404)),
                ("/large", .tooLarge),
            ] {
                await #expect(throws: error, "\(path)") { try await self.fetch("http://\(address)\(path)") }
            }
        }
    }

    @Test func `nobody there is an error, and so is a file that is not there`() async throws {
        await #expect(throws: (any Error).self) { try await self.fetch("http://127.0.0.1:1/jwks") }
        await #expect(throws: KeyFetchError.unreadable) { try await self.fetch("/nonexistent/jwks.json") }
    }

    @Test func `a file is read, up to the limit`() async throws {
        let path = NSTemporaryDirectory() + "jwks-\(UUID()).json"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(Self.keys).write(to: URL(filePath: path))
        #expect(try await self.fetch(path) == Self.keys)
        try Data(repeating: 0x20, count: JSONWebKeySet.bytesMax + 1).write(to: URL(filePath: path))
        await #expect(throws: KeyFetchError.tooLarge) { try await self.fetch(path) }
    }
}
