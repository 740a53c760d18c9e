import CoreMetrics
import Logging
import Nostr
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Serving

struct QueryServerTests {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs the body against a server on a free port.
    private func withServer(
        limits: RequestLimits = RequestLimits(), checks: [HealthCheck] = [],
        _ body: @Sendable (ListenAddress, PrometheusRegistry) async throws -> Void
    ) async throws {
        let registry = PrometheusRegistry(logger: Self.silent)
        let (addresses, listening) = AsyncStream.makeStream(of: ListenAddress.self)
        let server = QueryServer(
            address: ListenAddress(host: "127.0.0.1", port: 0), limits: limits, metricPrefix: "nostr_ingest_",
            report: { HealthAnswerTests.report(checks) }, metrics: { registry.families() },
            onListening: { listening.yield($0) }, factory: registry, logger: Self.silent)
        let group = ServiceGroup(configuration: .init(services: [server], logger: Self.silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await address in addresses {
                do {
                    try await body(address, registry)
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

    @Test(arguments: [
        ("GET", "/livez", 200), ("HEAD", "/livez", 200), ("GET", "/health", 200), ("GET", "/metrics", 200),
        ("GET", "/nothing", 404), ("POST", "/livez", 405), ("DELETE", "/metrics", 405), ("POST", "/nothing", 404),
        ("GET", "/readyz/relays", 503), ("GET", "/readyz", 503), ("GET", "/readyz?exclude=relays", 200),
        ("GET", "/readyz?verbose&exclude=%72elays", 200), ("GET", "/readyz/other", 404),
    ])
    func `routes, methods and queries`(method: String, target: String, status: Int) async throws {
        try await self.withServer(checks: [HealthAnswerTests.check("relays", .fail, [.ready])]) { address, _ in
            let answer = try await Client.exchange("\(method) \(target) HTTP/1.1\r\nHost: \(address)\r\n\r\n", address)
            #expect(answer.status == status)
            #expect(answer.header("connection") == "close")
            #expect(answer.header("cache-control") == (target == "/health" ? "max-age=5" : "no-store"))
            if status == 405 { #expect(answer.header("allow") == "GET, HEAD") }
            if method == "HEAD" {
                #expect(answer.body.isEmpty)
                #expect(answer.header("content-length") == "3")
            }
        }
    }

    @Test func `a scrape is text of version 0.0.4 and passes the strict parser`() async throws {
        try await self.withServer { address, _ in
            let first = try await Client.exchange("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", address)
            #expect(first.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
            // The second one shows the first.
            let second = try await HealthClient.get("/metrics", from: address)
            let families = try ExpositionParser.parse(second.body)
            #expect(families.contains { $0.name == "nostr_ingest_http_requests_total" })
        }
    }

    @Test(arguments: ["evil.example", "evil.example:9464", "169.254.169.254"])
    func `a foreign Host on loopback is misdirected`(host: String) async throws {
        try await self.withServer { address, _ in
            let answer = try await Client.exchange("GET /metrics HTTP/1.1\r\nHost: \(host)\r\n\r\n", address)
            #expect(answer.status == 421)
        }
    }

    @Test func `a header beyond the limit is 431`() async throws {
        try await self.withServer { address, _ in
            let big = String(repeating: "x", count: 9_000)
            let answer = try await Client.exchange(
                "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: \(big)\r\n\r\n", address)
            #expect(answer.status == 431)
        }
    }

    @Test func `a header that does not end in time is 408`() async throws {
        var limits = RequestLimits()
        limits.headerSeconds = 0
        try await self.withServer(limits: limits) { address, _ in
            let answer = try await Client.exchange("GET /livez HTTP/1.1\r\n", address)
            #expect(answer.status == 408)
        }
    }

    @Test func `one connection too many is 503`() async throws {
        var limits = RequestLimits()
        limits.connections = 0
        try await self.withServer(limits: limits) { address, _ in
            let answer = try await Client.exchange("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", address)
            #expect(answer.status == 503)
        }
    }

    @Test func `a second request on a connection is not answered`() async throws {
        try await self.withServer { address, _ in
            let one = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let answer = try await Client.exchange(one + one, address)
            #expect(answer.status == 200)
            #expect(answer.body == "ok\n")
        }
    }

    @Test func `what is no request is 400`() async throws {
        try await self.withServer { address, _ in
            let answer = try await Client.exchange("\u{16}\u{3}\u{1}\r\n\r\n", address)
            #expect(answer.status == 400)
        }
    }

    @Test func `nobody listening is unreachable`() async throws {
        // Port 1 is nobody's.
        await #expect(throws: HealthClient.Failure.self) {
            try await HealthClient.get("/livez", from: ListenAddress(host: "127.0.0.1", port: 1))
        }
    }
}
