/// An identifier that a domain can confirm (NIP-05): `local@domain`.
///
/// The domain confirms it if its document names the key that claims it. Redirects must be ignored, and the domain is the
/// author's word: whoever fetches checks the address first.
package struct InternetIdentifier: Hashable, Sendable {
    /// In lower case: `[a-z0-9-_.]`. `_` is the domain itself.
    package let local: String
    /// A host name in ASCII and lower case, and the port if one is written.
    package let domain: String

    /// Longer ones are cut off by mail systems, and by us (RFC 5321 section 4.5.3.1).
    package static let localBytesMax = 64

    /// Reads the member `nip05` of a profile; a bare domain means `_@domain`, as clients show it.
    ///
    /// Upper case is accepted and lowered: NIP-05 compares without case and asks for lower case in the document.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        let at = bytes.lastIndex(of: UInt8(ascii: "@"))
        let local = at.map { bytes[..<$0] } ?? [UInt8(ascii: "_")]
        let domain = at.map { bytes[($0 + 1)...] } ?? bytes[...]
        let isOfLocal: (UInt8) -> Bool = { byte in
            byte.isLetterOrDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        }
        guard (1...Self.localBytesMax).contains(local.count), local.allSatisfy(isOfLocal),
            let ascii = DomainName.ascii(Array(domain)), let host = URLHost(authority: ascii[...]),
            // One label is no domain of the Internet, and an address is none that anybody owns.
            host.name.utf8.contains(UInt8(ascii: ".")), host.name.utf8.last.map({ !$0.isDigit }) ?? false
        else { return nil }
        self.local = String(lowercasingASCII: local)
        self.domain = host.authority(defaultPort: 443)
    }

    /// As it is shown: the domain alone where the local part is `_`.
    package var shown: String { self.local == "_" ? self.domain : self.local + "@" + self.domain }

    /// Where the domain answers. The local part needs no encoding.
    package var url: String { "https://\(self.domain)/.well-known/nostr.json?name=\(self.local)" }

    /// The key that the document gives to this identifier; nil where it is missing or not 64 lower-case digits.
    package func key(in document: [UInt8]) -> PublicKey? {
        JSONValue(parsing: document.span)?["names"]?[self.local]?.string.flatMap { PublicKey(hex: $0) }
    }

    /// The relays that the document gives to `key`.
    package func relays(of key: PublicKey, in document: [UInt8]) -> [RelayURL] {
        let relays = JSONValue(parsing: document.span)?["relays"]?[key.description]?.array ?? []
        return relays.prefix(RelayList.entriesMax).compactMap { $0.string.flatMap { RelayURL($0) } }
    }
}
