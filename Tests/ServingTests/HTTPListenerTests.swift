import HTTPTypes
import Logging
import ServiceLifecycle
import TestSupport
import Testing

@testable import Serving

/// The listener of an API over real sockets: what it bounds, and what it keeps.
struct HTTPListenerTests {
    /// Runs the body against a listener on a free port that answers with the body it was sent.
    private func withListener(
        _ limits: ExchangeLimits = ExchangeLimits(), _ body: @Sendable (ListenAddress) async throws -> Void
    ) async throws {
        let (addresses, listening) = AsyncStream.makeStream(of: ListenAddress.self)
        let listener = HTTPListener(
            address: ListenAddress(host: "127.0.0.1", port: 0), limits: limits, logger: .silent,
            onListening: { listening.yield($0) },
            answer: { request in
                do throws(ReceivedRequest.BodyError) {
                    return ListenerAnswer(status: 200, body: try await request.readBody())
                } catch {
                    return ListenerAnswer(status: error == .tooLarge ? 413 : 400, headers: [.connection: "close"])
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

    private static func post(_ body: String, close: Bool = true) -> String {
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n"
            + (close ? "Connection: close\r\n" : "") + "\r\n\(body)"
    }

    @Test func `a connection is kept for the next request`() async throws {
        try await self.withListener { address async throws in
            let answer = try await Client.exchange(Self.post("one", close: false) + Self.post("two"), address)
            #expect(answer.status == 200)
            // The second answer follows the first on the same connection.
            #expect(answer.body.hasPrefix("one") && answer.body.hasSuffix("two"))
        }
    }

    @Test func `a HEAD has the length and no body`() async throws {
        try await self.withListener { address async throws in
            let text = "HEAD /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
            let answer = try await Client.exchange(text, address)
            #expect(answer.header("content-length") == "3" && answer.body.isEmpty)
        }
    }

    @Test func `a body beyond the limit is refused, and the rest of it is not awaited`() async throws {
        var limits = ExchangeLimits()
        limits.bodyBytes = 4
        try await self.withListener(limits) { address async throws in
            #expect(try await Client.exchange(Self.post("1234"), address).status == 200)
            // Said, and never sent.
            let said = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
            #expect(try await Client.exchange(said, address).status == 413)
            let chunks = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"
            #expect(try await Client.exchange(chunks, address).status == 413)
        }
    }

    @Test func `a header beyond the limit is 431`() async throws {
        var limits = ExchangeLimits()
        limits.headerBytes = 1_000
        try await self.withListener(limits) { address async throws in
            let big = String(repeating: "x", count: 1_100)
            let answer = try await Client.exchange("GET /x HTTP/1.1\r\nHost: a\r\nX: \(big)\r\n\r\n", address)
            #expect(answer.status == 431)
        }
    }

    @Test func `a header that does not end in time is 408, and so is a body`() async throws {
        var limits = ExchangeLimits()
        limits.headerSeconds = 0
        try await self.withListener(limits) { address async throws in
            #expect(try await Client.exchange("GET /x HTTP/1.1\r\n", address).status == 408)
        }
        limits = ExchangeLimits()
        limits.bodySeconds = 0
        try await self.withListener(limits) { address async throws in
            let half = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345"
            #expect(try await Client.exchange(half, address).status == 408)
        }
    }

    @Test func `one connection too many is 503`() async throws {
        var limits = ExchangeLimits()
        limits.connections = 0
        try await self.withListener(limits) { address async throws in
            #expect(try await Client.exchange(Self.post("a"), address).status == 503)
        }
    }

    @Test func `what is no request is 400`() async throws {
        try await self.withListener { address async throws in
            #expect(try await Client.exchange("\u{16}\u{3}\u{1}\r\n\r\n", address).status == 400)
        }
    }

    @Test(
        arguments: [
            ("?a=1&b", [("a", "1"), ("b", "")], true), ("a=%C3%A9+x", [("a", "é x")], true),
            ("?a=%zz", [("a", "%zz")], false),
            ("?a=%ff", [("a", "%ff")], false), ("?a=1&a=2", [("a", "1"), ("a", "2")], true), ("", [], true),
        ] as [(String, [(String, String)], Bool)])
    func `a query is decoded, and says when it cannot be`(text: String, items: [(String, String)], isWellFormed: Bool) {
        let query = QueryItems(text)
        #expect(query.items.map(\.name) == items.map(\.0) && query.items.map(\.value) == items.map(\.1))
        #expect(query.isWellFormed == isWellFormed)
    }
}
