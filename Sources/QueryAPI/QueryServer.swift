package import CoreMetrics
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
import Metrics
import NIOCore
import ServiceLifecycle

/// Where to listen.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address; IPv6 without brackets.
    package var host: String
    /// 0: any free one.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `host:port`, `[address]:port`.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let (host, digits) = (text[..<colon], text[text.index(after: colon)...])
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }),
            let port = UInt16(digits)
        else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") {
            self.init(host: String(host.dropFirst().dropLast()), port: Int(port))
        } else {
            self.init(host: String(host), port: Int(port))
            guard !host.contains(":") else { return nil }
        }
        guard !self.host.isEmpty, !self.host.contains(where: \.isWhitespace) else { return nil }
    }

    package var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    package var isLoopback: Bool { LoopbackName.isLoopback(self.host) }
}

/// The listener for health and metrics: sockets in, decisions of ``HealthReport`` and ``MetricsExposition`` out.
package struct QueryServer: Service {
    private let address: ListenAddress
    private let limits: RequestLimits
    private let report: @Sendable () async -> HealthReport
    private let metrics: @Sendable () async -> [MetricFamily]
    private let onListening: @Sendable (ListenAddress) async -> Void
    private let factory: any MetricsFactory
    private let logger: Logger

    /// - Parameters:
    ///   - report: the state at the moment of the call; must not wait for a dependency.
    ///   - metrics: the same.
    ///   - onListening: told the address once connections are accepted, with the port that the system chose for 0.
    package init(
        address: ListenAddress, limits: RequestLimits = RequestLimits(),
        report: @escaping @Sendable () async -> HealthReport,
        metrics: @escaping @Sendable () async -> [MetricFamily],
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in },
        factory: any MetricsFactory = MetricsSystem.factory, logger: Logger
    ) {
        self.address = address
        self.limits = limits
        self.report = report
        self.metrics = metrics
        self.onListening = onListening
        self.factory = factory
        self.logger = logger
    }

    package func run() async throws {
        let census = ConnectionGuard.Census()
        let limits = self.limits
        // The library tells of its own start at `info`; the executable says it in its own words.
        var quiet = self.logger
        quiet.logLevel = max(.warning, self.logger.logLevel)
        let application = Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in await self.respond(to: request) },
            server: HTTPServerBuilder { responder in
                GuardedChannel(base: HTTP1Channel(responder: responder), limits: limits, census: census)
            },
            configuration: ApplicationConfiguration(address: .hostname(self.address.host, port: self.address.port)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? self.address.port
                await self.onListening(ListenAddress(host: self.address.host, port: port))
            },
            logger: quiet)
        try await application.run()
    }

    private func respond(to request: Request) async -> Response {
        let start = ContinuousClock.now
        let target = request.head.path ?? ""
        let path = String(target.prefix { $0 != "?" })
        let query = Query(String(target.dropFirst(path.count)))
        let route = HealthRoute(path: path)
        let answer = await self.answer(request, route, query)
        let pattern = route?.pattern ?? "other"
        Counter(
            label: "nostr_ingest_http_requests_total",
            dimensions: [("route", pattern), ("code", String(answer.status))], factory: self.factory
        ).increment()
        Metrics.Timer(
            label: "nostr_ingest_http_request_duration_seconds", dimensions: [("route", pattern)],
            factory: self.factory
        ).recordNanoseconds(Int64((ContinuousClock.now - start) / .nanoseconds(1)))
        return Self.response(answer, isHead: request.method == .head)
    }

    private func answer(_ request: Request, _ route: HealthRoute?, _ query: Query) async -> HealthAnswer {
        if self.address.isLoopback, !LoopbackName.contains(request.head.authority) { return .misdirected }
        guard let route else { return .notFound }
        guard request.method == .get || request.method == .head else { return .methodNotAllowed }
        switch route {
        case .probe(let probe):
            return await self.report().answer(
                to: probe, isVerbose: query.has("verbose"), excluding: query.all("exclude"))
        case .readiness(let check):
            return await self.report().answer(toReadinessOf: check)
        case .health:
            return await self.report().healthAnswer
        case .metrics:
            return HealthAnswer(
                status: 200, contentType: MetricsExposition.contentType,
                body: MetricsExposition.encode(await self.metrics()))
        }
    }

    private static func response(_ answer: HealthAnswer, isHead: Bool) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = answer.contentType
        headers[.cacheControl] = answer.cacheControl
        headers[.contentLength] = String(answer.body.utf8.count)
        headers[.connection] = "close"
        if let allow = answer.allow { headers[.allow] = allow }
        if let name = HTTPField.Name("X-Content-Type-Options") { headers[name] = "nosniff" }
        let body = isHead ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(string: answer.body))
        return Response(status: HTTPResponse.Status(code: answer.status), headers: headers, body: body)
    }
}

/// `?name`, `?name=value&…`, values percent-decoded.
private struct Query {
    private var items: [(name: String, value: String)] = []

    init(_ text: String) {
        for piece in text.drop(while: { $0 == "?" }).split(separator: "&") {
            let parts = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            self.items.append((Self.decoded(parts[0]), parts.count == 2 ? Self.decoded(parts[1]) : ""))
        }
    }

    func has(_ name: String) -> Bool { self.items.contains { $0.name == name } }
    func all(_ name: String) -> [String] { self.items.filter { $0.name == name }.map(\.value) }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Hummingbird's HTTP/1 channel behind a ``ConnectionGuard``.
private struct GuardedChannel: ServerChildChannel {
    let base: HTTP1Channel
    let limits: RequestLimits
    let census: ConnectionGuard.Census

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        do {
            try channel.pipeline.syncOperations.addHandler(ConnectionGuard(limits: self.limits, census: self.census))
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return self.base.setup(channel: channel, logger: logger)
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await self.base.handle(value: value, logger: logger)
    }
}
