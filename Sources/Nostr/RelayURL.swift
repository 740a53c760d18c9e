/// The address of a relay in the one form under which the system knows it (NIP-65 with the parsing rules of NIP-01 clients).
///
/// Two spellings of one relay are equal: scheme and host are lower-cased, the default port and the fragment are dropped,
/// and an empty path is the same as `/`. Any other path, and the query, belong to the identity. What was written is kept
/// in `raw` and takes no part in equality.
///
/// Not accepted: other schemes, user information, hosts outside ASCII (write the `xn--` form: two names that look alike
/// must not be mistaken for each other), white space, control characters and backslashes, more than `bytesMax` bytes.
/// Whether a relay may be dialled is not decided here but by `AddressGuard`.
package struct RelayURL: Sendable {
    package enum Scheme: String, Hashable, Sendable {
        case ws, wss

        /// RFC 6455 section 3.
        package var defaultPort: Int {
            switch self {
            case .ws: 80
            case .wss: 443
            }
        }
    }

    /// Longer ones are rubbish or an attack; real relay URLs have about 25 bytes.
    package static let bytesMax = 1_024
    /// RFC 1035 section 2.3.4.
    private static let hostBytesMax = 253

    package let scheme: Scheme
    /// A name, an IPv4 address, or an IPv6 address without its brackets; lower case.
    package let host: String
    package let port: Int
    /// Path and query as they stand in the request line: always starts with `/`.
    package let target: String
    /// What was written, without the surrounding white space.
    package let raw: String
    /// The canonical form: the key of a relay everywhere.
    package let description: String

    /// Reads a URL; nil unless it is one of a relay.
    package init?(_ text: some StringProtocol) {
        let bytes = Self.trimmed(Array(text.utf8))
        guard bytes.count <= Self.bytesMax else { return nil }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }) else { return nil }

        guard let (scheme, rest) = Self.scheme(of: bytes) else { return nil }
        let authorityEnd = rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
        guard let (host, written) = Self.hostAndPort(of: rest[..<authorityEnd]) else { return nil }

        self.scheme = scheme
        self.host = host
        self.port = written ?? scheme.defaultPort
        self.target = Self.target(of: rest[authorityEnd...])
        self.raw = String(decoding: bytes, as: UTF8.self)
        let authority = Self.authority(host: host, port: self.port, scheme: scheme)
        self.description = scheme.rawValue + "://" + authority + (self.target == "/" ? "" : self.target)
    }

    package var isSecure: Bool { self.scheme == .wss }

    /// Whether the host is an IPv6 literal; a name cannot contain a colon.
    package var isIPv6Literal: Bool { self.host.utf8.contains(UInt8(ascii: ":")) }

    /// Host, with its port unless that is the scheme's default: the `Host` header (RFC 9110 section 7.2).
    package var authority: String { Self.authority(host: self.host, port: self.port, scheme: self.scheme) }

    /// What may be logged, shown or made a label: the canonical form without its query.
    package var label: String {
        let path = self.target.utf8.prefix { $0 != UInt8(ascii: "?") }
        let shown = path.count == 1 ? "" : String(decoding: path, as: UTF8.self)
        return self.scheme.rawValue + "://" + self.authority + shown
    }
}

extension RelayURL: Hashable, CustomStringConvertible {
    package static func == (one: RelayURL, other: RelayURL) -> Bool {
        // Canonical forms are ASCII, so that String equality is byte equality.
        one.description == other.description
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.description)
    }
}

// MARK: - Parts

extension RelayURL {
    private static func trimmed(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let start = bytes.firstIndex { !isSpace($0) } ?? bytes.endIndex
        let end = bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? start
        return bytes[start..<end]
    }

    private static func scheme(of bytes: ArraySlice<UInt8>) -> (Scheme, rest: ArraySlice<UInt8>)? {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let rest = bytes[(colon + 1)...]
        guard let scheme = Scheme(rawValue: self.lowercased(bytes[..<colon])), rest.starts(with: "//".utf8) else {
            return nil
        }
        return (scheme, rest.dropFirst(2))
    }

    private static func hostAndPort(of authority: ArraySlice<UInt8>) -> (host: String, port: Int?)? {
        let host: String
        let rest: ArraySlice<UInt8>
        if authority.first == UInt8(ascii: "[") {
            guard let bracket = authority.firstIndex(of: UInt8(ascii: "]")),
                let address = IPv6Literal(authority[authority.startIndex + 1..<bracket])
            else { return nil }
            host = address.description
            rest = authority[(bracket + 1)...]
        } else {
            let colon = authority.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
            guard let name = self.name(authority[..<colon]) else { return nil }
            host = name
            rest = authority[colon...]
        }
        if rest.isEmpty || rest.elementsEqual(":".utf8) { return (host, nil) }
        guard rest.first == UInt8(ascii: ":"), let port = self.port(rest.dropFirst()) else { return nil }
        return (host, port)
    }

    /// A host name or IPv4 address in lower case, without the root's dot. `@`, `%` and everything else exotic is refused.
    private static func name(_ bytes: ArraySlice<UInt8>) -> String? {
        let name = bytes.last == UInt8(ascii: ".") ? bytes.dropLast() : bytes
        guard (1...self.hostBytesMax).contains(name.count) else { return nil }
        for label in name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            // RFC 1035 section 2.3.4; underscores occur in real host names.
            guard (1...63).contains(label.count) else { return nil }
            let isHostByte: (UInt8) -> Bool = { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
            guard label.allSatisfy(isHostByte) else { return nil }
        }
        return self.lowercased(name)
    }

    private static func port(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...5).contains(digits.count) else { return nil }
        var port = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            port = port * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return (1...65_535).contains(port) ? port : nil
    }

    /// Without the fragment; bytes outside ASCII percent-encoded, since a request line is ASCII.
    private static func target(of bytes: ArraySlice<UInt8>) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var target: [UInt8] = bytes.first == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
        for byte in bytes.prefix(while: { $0 != UInt8(ascii: "#") }) {
            if byte < 0x80 {
                target.append(byte)
            } else {
                target += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
            }
        }
        return String(decoding: target, as: UTF8.self)
    }

    private static func authority(host: String, port: Int, scheme: Scheme) -> String {
        let bracketed = host.utf8.contains(UInt8(ascii: ":")) ? "[" + host + "]" : host
        return port == scheme.defaultPort ? bracketed : bracketed + ":" + String(port)
    }

    private static func lowercased(_ bytes: ArraySlice<UInt8>) -> String {
        let lower = bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        return String(decoding: lower, as: UTF8.self)
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
