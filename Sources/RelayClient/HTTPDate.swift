/// Dates of HTTP (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT` and the two obsolete forms.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970; nil for anything that is not one of the three forms.
    static func seconds(parsing text: String) -> Int64? {
        let tokens = text.utf8.split { ", -:".utf8.contains($0) }.map { Substring($0) }
        let (day, month, year, clock): (Substring, Substring, Substring, ArraySlice<Substring>)
        switch tokens.count {
        case 8 where tokens[7] == "GMT":
            (day, month, year, clock) = (tokens[1], tokens[2], tokens[3], tokens[4...6])
        case 7:
            (day, month, year, clock) = (tokens[2], tokens[1], tokens[6], tokens[3...5])
        default:
            return nil
        }
        guard let day = self.number(day, 1...31), let month = self.months.firstIndex(of: String(month)),
            let year = self.year(year), let hour = self.number(clock[clock.startIndex], 0...23),
            let minute = self.number(clock[clock.startIndex + 1], 0...59),
            // 60 is a leap second.
            let second = self.number(clock[clock.startIndex + 2], 0...60)
        else { return nil }
        return self.days(year: year, month: Int64(month) + 1, day: day) * 86_400 + hour * 3_600 + minute * 60 + second
    }

    private static func number(_ digits: Substring, _ range: ClosedRange<Int64>) -> Int64? {
        guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = Int64(digits), range.contains(value)
        else { return nil }
        return value
    }

    /// Two digits belong to the years 1970 to 2069.
    private static func year(_ digits: Substring) -> Int64? {
        guard let year = self.number(digits, 0...9_999) else { return nil }
        switch digits.utf8.count {
        case 4 where year >= 1970: return year
        case 2: return year < 70 ? 2_000 + year : 1_900 + year
        default: return nil
        }
    }

    /// Days since 1970-01-01 in the Gregorian calendar: years start in March, so that the leap day is the last one.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let marchMonth = (month + 9) % 12
        let leaps = marchYear / 4 - marchYear / 100 + marchYear / 400
        return 365 * marchYear + leaps + (153 * marchMonth + 2) / 5 + day - 1 - 719_468
    }
}

/// `Retry-After` (RFC 9110 section 10.2.3).
enum RetryAfter {
    /// The delay that a server asks for; nil for rubbish. Never negative, never above `UpgradeRefusal.retryAfterMax`.
    ///
    /// - Parameter now: seconds since 1970, by the server's own clock where it said so.
    static func delay(parsing text: String, now: Int64) -> Duration? {
        let limit = UpgradeRefusal.retryAfterMax
        if !text.utf8.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // Digits that do not fit are a long time, not rubbish.
            return min(
                .seconds(Int64(text).map { min($0, limit.components.seconds) } ?? limit.components.seconds), limit)
        }
        guard let date = HTTPDate.seconds(parsing: text) else { return nil }
        return min(max(.seconds(date - now), .zero), limit)
    }
}
