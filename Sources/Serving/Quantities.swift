/// An integer without sign and without anything around it.
package enum DigitText {
    package static func integer(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        return Int(text)
    }
}

/// Durations as people write them: an integer and a unit.
package enum DurationText {
    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    package static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        let suffix = text.dropFirst(digits.count)
        guard (1...12).contains(digits.utf8.count), let number = Int64(digits),
            let unit = self.units.first(where: { $0.suffix == suffix })
        else { return nil }
        return .milliseconds(number * unit.milliseconds)
    }

    /// In the largest unit that divides it.
    package static func text(_ duration: Duration) -> String {
        let milliseconds = Int64(duration / .milliseconds(1))
        guard milliseconds > 0 else { return "0s" }
        for unit in self.units.reversed() where milliseconds.isMultiple(of: unit.milliseconds) {
            return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
        }
        return "\(milliseconds)ms"
    }

    /// Roughly, for people: `42 s`, `3 h`, `12 d`.
    package static func rough(seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) d"
        }
    }
}

extension Duration {
    package static func hours(_ hours: Int64) -> Duration { .seconds(hours * 3_600) }
}

/// Sizes in bytes, by powers of 1024.
package enum ByteSize {
    private static let units: [(suffix: String, shift: Int)] = [
        ("", 0), ("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30),
    ]

    package static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        let suffix = text.dropFirst(digits.count)
        guard (1...12).contains(digits.utf8.count), let number = Int(digits),
            let unit = self.units.first(where: { $0.suffix == suffix }), number < 1 << 32
        else { return nil }
        return number << unit.shift
    }

    package static func text(_ bytes: Int) -> String {
        for unit in self.units.reversed() where unit.shift > 0 && bytes > 0 && bytes.isMultiple(of: 1 << unit.shift) {
            return "\(bytes >> unit.shift)\(unit.suffix)"
        }
        return String(bytes)
    }
}

/// What may be shown of a connection string, and whether it holds a password.
package enum ConnectionString {
    private static func scheme(_ text: String) -> Range<String.Index>? { text.firstRange(of: "://") }

    package static func redacted(_ text: String) -> String {
        guard let scheme = self.scheme(text) else {
            // Key=value pairs: without a parser of libpq's quoting nothing of them is certain.
            return text.contains("=") ? "<redacted>" : text
        }
        let rest = text[scheme.upperBound...].prefix { $0 != "?" }
        let authority = rest.prefix { $0 != "/" }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        return String(text[..<scheme.upperBound] + host + rest.dropFirst(authority.count))
    }

    package static func holdsPassword(_ text: String) -> Bool {
        if text.contains("password=") || text.contains("password =") { return true }
        guard let scheme = self.scheme(text) else { return false }
        let authority = text[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
        guard let at = authority.lastIndex(of: "@") else { return false }
        return authority[..<at].contains(":")
    }
}
