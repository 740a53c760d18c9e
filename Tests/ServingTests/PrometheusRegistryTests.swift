import CoreMetrics
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Serving

struct PrometheusRegistryTests {
    let registry = PrometheusRegistry(
        describing: [MetricDescription("size", "Of things.", buckets: [1, 2])],
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })

    private func samples() throws -> [String: Double] {
        let families = try ExpositionParser.parse(MetricsExposition.encode(self.registry.families()))
        let pairs = families.flatMap(\.samples).map { sample in
            (
                sample.name + sample.labels.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined(),
                sample.value
            )
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    @Test func `counters begin at 0, never go down and never reset`() throws {
        let counter = Counter(label: "x_total", dimensions: [("a", "1")], factory: self.registry)
        #expect(try self.samples() == ["x_total a=1": 0])
        counter.increment(by: 3)
        counter.increment(by: -2)
        counter.reset()
        #expect(try self.samples() == ["x_total a=1": 3])
    }

    @Test func `the same labels are the same series`() throws {
        Counter(label: "x_total", dimensions: [("a", "1"), ("b", "2")], factory: self.registry).increment()
        Counter(label: "x_total", dimensions: [("b", "2"), ("a", "1")], factory: self.registry).increment()
        #expect(try self.samples() == ["x_total a=1 b=2": 2])
    }

    @Test func `a timer is in seconds and says so`() throws {
        CoreMetrics.Timer(label: "commit_duration", dimensions: [], factory: self.registry).recordNanoseconds(
            20_000_000)
        let samples = try self.samples()
        #expect(samples["commit_duration_seconds_sum"] == 0.02)
        #expect(samples["commit_duration_seconds_bucket le=0.01"] == 0)
        #expect(samples["commit_duration_seconds_bucket le=0.025"] == 1)
    }

    @Test func `buckets come from the description or from the name`() throws {
        for name in ["size", "event_lag_seconds", "batch_events"] {
            Recorder(label: name, dimensions: [], aggregate: true, factory: self.registry).record(1.5)
        }
        let samples = try self.samples()
        #expect(samples["size_bucket le=2"] == 1)
        #expect(samples["event_lag_seconds_bucket le=3600"] == 1)
        #expect(samples["batch_events_bucket le=10000"] == 1)
    }

    @Test func `another kind or other labels under a known name are not recorded`() throws {
        Counter(label: "x_total", dimensions: [("a", "1")], factory: self.registry).increment()
        Counter(label: "x_total", dimensions: [("b", "1")], factory: self.registry).increment()
        Meter(label: "x_total", dimensions: [("a", "1")], factory: self.registry).set(7)
        #expect(try self.samples() == ["x_total a=1": 1])
    }

    @Test func `a conflict is said once`() throws {
        let lines = Lines()
        let registry = PrometheusRegistry(logger: Logger(label: "test") { _ in lines.handler })
        Counter(label: "x_total", dimensions: [], factory: registry).increment()
        for _ in 0..<3 { Counter(label: "x_total", dimensions: [("b", "1")], factory: registry).increment() }
        #expect(lines.count == 1)
    }

    @Test func `the number of series is bounded`() throws {
        for value in 0..<(PrometheusRegistry.seriesMax + 50) {
            Counter(label: "x_total", dimensions: [("a", "\(value)")], factory: self.registry).increment()
        }
        #expect(try self.samples().count == PrometheusRegistry.seriesMax)
    }

    @Test func `names of libraries are repaired and reserved labels refused`() throws {
        Counter(label: "hb.requests-total", dimensions: [("http.route", "/")], factory: self.registry).increment()
        Counter(label: "y_total", dimensions: [("le", "1")], factory: self.registry).increment()
        #expect(self.registry.families().map(\.name) == ["hb_requests_total"])
    }

    @Test func `a destroyed series is gone`() throws {
        let meter = Meter(label: "rtt_seconds", dimensions: [("relay", "a")], factory: self.registry)
        meter.set(0.25)
        #expect(try self.samples() == ["rtt_seconds relay=a": 0.25])
        meter.destroy()
        #expect(try self.samples() == [:])
    }
}

/// Counts log lines.
private final class Lines: Sendable {
    private let lines = Mutex(0)
    var count: Int { self.lines.withLock { $0 } }
    var handler: any LogHandler { Handler(lines: self) }

    private struct Handler: LogHandler {
        let lines: Lines
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }
        func log(event: LogEvent) { self.lines.lines.withLock { $0 += 1 } }
    }
}
