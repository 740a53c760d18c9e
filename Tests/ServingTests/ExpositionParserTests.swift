import TestSupport
import Testing

/// Faults that `promtool check metrics` lets pass, among others (operations.md section 10.5).
struct ExpositionParserTests {
    static let head = "# HELP x_total Sentence.\n# TYPE x_total counter\n"
    static let histogram = "# HELP h Sentence.\n# TYPE h histogram\n"

    @Test(arguments: [
        ("second TYPE", head + "# TYPE x_total counter\nx_total 1\n"),
        ("second HELP", "# HELP x_total Again.\n" + head + "x_total 1\n"),
        ("no final newline", head + "x_total 1"),
        ("CRLF", "# HELP x_total Sentence.\r\n# TYPE x_total counter\r\nx_total 1\r\n"),
        ("dash in a label", head + "x_total{a-b=\"1\"} 1\n"),
        ("raw newline in a label", head + "x_total{a=\"1\n2\"} 1\n"),
        ("duplicate series", head + "x_total{a=\"1\"} 1\nx_total{a=\"1\"} 2\n"),
        ("interleaved families", head + "x_total 1\n# HELP y Sentence.\n# TYPE y gauge\ny 1\nx_total{a=\"1\"} 2\n"),
        ("counter without _total", "# HELP x Sentence.\n# TYPE x counter\nx 1\n"),
        ("gauge named _total", "# HELP x_total Sentence.\n# TYPE x_total gauge\nx_total 1\n"),
        ("no HELP", "# TYPE x_total counter\nx_total 1\n"),
        ("negative counter", head + "x_total -1\n"),
        ("several sets of labels", head + "x_total 1\nx_total{a=\"1\"} 1\n"),
        ("no +Inf bucket", histogram + "h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n"),
        ("buckets not cumulative", histogram + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"),
        (
            "buckets out of order",
            histogram + "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"
        ),
        ("count is not +Inf", histogram + "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n"),
        ("le on a gauge", "# HELP g Sentence.\n# TYPE g gauge\ng{le=\"1\"} 1\n"),
        ("Swift's infinity", "# HELP g Sentence.\n# TYPE g gauge\ng inf\n"),
    ])
    func `a fault is found`(name: String, text: String) {
        #expect(throws: ExpositionParser.Fault.self, "\(name)") { try ExpositionParser.parse(text) }
    }

    @Test func `a good scrape is read`() throws {
        let families = try ExpositionParser.parse(
            Self.head + "x_total{a=\"q\\\"b\\\\n\\n\"} 3\n" + Self.histogram
                + "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3.5\nh_count 2\n")
        #expect(families.map(\.name) == ["x_total", "h"])
        #expect(families[0].samples[0].labels == ["a": "q\"b\\n\n"])
    }
}
