/// Times as people write them, to the millisecond.
enum RFC3339 {
    static let pattern =
        #"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$"#

    /// Since 1970; nil for what RFC 3339 section 5.6 does not allow, leap seconds included.
    static func milliseconds(_ text: String) -> Int64? {
        var reader = Reader(bytes: Array(text.utf8))
        guard let year = reader.digits(4), reader.take("-"), let month = reader.digits(2), reader.take("-"),
            let day = reader.digits(2), reader.take("Tt "), let hour = reader.digits(2), reader.take(":"),
            let minute = reader.digits(2), reader.take(":"), let second = reader.digits(2),
            let fraction = reader.fraction(), let offset = reader.offset(), reader.isAtEnd,
            (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day), hour < 24, minute < 60,
            second < 60
        else { return nil }
        let seconds = Self.dayNumber(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset * 60
        return seconds * 1_000 + fraction
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01, years beginning in March (Hinnant, "chrono-compatible low-level date algorithms").
    private static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { self.position == self.bytes.count }

        mutating func take(_ any: String) -> Bool {
            guard self.position < self.bytes.count, any.utf8.contains(self.bytes[self.position]) else { return false }
            self.position += 1
            return true
        }

        mutating func digit() -> Int64? {
            guard self.position < self.bytes.count, self.bytes[self.position] &- UInt8(ascii: "0") < 10 else {
                return nil
            }
            defer { self.position += 1 }
            return Int64(self.bytes[self.position] - UInt8(ascii: "0"))
        }

        mutating func digits(_ count: Int) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<count {
                guard let digit = self.digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        /// In milliseconds; what is finer is cut off.
        mutating func fraction() -> Int64? {
            guard self.take(".") else { return 0 }
            var (value, count): (Int64, Int) = (0, 0)
            while let digit = self.digit() {
                if count < 3 { value = value * 10 + digit }
                count += 1
            }
            guard count > 0 else { return nil }
            for _ in count..<max(3, count) { value *= 10 }
            return value
        }

        /// In minutes.
        mutating func offset() -> Int64? {
            if self.take("Zz") { return 0 }
            let sign: Int64 = self.take("+") ? 1 : self.take("-") ? -1 : 0
            guard sign != 0, let hours = self.digits(2), self.take(":"), let minutes = self.digits(2), hours < 24,
                minutes < 60
            else { return nil }
            return sign * (hours * 60 + minutes)
        }
    }
}
