package import CoreMetrics
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
import Metrics
import NIOCore
import ServiceLifecycle

/// The listener for health and metrics: sockets in, decisions of ``HealthReport`` and ``MetricsExposition`` out.
package struct QueryServer: Service {
    private let address: ListenAddress
    private let limits: RequestLimits
    private let report: @Sendable () async -> HealthReport
    private let metrics: @Sendable () async -> [MetricFamily]
    private let onListening: @Sendable (ListenAddress) async -> Void
    private let metricPrefix: String
    private let factory: any MetricsFactory
    private let logger: Logger

    /// - Parameters:
    ///   - report: the state at the moment of the call; must not wait for a dependency.
    ///   - metrics: the same.
    ///   - metricPrefix: of the listener's own metrics, such as `nostr_ingest_`.
    ///   - onListening: told the address once connections are accepted, with the port that the system chose for 0.
    package init(
        address: ListenAddress, limits: RequestLimits = RequestLimits(), metricPrefix: String,
        report: @escaping @Sendable () async -> HealthReport,
        metrics: @escaping @Sendable () async -> [MetricFamily],
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in },
        factory: any MetricsFactory = MetricsSystem.factory, logger: Logger
    ) {
        self.address = address
        self.limits = limits
        self.metricPrefix = metricPrefix
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
        let query = QueryItems(target.dropFirst(path.count))
        let route = HealthRoute(path: path)
        let answer = await self.answer(request, route, query)
        let pattern = route?.pattern ?? "other"
        Counter(
            label: self.metricPrefix + "http_requests_total",
            dimensions: [("route", pattern), ("code", String(answer.status))], factory: self.factory
        ).increment()
        Metrics.Timer(
            label: self.metricPrefix + "http_request_duration_seconds", dimensions: [("route", pattern)],
            factory: self.factory
        ).recordNanoseconds(Int64((ContinuousClock.now - start) / .nanoseconds(1)))
        return Self.response(answer, isHead: request.method == .head)
    }

    private func answer(_ request: Request, _ route: HealthRoute?, _ query: QueryItems) async -> HealthAnswer {
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
