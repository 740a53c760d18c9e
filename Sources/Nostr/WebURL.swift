/// An `http` or `https` URL in the one form under which the system knows it: RFC 3986 section 6.2.2 and 6.2.3.
///
/// Scheme and host are in lower case, the host in ASCII (``DomainName``), the default port is dropped, dot segments are
/// removed, `%XX` is in upper case, unreserved characters are not encoded and all others are. An empty path is `/`;
/// query and trailing slash stay. The fragment names a place in the page and is dropped.
package struct WebURL: Hashable, Sendable {
    package enum Scheme: String, Hashable, Sendable {
        case http, https

        var defaultPort: Int {
            switch self {
            case .http: 80
            case .https: 443
            }
        }
    }

    package let scheme: Scheme
    /// The whole URL, in ASCII.
    package let bytes: [UInt8]
    private let originCount: Int

    /// Scheme and authority, without the slash behind them.
    package var origin: ArraySlice<UInt8> { self.bytes[..<self.originCount] }

    /// Whether there is nothing behind the authority.
    package var isOrigin: Bool { self.bytes.count == self.originCount + 1 }

    /// Whether `text` starts like a URL of the web: then it is one, or it is none at all.
    static func isCandidate(_ text: ArraySlice<UInt8>) -> Bool { self.scheme(of: text) != nil }

    /// Reads a URL; nil where there is no host, or none that DNS could know.
    package init?(_ text: [UInt8]) {
        guard let (scheme, rest) = Self.scheme(of: text[...]) else { return nil }
        let end = rest.firstIndex(of: UInt8(ascii: "#")) ?? rest.endIndex
        let authorityEnd = rest[..<end].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? end
        let queryStart = rest[authorityEnd..<end].firstIndex(of: UInt8(ascii: "?")) ?? end
        guard let authority = Self.authority(rest[..<authorityEnd], scheme) else { return nil }
        var bytes = Array((scheme.rawValue + "://").utf8) + authority
        self.originCount = bytes.count
        Self.appendPath(rest[authorityEnd..<queryStart], to: &bytes)
        if queryStart < end {
            bytes.append(UInt8(ascii: "?"))
            Self.append(rest[(queryStart + 1)..<end], allowing: "!$&'()*+,;=:@/?", to: &bytes)
        }
        self.scheme = scheme
        self.bytes = bytes
    }

    private static func scheme(of text: ArraySlice<UInt8>) -> (Scheme, rest: ArraySlice<UInt8>)? {
        for scheme in [Scheme.https, .http] {
            let prefix = scheme.rawValue + "://"
            if text.prefix(prefix.utf8.count).lazy.map(\.lowercasedASCII).elementsEqual(prefix.utf8) {
                return (scheme, text.dropFirst(prefix.utf8.count))
            }
        }
        return nil
    }

    private static func authority(_ text: ArraySlice<UInt8>, _ scheme: Scheme) -> [UInt8]? {
        let at = text.lastIndex(of: UInt8(ascii: "@"))
        let written = text[(at.map { $0 + 1 } ?? text.startIndex)...]
        let ascii = written.first == UInt8(ascii: "[") ? Array(written) : DomainName.ascii(Percent.decoded(written))
        guard let ascii, let host = URLHost(authority: ascii[...]) else { return nil }
        var authority: [UInt8] = []
        if let at {
            self.append(text[..<at], allowing: "!$&'()*+,;=:", to: &authority)
            authority.append(UInt8(ascii: "@"))
        }
        return authority + Array(host.authority(defaultPort: scheme.defaultPort).utf8)
    }

    private static func appendPath(_ text: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        var path: [UInt8] = []
        // An encoded dot is a dot: segments are looked at after decoding.
        self.append(text, allowing: "!$&'()*+,;=:@/", to: &path)
        var segments: [ArraySlice<UInt8>] = []
        var endsInSlash = true
        for segment in path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            endsInSlash = segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8)
            if !endsInSlash {
                segments.append(segment)
            } else if segment.count == 2 {
                _ = segments.popLast()
            }
        }
        if endsInSlash { segments.append([]) }
        for segment in segments {
            bytes.append(UInt8(ascii: "/"))
            bytes.append(contentsOf: segment)
        }
    }

    /// Appends `text` with every byte encoded that is neither unreserved (RFC 3986 section 2.3) nor one of `allowed`.
    private static func append(_ text: ArraySlice<UInt8>, allowing allowed: StaticString, to bytes: inout [UInt8]) {
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if let encoded = Percent.byte(text, at: index) {
                if self.isUnreserved(encoded) { bytes.append(encoded) } else { Percent.append(encoded, to: &bytes) }
                index += 3
                continue
            }
            let isAllowed = self.isUnreserved(byte) || allowed.withUTF8Buffer { $0.contains(byte) }
            if isAllowed { bytes.append(byte) } else { Percent.append(byte, to: &bytes) }
            index += 1
        }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: byte.isLetterOrDigit
        }
    }
}
