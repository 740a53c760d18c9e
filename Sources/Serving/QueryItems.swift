/// `?name`, `?name=value&…`, percent-decoded.
package struct QueryItems: Equatable, Sendable {
    package struct Item: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    package private(set) var items: [Item] = []
    /// False when an escape was broken or not UTF-8; it was then taken as it stands.
    package private(set) var isWellFormed = true

    /// - Parameter text: with or without the question mark.
    package init(_ text: some StringProtocol) {
        for piece in text.drop(while: { $0 == "?" }).split(separator: "&") {
            let parts = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = self.decoded(parts[0])
            self.items.append(Item(name: name, value: parts.count == 2 ? self.decoded(parts[1]) : ""))
        }
    }

    package func has(_ name: String) -> Bool { self.items.contains { $0.name == name } }
    package func all(_ name: String) -> [String] { self.items.filter { $0.name == name }.map(\.value) }

    private mutating func decoded(_ text: some StringProtocol) -> String {
        if let decoded = PercentEncoding.decoded(text.utf8, plusIsSpace: true) { return decoded }
        self.isWellFormed = false
        return String(text)
    }
}

/// RFC 3986 section 2.1.
package enum PercentEncoding {
    /// Nil when an escape is broken or the result is not UTF-8.
    package static func decoded(_ text: some Sequence<UInt8>, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var iterator = text.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(self.digit), let low = iterator.next().flatMap(self.digit)
                else { return nil }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
