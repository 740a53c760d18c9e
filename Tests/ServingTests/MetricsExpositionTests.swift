import TestSupport
import Testing

@testable import Serving

struct MetricsExpositionTests {
    @Test func `families are sorted, described once and end with a newline`() throws {
        var b = MetricFamily("b_total", .counter, "Second.")
        b.add(["x": "2"], .integer(7))
        b.add(["x": "1"], .integer(5))
        var a = MetricFamily("a", .gauge, "First.")
        a.add([:], .double(0.5))
        #expect(
            MetricsExposition.encode([b, a]) == """
                # HELP a First.
                # TYPE a gauge
                a 0.5
                # HELP b_total Second.
                # TYPE b_total counter
                b_total{x="1"} 5
                b_total{x="2"} 7

                """)
    }

    @Test func `a family without samples is described all the same`() throws {
        let text = MetricsExposition.encode([MetricFamily("absent", .gauge, "Nothing yet.")])
        #expect(try ExpositionParser.parse(text).map(\.name) == ["absent"])
    }

    @Test func `buckets are cumulative and end with infinity`() throws {
        var histogram = HistogramValue(bounds: [0.1, 1])
        for value in [0.05, 0.1, 0.5, 3, .nan] { histogram.record(value) }
        let family = MetricFamily(
            "h_seconds", .histogram, "Time.", samples: [MetricSample(value: .histogram(histogram))])
        let parsed = try ExpositionParser.parse(MetricsExposition.encode([family]))
        #expect(parsed[0].samples.map(\.value) == [2, 3, 4, 3.65, 4])
    }

    @Test func `what the format cannot express is left out`() throws {
        let family = MetricFamily(
            "x_total", .counter, "Sentence.",
            samples: [
                MetricSample(labels: [MetricLabel("a", "1")], value: .integer(1)),
                MetricSample(labels: [MetricLabel("a", "1")], value: .integer(2)),
                MetricSample(labels: [MetricLabel("b", "1")], value: .integer(3)),
                MetricSample(labels: [MetricLabel("le", "1")], value: .integer(4)),
                MetricSample(labels: [MetricLabel("__a", "1")], value: .integer(5)),
                MetricSample(labels: [MetricLabel("a", "2")], value: .histogram(HistogramValue(bounds: []))),
            ])
        let text = MetricsExposition.encode([family, MetricFamily("bad-name", .gauge, "Never.")])
        let parsed = try ExpositionParser.parse(text)
        #expect(parsed.map(\.name) == ["x_total"])
        #expect(parsed[0].samples.map(\.value) == [1])
    }

    @Test func `of two kinds under one name the first counts`() throws {
        let text = MetricsExposition.encode([
            MetricFamily("x", .gauge, "One.", samples: [MetricSample(value: .integer(1))]),
            MetricFamily("x", .histogram, "Two."),
        ])
        #expect(try ExpositionParser.parse(text).map(\.type) == ["gauge"])
    }

    @Test(arguments: [
        (0.0, "0"), (1.0, "1"), (-3.0, "-3"), (0.1, "0.1"), (1e17, "1e+17"), (1e-7, "1e-07"), (.infinity, "+Inf"),
        (-.infinity, "-Inf"), (.nan, "NaN"), (1_795_412_980.0, "1795412980"),
    ])
    func `numbers are as Prometheus writes them`(value: Double, text: String) throws {
        #expect(MetricsExposition.number(value) == text)
        if !value.isNaN, value.isFinite { #expect(Double(MetricsExposition.number(value)) == value) }
    }

    @Test(arguments: 0..<500)
    func `any label value and any help survive`(seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        let value = random.text()
        let help = random.text().replacing("\r", with: "") + "."
        let family = MetricFamily(
            "x", .gauge, help,
            samples: [MetricSample(labels: [MetricLabel("a", value.replacing("\r", with: ""))], value: .integer(1))])
        let parsed = try ExpositionParser.parse(MetricsExposition.encode([family]))
        #expect(parsed[0].samples[0].labels["a"].map { Array($0.utf8) } == Array(value.replacing("\r", with: "").utf8))
    }
}

/// Reproducible texts, mostly of what an escaper could get wrong.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func text() -> String {
        let alphabet: [Unicode.Scalar] = [
            "\\", "\"", "\n", "n", "a", "{", "}", ",", "=", " ", "\u{301}", "é", "\u{1F600}", "\t",
        ]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...20, using: &self) {
            scalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &self)])
        }
        return String(scalars)
    }
}
