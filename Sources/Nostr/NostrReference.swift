/// A reference in text: bech32 as NIP-19 defines it, behind `nostr:` where it is a URI (NIP-21, NIP-27).
package enum NostrReference: Hashable, Sendable {
    /// `npub`, `nprofile`.
    case profile(PublicKey, relays: [WireText])
    /// `note`, `nevent`.
    case event(EventID, relays: [WireText], author: PublicKey?, kind: Kind?)
    /// `naddr`; the empty identifier is that of a replaceable event.
    case address(EventAddress, relays: [WireText])

    /// NIP-19 limits the text; a longer one is an attack on somebody's stack.
    package static let bytesMax = 5_000
    /// More relays than these help nobody.
    package static let relaysMax = 16

    /// Reads the bech32 text without `nostr:`; nil for anything else, `nsec` included, which is no reference.
    package init?(_ text: some Collection<UInt8>) {
        guard text.count <= Self.bytesMax, let bech32 = Bech32(text), bech32.variant == .bech32,
            let bytes = bech32.bytes
        else { return nil }
        switch String(decoding: bech32.prefix, as: UTF8.self) {
        case "npub":
            guard let key = Bytes32(bytes: bytes) else { return nil }
            self = .profile(PublicKey(key), relays: [])
        case "note":
            guard let id = Bytes32(bytes: bytes) else { return nil }
            self = .event(EventID(id), relays: [], author: nil, kind: nil)
        case "nprofile":
            guard let parts = Parts(bytes), let key = parts.special.flatMap({ Bytes32(bytes: $0) }) else { return nil }
            self = .profile(PublicKey(key), relays: parts.relays)
        case "nevent":
            guard let parts = Parts(bytes), let id = parts.special.flatMap({ Bytes32(bytes: $0) }) else { return nil }
            self = .event(EventID(id), relays: parts.relays, author: parts.author, kind: parts.kind)
        case "naddr":
            guard let parts = Parts(bytes), let identifier = parts.special, let author = parts.author,
                let kind = parts.kind, kind.kindClass == .addressable || kind.kindClass == .replaceable,
                // An identifier is text, which the type-length-value form does not promise.
                String(validating: identifier, as: UTF8.self) != nil
            else { return nil }
            self = .address(
                EventAddress(kind: kind, pubkey: author, identifier: WireText(bytes: identifier)),
                relays: parts.relays)
        default:
            return nil
        }
    }

    /// What NIP-19 packs as type, length and value. Unknown types are skipped.
    private struct Parts {
        private(set) var special: [UInt8]?
        private(set) var relays: [WireText] = []
        private(set) var author: PublicKey?
        private(set) var kind: Kind?

        /// Nil where a value is shorter than its length says, or than its type needs.
        init?(_ bytes: [UInt8]) {
            var rest = bytes[...]
            while let type = rest.popFirst() {
                guard let length = rest.popFirst(), rest.count >= Int(length) else { return nil }
                let value = Array(rest.prefix(Int(length)))
                rest = rest.dropFirst(Int(length))
                switch type {
                case 0:
                    self.special = self.special ?? value
                case 1:
                    guard self.relays.count < NostrReference.relaysMax, value.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
                    else { continue }
                    self.relays.append(WireText(bytes: value))
                case 2:
                    guard let key = Bytes32(bytes: value) else { return nil }
                    self.author = self.author ?? PublicKey(key)
                case 3:
                    guard value.count == 4 else { return nil }
                    let number = value.reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
                    guard let kind = UInt16(exactly: number) else { return nil }
                    self.kind = self.kind ?? Kind(kind)
                default:
                    continue
                }
            }
        }
    }
}

extension NostrReference {
    /// More in one text are a list, or an attack; the first ones are read.
    package static let referencesMax = 1_000

    /// The `nostr:` URIs in `text`, in order, repeated ones too. They need no tag to be there.
    ///
    /// Bytes are scanned: a combining mark behind a reference belongs to the same grapheme cluster as its last letter.
    package static func all(in text: [UInt8]) -> [NostrReference] {
        var references: [NostrReference] = []
        var index = 0
        let bytes = text.span
        while index < text.count, references.count < self.referencesMax {
            guard bytes[index] | 0x20 == UInt8(ascii: "n"), let start = self.start(text, at: index) else {
                index += 1
                continue
            }
            // Further letters make it another text, longer than a reference may be.
            let end = text[start...].firstIndex { !$0.isLetterOrDigit } ?? text.endIndex
            if let reference = NostrReference(text[start..<end]) { references.append(reference) }
            // Not behind the letters: they may be another scheme.
            index = start
        }
        return references
    }

    /// Where the bech32 text starts, if `nostr:` stands at `index`. A scheme has no case (RFC 3986 section 3.1).
    private static func start(_ text: [UInt8], at index: Int) -> Int? {
        let scheme = "nostr:".utf8
        guard text[index...].prefix(scheme.count).lazy.map(\.lowercasedASCII).elementsEqual(scheme) else { return nil }
        return index + scheme.count
    }
}
