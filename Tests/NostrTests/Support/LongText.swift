import Testing

/// Text that repeats itself: an argument of a test that is not printed in full.
struct LongText: Sendable, CustomTestStringConvertible {
    let text: String
    let testDescription: String

    init(_ piece: String, times: Int, _ tail: String = "") {
        self.init("", piece, times: times, tail)
    }

    init(_ head: String, _ piece: String, times: Int, _ tail: String = "") {
        self.text = head + String(repeating: piece, count: times) + tail
        self.testDescription = "\(head)\(times) × \(piece)\(tail)"
    }

    static func exactly(_ text: String) -> LongText { LongText("", text, times: 1) }
}
