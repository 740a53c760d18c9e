import Nostr
import Serving

/// A time as an operator writes it: `1767322000`, `2026-01-02`, `2026-01-02T03:04:05Z`, `30d` (ago), `now`.
enum OperatorTime {
    /// Nil for anything else; `now` is what relative times count from.
    static func timestamp(_ text: String, now: Timestamp) -> Timestamp? {
        if text == "now" { return now }
        if let seconds = DigitText.integer(text) {
            return Int64(seconds) <= Timestamp.max.seconds ? Timestamp(Int64(seconds)) : nil
        }
        if let duration = DurationText.duration(text) {
            let ago = duration.components.seconds
            return ago <= now.seconds ? now - ago : .zero
        }
        return self.date(text)
    }

    /// What an option's value that is none is answered with.
    static func refusal(_ option: String, _ text: String) -> String {
        "\(option): '\(text)' is no time: 1767322000, 2026-01-02, 2026-01-02T03:04:05Z, 30d, now"
    }

    /// A date is its first second, UTC; a time has its zone, and the only one is `Z`.
    private static func date(_ text: String) -> Timestamp? {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || bytes.count == 20 else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            DigitText.integer(String(decoding: bytes[range], as: UTF8.self)).map(Int64.init)
        }
        guard bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), let year = number(0..<4),
            let month = number(5..<7), let day = number(8..<10), year >= 1970, (1...12).contains(month), day >= 1
        else { return nil }
        var second: Int64 = 0
        if bytes.count == 20 {
            guard bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
                bytes[19] == UInt8(ascii: "Z"), let hours = number(11..<13), let minutes = number(14..<16),
                let seconds = number(17..<19), hours < 24, minutes < 60, seconds < 60
            else { return nil }
            second = hours * 3_600 + minutes * 60 + seconds
        }
        // Days since 1970-01-01, years beginning in March (Hinnant, "chrono-compatible low-level date algorithms").
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let result = Timestamp(days * 86_400 + second)
        // The 31st of a month with thirty days is not the 1st of the next.
        return result.rfc3339.hasPrefix(text.prefix(10)) ? result : nil
    }
}
