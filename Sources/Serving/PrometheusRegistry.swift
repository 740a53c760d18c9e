package import CoreMetrics
package import Logging
import Synchronization

/// What is known of a metric before it is recorded: its sentence and its buckets.
package struct MetricDescription: Sendable {
    package let name: String
    package let help: String
    /// Of a histogram; nil for the usual ones.
    package let buckets: [Double]?

    package init(_ name: String, _ help: String, buckets: [Double]? = nil) {
        self.name = name
        self.help = help
        self.buckets = buckets
    }
}

/// The swift-metrics backend: keeps what the program records, and hands it out as families.
///
/// The first use of a name decides its kind and its label names. A later use that differs is said once in the log and
/// recorded nowhere; it never traps. Counters never go down: `reset()` does not reach the exposition.
package final class PrometheusRegistry: Sendable {
    /// Of one metric. Values of labels come from closed sets, so more is a bug that must not eat the memory.
    package static let seriesMax = 500
    /// Seconds.
    package static let durationBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// Seconds.
    package static let lagBuckets: [Double] = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600]
    /// Seconds, for what takes microseconds.
    package static let microBuckets = [0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.001, 0.01, 0.1]
    package static let sizeBuckets: [Double] = [1, 2, 5, 10, 50, 100, 500, 1000, 5000, 10_000]

    private struct Family {
        let kind: MetricFamily.Kind
        let help: String
        let labelNames: [String]
        var series: [[MetricLabel]: any MetricStorage] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        /// Names about which something was said already.
        var complaints: Set<String> = []
    }

    private let descriptions: [String: MetricDescription]
    private let state = Mutex(State())
    private let logger: Logger

    package init(describing descriptions: [MetricDescription] = [], logger: Logger) {
        self.descriptions = Dictionary(descriptions.map { ($0.name, $0) }) { first, _ in first }
        self.logger = logger
    }

    /// What was recorded until now, sorted by name.
    package func families() -> [MetricFamily] {
        let families = self.state.withLock { $0.families }
        return families.sorted { $0.key < $1.key }.map { name, family in
            let samples = family.series.map { MetricSample(labels: $0.key, value: $0.value.value) }
            return MetricFamily(name, family.kind, family.help, samples: samples)
        }
    }

    /// The storage of a series; a detached one when the name is used for something else already.
    private func storage<Storage: MetricStorage>(
        _ label: String, _ kind: MetricFamily.Kind, _ dimensions: [(String, String)], _ make: (String) -> Storage
    ) -> Storage {
        let name = MetricName.repaired(label)
        let labels = dimensions.map { MetricLabel(MetricName.repaired($0.0), $0.1) }.sorted { $0.name < $1.name }
        let labelNames = labels.map(\.name)
        let (storage, complaint) = self.state.withLock { state -> (Storage, String?) in
            var family =
                state.families[name] ?? Family(kind: kind, help: self.help(name), labelNames: labelNames)
            if let known = family.series[labels] as? Storage { return (known, nil) }
            let made = make(name)
            let problem: String? =
                if family.kind != kind {
                    "kind"
                } else if family.labelNames != labelNames || Set(labelNames).count < labelNames.count
                    || !labelNames.allSatisfy(MetricName.isValidLabel)
                {
                    "labels"
                } else if family.series.count >= Self.seriesMax {
                    "number of series"
                } else {
                    nil
                }
            if let problem {
                return (made, state.complaints.insert(name).inserted ? problem : nil)
            }
            family.series[labels] = made
            state.families[name] = family
            return (made, nil)
        }
        if let complaint {
            self.logger.error(
                "A metric is not recorded", metadata: ["metric.name": "\(name)", "metric.problem": "\(complaint)"])
        }
        return storage
    }

    private func help(_ name: String) -> String {
        self.descriptions[name]?.help ?? "Recorded by a library."
    }

    private func buckets(_ name: String) -> [Double] {
        if let buckets = self.descriptions[name]?.buckets { return buckets }
        if name.hasSuffix("_lag_seconds") { return Self.lagBuckets }
        return name.hasSuffix("_seconds") ? Self.durationBuckets : Self.sizeBuckets
    }

    private func destroy(_ storage: AnyObject) {
        self.state.withLock { state in
            for (name, family) in state.families {
                for (labels, candidate) in family.series where candidate === storage {
                    state.families[name]?.series[labels] = nil
                }
            }
        }
    }
}

extension PrometheusRegistry: MetricsFactory {
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.storage(label, .counter, dimensions) { _ in CounterStorage() }
    }

    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        self.storage(label, .counter, dimensions) { _ in FloatingPointCounterStorage() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.storage(label, .gauge, dimensions) { _ in GaugeStorage() }
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return self.storage(label, .gauge, dimensions) { _ in GaugeStorage() } }
        return self.storage(label, .histogram, dimensions) { HistogramStorage(bounds: self.buckets($0)) }
    }

    /// Timers record nanoseconds; the family is in seconds and says so in its name.
    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let name = label.hasSuffix("_seconds") ? label : label + "_seconds"
        return self.storage(name, .histogram, dimensions) { HistogramStorage(bounds: self.buckets($0)) }
    }

    package func destroyCounter(_ handler: any CounterHandler) { self.destroy(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { self.destroy(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { self.destroy(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { self.destroy(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { self.destroy(handler) }
}

// MARK: - Where values are kept

private protocol MetricStorage: AnyObject, Sendable {
    var value: MetricValue { get }
}

private final class CounterStorage: CounterHandler, MetricStorage {
    private let total = Atomic<Int64>(0)

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        self.total.wrappingAdd(amount, ordering: .relaxed)
    }

    /// A counter that goes down looks like a restart.
    func reset() {}

    var value: MetricValue { .integer(self.total.load(ordering: .relaxed)) }
}

private final class FloatingPointCounterStorage: FloatingPointCounterHandler, MetricStorage {
    private let total = Mutex(0.0)

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        self.total.withLock { $0 += amount }
    }

    func reset() {}

    var value: MetricValue { .double(self.total.withLock { $0 }) }
}

private final class GaugeStorage: MeterHandler, RecorderHandler, MetricStorage {
    private let current = Mutex(0.0)

    func set(_ value: Int64) { self.current.withLock { $0 = Double(value) } }
    func set(_ value: Double) { self.current.withLock { $0 = value } }
    func increment(by amount: Double) { self.current.withLock { $0 += amount } }
    func decrement(by amount: Double) { self.current.withLock { $0 -= amount } }
    func record(_ value: Int64) { self.set(value) }
    func record(_ value: Double) { self.set(value) }

    var value: MetricValue { .double(self.current.withLock { $0 }) }
}

private final class HistogramStorage: RecorderHandler, TimerHandler, MetricStorage {
    private let histogram: Mutex<HistogramValue>

    init(bounds: [Double]) {
        self.histogram = Mutex(HistogramValue(bounds: bounds))
    }

    func record(_ value: Int64) { self.record(Double(value)) }
    func record(_ value: Double) { self.histogram.withLock { $0.record(value) } }
    func recordNanoseconds(_ duration: Int64) { self.record(Double(duration) / 1e9) }

    var value: MetricValue { .histogram(self.histogram.withLock { $0 }) }
}
