/// Where a recipient's Lightning provider is asked about payments (LUD-06, LUD-16); the same for every spelling.
///
/// Who wrote it is not known to mean well: it is https only, and the address is checked when it is dialled.
package struct LNURL: Sendable {
    /// A name may be longer nowhere.
    private static let nameBytesMax = 64
    /// An address of `RelayURL.bytesMax` bytes in bech32.
    private static let textBytesMax = 2_048

    /// A name, an IPv4 address, or an IPv6 address without its brackets; lower case.
    package let host: String
    package let port: Int
    /// Path and query as they stand in the request line.
    package let target: String
    /// The canonical form: the key of a provider's answer.
    package let description: String

    /// Reads `name@domain` (`lud16` of a profile).
    ///
    /// It stands for `https://domain/.well-known/lnurlp/name`. LUD-16 knows names in lower case only, so that case is
    /// nobody's other name.
    package init?(address: WireText) {
        guard address.byteCountMax <= Self.textBytesMax else { return nil }
        let bytes = address.bytes[...].trimmingSpace()
        guard let at = bytes.firstIndex(of: UInt8(ascii: "@")) else { return nil }
        let name = bytes[..<at]
        let isNameByte: (UInt8) -> Bool = { $0.isLetterOrDigit || "-_.+".utf8.contains($0) }
        let isHostByte: (UInt8) -> Bool = { $0.isLetterOrDigit || "-_.:".utf8.contains($0) }
        let domain = bytes[(at + 1)...]
        guard (1...Self.nameBytesMax).contains(name.count), name.allSatisfy(isNameByte), !domain.isEmpty,
            domain.allSatisfy(isHostByte)
        else { return nil }
        self.init(behindScheme: domain + "/.well-known/lnurlp/".utf8 + name.map(\.lowercasedASCII))
    }

    /// Reads `lnurl1…` (LUD-01): the `lnurl` tag of a request, and `lud06` of a profile.
    package init?(bech32 text: WireText) {
        guard text.byteCountMax <= Self.textBytesMax else { return nil }
        var bytes = text.bytes[...].trimmingSpace()
        let scheme = "lightning:".utf8
        if bytes.prefix(scheme.count).map(\.lowercasedASCII).elementsEqual(scheme) {
            bytes = bytes.dropFirst(scheme.count)
        }
        guard let bech32 = Bech32(bytes), bech32.variant == .bech32, bech32.prefix.elementsEqual("lnurl".utf8),
            let url = bech32.bytes, url.prefix(8).map(\.lowercasedASCII).elementsEqual("https://".utf8)
        else { return nil }
        self.init(behindScheme: url.dropFirst(8))
    }

    /// An https URL has the authority and the target of a wss URL (RFC 6455 section 3), so they are read by the same rules.
    private init?(behindScheme text: ArraySlice<UInt8>) {
        guard let url = RelayURL("wss://" + String(decoding: text, as: UTF8.self)) else { return nil }
        self.host = url.host
        self.port = url.port
        self.target = url.target
        self.description = "https://" + url.authority + url.target
    }

    /// The key with which a provider signs its receipts, from its answer at the address: `nostrPubkey`, unless the answer
    /// does not say `allowsNostr` (NIP-57, appendix A).
    package static func providerKey(in answer: Span<UInt8>) -> PublicKey? {
        guard let json = JSONValue(parsing: answer), json["allowsNostr"]?.bool == true else { return nil }
        return json["nostrPubkey"]?.string.flatMap { PublicKey(hex: $0) }
    }
}

extension LNURL: Hashable {
    package static func == (left: LNURL, right: LNURL) -> Bool {
        // Canonical forms are ASCII, so that String equality is byte equality.
        left.description == right.description
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.description)
    }
}

extension LNURL: CustomStringConvertible {}
