/// One metric with all its series, at one moment: what a scrape is made of.
package struct MetricFamily: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case counter, gauge, histogram
    }

    package let name: String
    package let kind: Kind
    /// One sentence; a metric without one is of no use to an operator.
    package let help: String
    package private(set) var samples: [MetricSample] = []

    package init(_ name: String, _ kind: Kind, _ help: String, samples: [MetricSample] = []) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// A family of one number.
    package static func single(_ name: String, _ kind: Kind, _ help: String, _ value: Int) -> MetricFamily {
        MetricFamily(name, kind, help, samples: [MetricSample(value: .count(value))])
    }

    /// Adds a series.
    package mutating func add(_ labels: KeyValuePairs<String, String> = [:], _ value: MetricValue) {
        self.samples.append(MetricSample(labels: labels.map { MetricLabel($0.key, $0.value) }, value: value))
    }
}

/// One series of a family.
package struct MetricSample: Equatable, Sendable {
    package let labels: [MetricLabel]
    package let value: MetricValue

    package init(labels: [MetricLabel] = [], value: MetricValue) {
        self.labels = labels
        self.value = value
    }
}

package struct MetricLabel: Hashable, Sendable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

package enum MetricValue: Equatable, Sendable {
    case integer(Int64)
    case double(Double)
    case histogram(HistogramValue)

    package static func count(_ value: Int) -> MetricValue { .integer(Int64(value)) }
    package static func flag(_ value: Bool) -> MetricValue { .integer(value ? 1 : 0) }
}

/// How often a value fell where.
package struct HistogramValue: Equatable, Sendable {
    /// Upper ends, ascending; the bucket of everything beyond has none.
    package let bounds: [Double]
    /// By bucket, not cumulative; one more than `bounds`.
    package private(set) var counts: [Int64]
    package private(set) var sum = 0.0

    package init(bounds: [Double]) {
        self.bounds = bounds
        self.counts = Array(repeating: 0, count: bounds.count + 1)
    }

    /// Values that are no number are no observation.
    package mutating func record(_ value: Double) {
        guard !value.isNaN else { return }
        self.counts[self.bounds.firstIndex { value <= $0 } ?? self.bounds.count] += 1
        self.sum += value
    }

    package var count: Int64 { self.counts.reduce(0, +) }
}
