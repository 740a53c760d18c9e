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
    package let scheme: Scheme
    /// A name, an IPv4 address, or an IPv6 address without its brackets; lower case.
    package let host: String
    package let port: Int
    /// Host, with its port unless that is the scheme's default: the `Host` header (RFC 9110 section 7.2).
    package let authority: String
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
        guard let host = URLHost(authority: rest[..<authorityEnd]) else { return nil }

        self.scheme = scheme
        self.host = host.name
        self.port = host.port ?? scheme.defaultPort
        self.target = Self.target(of: rest[authorityEnd...])
        self.raw = String(decoding: bytes, as: UTF8.self)
        let authority = host.authority(defaultPort: scheme.defaultPort)
        self.authority = authority
        self.description = scheme.rawValue + "://" + authority + (self.target == "/" ? "" : self.target)
    }

    package var isSecure: Bool { self.scheme == .wss }

    /// Whether the host is an IPv6 literal; a name cannot contain a colon.
    package var isIPv6Literal: Bool { self.host.utf8.contains(UInt8(ascii: ":")) }

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
        guard let scheme = Scheme(rawValue: String(lowercasingASCII: bytes[..<colon])), rest.starts(with: "//".utf8)
        else {
            return nil
        }
        return (scheme, rest.dropFirst(2))
    }

    /// Without the fragment; bytes outside ASCII percent-encoded, since a request line is ASCII.
    private static func target(of bytes: ArraySlice<UInt8>) -> String {
        var target: [UInt8] = bytes.first == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
        for byte in bytes.prefix(while: { $0 != UInt8(ascii: "#") }) {
            if byte < 0x80 {
                target.append(byte)
            } else {
                Percent.append(byte, to: &target)
            }
        }
        return String(decoding: target, as: UTF8.self)
    }
}
