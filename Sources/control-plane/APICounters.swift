import CoreMetrics
import Metrics
import Serving
import Synchronization

/// What the API counts; every label comes from a closed set.
final class APICounters: Sendable {
    static let prefix = "control_plane_"
    /// Of `auth_failures_total`.
    static let reasons = ["missing", "refused", "rate_limited"] + JWTRefusal.allCases.map { "jwt_\($0.rawValue)" }

    static let descriptions = [
        MetricDescription(prefix + "http_requests_total", "Requests by route and status code."),
        MetricDescription(prefix + "http_request_duration_seconds", "From the request to its answer."),
    ]

    private let factory: any MetricsFactory
    private let inFlightCount = Atomic<Int>(0)
    private let failures = Mutex<[String: Int]>([:])

    init(factory: any MetricsFactory) {
        self.factory = factory
    }

    func began() { self.inFlightCount.add(1, ordering: .relaxed) }
    func ended() { self.inFlightCount.subtract(1, ordering: .relaxed) }
    var inFlight: Int { self.inFlightCount.load(ordering: .relaxed) }

    func answered(route: String, status: Int, after duration: Duration) {
        Counter(
            label: Self.prefix + "http_requests_total", dimensions: [("route", route), ("code", String(status))],
            factory: self.factory
        ).increment()
        Metrics.Timer(
            label: Self.prefix + "http_request_duration_seconds", dimensions: [("route", route)], factory: self.factory
        ).recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }

    func failedAuthentication(_ reason: String) {
        self.failures.withLock { $0[reason, default: 0] += 1 }
    }

    func refusedJWT(_ refusal: JWTRefusal) { self.failedAuthentication("jwt_\(refusal.rawValue)") }

    /// Every reason is there from the start, at 0.
    var families: [MetricFamily] {
        let counts = self.failures.withLock { $0 }
        var failures = MetricFamily(
            Self.prefix + "auth_failures_total", .counter, "Failed attempts to authenticate by reason.")
        for reason in Self.reasons { failures.add(["reason": reason], .count(counts[reason] ?? 0)) }
        return [
            failures,
            .single(Self.prefix + "http_requests_in_flight", .gauge, "Requests without an answer yet.", self.inFlight),
        ]
    }
}
