/// What Prometheus accepts as a name, and what we make of the rest (operations.md section 10.3).
enum MetricName {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    static func isValid(_ name: String) -> Bool {
        self.isValid(name, allowsColon: true)
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`, not beginning with `__`, and none of the two that the format itself uses.
    static func isValidLabel(_ name: String) -> Bool {
        self.isValid(name, allowsColon: false) && !name.utf8.starts(with: "__".utf8) && name != "le"
            && name != "quantile"
    }

    private static func isValid(_ name: String, allowsColon: Bool) -> Bool {
        guard let first = name.utf8.first, first &- UInt8(ascii: "0") >= 10 else { return false }
        return name.utf8.allSatisfy { self.isOfName($0) || (allowsColon && $0 == UInt8(ascii: ":")) }
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10 || (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
    }

    /// A name in the sense of ``isValid(_:)``: libraries write dots and dashes.
    static func repaired(_ name: String) -> String {
        var bytes = name.utf8.map { self.isOfName($0) || $0 == UInt8(ascii: ":") ? $0 : UInt8(ascii: "_") }
        if bytes.first.map({ $0 &- UInt8(ascii: "0") < 10 }) ?? true { bytes.insert(UInt8(ascii: "_"), at: 0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
