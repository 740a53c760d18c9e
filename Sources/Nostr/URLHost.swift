/// Host and port of a URL (RFC 3986 section 3.2), without user information.
struct URLHost {
    /// A name, an IPv4 address, or an IPv6 address without its brackets; lower case.
    let name: String
    let port: Int?

    /// RFC 1035 section 2.3.4.
    static let nameBytesMax = 253
    static let labelBytesMax = 63

    /// Reads `host[:port]` in ASCII. `@`, `%` and everything else exotic is refused, and so is an IPv6 zone.
    init?(authority: ArraySlice<UInt8>) {
        let name: String
        let rest: ArraySlice<UInt8>
        if authority.first == UInt8(ascii: "[") {
            guard let bracket = authority.firstIndex(of: UInt8(ascii: "]")),
                let address = IPv6Literal(authority[authority.startIndex + 1..<bracket])
            else { return nil }
            name = address.description
            rest = authority[(bracket + 1)...]
        } else {
            let colon = authority.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
            guard let host = Self.name(authority[..<colon]) else { return nil }
            name = host
            rest = authority[colon...]
        }
        self.name = name
        if rest.isEmpty || rest.elementsEqual(":".utf8) {
            self.port = nil
        } else {
            guard rest.first == UInt8(ascii: ":"), let port = Self.port(rest.dropFirst()) else { return nil }
            self.port = port
        }
    }

    /// Host, with its port unless that is the scheme's default.
    func authority(defaultPort: Int) -> String {
        let bracketed = self.name.utf8.contains(UInt8(ascii: ":")) ? "[" + self.name + "]" : self.name
        guard let port = self.port, port != defaultPort else { return bracketed }
        return bracketed + ":" + String(port)
    }

    /// A host name or IPv4 address in lower case, without the root's dot.
    private static func name(_ bytes: ArraySlice<UInt8>) -> String? {
        let name = bytes.last == UInt8(ascii: ".") ? bytes.dropLast() : bytes
        guard (1...self.nameBytesMax).contains(name.count) else { return nil }
        for label in name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            // Underscores occur in real host names.
            guard (1...self.labelBytesMax).contains(label.count),
                label.allSatisfy({ $0.isLetterOrDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
            else { return nil }
        }
        return String(lowercasingASCII: name)
    }

    private static func port(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...5).contains(digits.count), digits.allSatisfy(\.isDigit) else { return nil }
        let port = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return (1...65_535).contains(port) ? port : nil
    }
}

/// An IPv6 address as text (RFC 4291 section 2.2), printed in its one canonical form (RFC 5952 section 4).
private struct IPv6Literal: CustomStringConvertible {
    private let groups: [UInt16]

    /// Nil for anything else, zone identifiers included: they mean nothing on another machine.
    init?(_ text: ArraySlice<UInt8>) {
        var halves: [[UInt16]] = [[]]
        var rest = text
        if rest.starts(with: "::".utf8) {
            halves.append([])
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
            let piece = rest[..<end]
            if end == rest.endIndex, piece.contains(UInt8(ascii: ".")) {
                guard let pair = Self.embeddedIPv4(piece) else { return nil }
                halves[halves.count - 1] += pair
                break
            }
            // A sign would pass for a digit: `UInt16("-0", radix: 16)` is 0.
            guard (1...4).contains(piece.count), !piece.contains(where: { "+-".utf8.contains($0) }),
                let group = UInt16(String(decoding: piece, as: UTF8.self), radix: 16)
            else { return nil }
            halves[halves.count - 1].append(group)
            guard end != rest.endIndex else { break }
            rest = rest[(end + 1)...]
            if rest.first == UInt8(ascii: ":") {
                guard halves.count == 1 else { return nil }
                halves.append([])
                rest = rest.dropFirst()
            } else if rest.isEmpty {
                return nil
            }
        }
        let count = halves.reduce(0) { $0 + $1.count }
        guard halves.count == 2 ? count < 8 : count == 8 else { return nil }
        self.groups = halves[0] + Array(repeating: 0, count: 8 - count) + (halves.count == 2 ? halves[1] : [])
    }

    private static func embeddedIPv4(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { part -> UInt8? in
            guard (1...3).contains(part.count), part.allSatisfy({ (0x30...0x39).contains($0) }),
                part.count == 1 || part.first != 0x30
            else { return nil }
            return UInt8(String(decoding: part, as: UTF8.self))
        }.compactMap(\.self)
        guard parts.count == 4, text.count(where: { $0 == UInt8(ascii: ".") }) == 3 else { return nil }
        return [UInt16(parts[0]) << 8 | UInt16(parts[1]), UInt16(parts[2]) << 8 | UInt16(parts[3])]
    }

    var description: String {
        // The longest run of at least two zero groups is compressed; of equals, the first.
        var longest = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || self.groups[index] != 0 {
            if index - start > max(longest.count, 1) { longest = start..<index }
            start = index + 1
        }
        let hex: (Range<Int>) -> String = { range in
            range.map { String(self.groups[$0], radix: 16) }.joined(separator: ":")
        }
        if longest.isEmpty { return hex(0..<8) }
        return hex(0..<longest.lowerBound) + "::" + hex(longest.upperBound..<8)
    }
}
