/// Families in Prometheus' text format 0.0.4 (operations.md section 10.3).
///
/// Sorted, hence reproducible; every family has HELP and TYPE once, before its samples; no series occurs twice. What the
/// format cannot express is left out rather than sent: one bad line costs the whole scrape.
package enum MetricsExposition {
    /// Prometheus 3 insists on a valid one.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Of several families with one name the first counts; samples of later ones join it if they are of its kind.
    package static func encode(_ families: [MetricFamily]) -> String {
        var text = ""
        for family in self.merged(families) where MetricName.isValid(family.name) {
            self.append(family, to: &text)
        }
        return text
    }

    private static func merged(_ families: [MetricFamily]) -> [MetricFamily] {
        var byName: [String: MetricFamily] = [:]
        for family in families {
            guard let first = byName[family.name] else {
                byName[family.name] = family
                continue
            }
            guard first.kind == family.kind else { continue }
            byName[family.name] = MetricFamily(
                first.name, first.kind, first.help, samples: first.samples + family.samples)
        }
        return byName.values.sorted { $0.name < $1.name }
    }

    private static func append(_ family: MetricFamily, to text: inout String) {
        text +=
            "# HELP \(family.name) \(self.escapedHelp(family.help))\n# TYPE \(family.name) \(family.kind.rawValue)\n"
        var labelNames: [String]?
        var written: Set<[MetricLabel]> = []
        let samples = family.samples.map { sample in
            MetricSample(labels: sample.labels.sorted { $0.name < $1.name }, value: sample.value)
        }
        for sample in samples.sorted(by: Self.precedes) {
            let names = sample.labels.map(\.name)
            guard names.allSatisfy(MetricName.isValidLabel), Set(names).count == names.count else { continue }
            // One set of label names for a family, the first one's; and no series twice.
            guard names == labelNames ?? names, written.insert(sample.labels).inserted else { continue }
            labelNames = names
            self.append(sample, of: family, to: &text)
        }
    }

    private static func precedes(_ one: MetricSample, _ other: MetricSample) -> Bool {
        one.labels.lexicographicallyPrecedes(other.labels) { ($0.name, $0.value) < ($1.name, $1.value) }
    }

    private static func append(_ sample: MetricSample, of family: MetricFamily, to text: inout String) {
        switch (family.kind, sample.value) {
        case (.histogram, .histogram(let histogram)):
            var cumulative: Int64 = 0
            for (bound, count) in zip(histogram.bounds + [.infinity], histogram.counts) {
                cumulative += count
                let labels = self.labels(sample.labels + [MetricLabel("le", self.number(bound))])
                text += "\(family.name)_bucket\(labels) \(cumulative)\n"
            }
            let labels = self.labels(sample.labels)
            text += "\(family.name)_sum\(labels) \(self.number(histogram.sum))\n"
            text += "\(family.name)_count\(labels) \(cumulative)\n"
        case (.counter, .integer(let value)), (.gauge, .integer(let value)):
            text += "\(family.name)\(self.labels(sample.labels)) \(value)\n"
        case (.counter, .double(let value)), (.gauge, .double(let value)):
            text += "\(family.name)\(self.labels(sample.labels)) \(self.number(value))\n"
        case (.histogram, _), (_, .histogram):
            break
        }
    }

    private static func labels(_ labels: [MetricLabel]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0.name)=\"\(self.escapedValue($0.value))\"" }.joined(separator: ",") + "}"
    }

    /// `\\`, `\"` and `\n`.
    static func escapedValue(_ value: String) -> String {
        self.escaped(value, alsoQuotes: true)
    }

    /// `\\` and `\n` only.
    static func escapedHelp(_ help: String) -> String {
        self.escaped(help, alsoQuotes: false)
    }

    /// By bytes: "\r\n" is one `Character`.
    private static func escaped(_ text: String, alsoQuotes: Bool) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes += [byte, byte]
            case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case UInt8(ascii: "\"") where alsoQuotes: bytes += [UInt8(ascii: "\\"), byte]
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The shortest form that reads back as the same value; integers without fraction, infinities as Prometheus spells them.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let integer = Int64(exactly: value), abs(value) < 1e15 { return String(integer) }
        return "\(value)"
    }
}
