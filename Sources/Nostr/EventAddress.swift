/// A coordinate `kind:pubkey:d`: what names a replaceable or addressable event in all its versions (NIP-01).
package struct EventAddress: Hashable, Sendable {
    package let kind: Kind
    package let pubkey: PublicKey
    /// Everything behind the second colon, further colons included; empty for most replaceable kinds.
    package let identifier: WireText

    package init(kind: Kind, pubkey: PublicKey, identifier: WireText) {
        self.kind = kind
        self.pubkey = pubkey
        self.identifier = identifier
    }

    /// Reads the value of an `a` tag; nil for anything else, and for kinds that have no coordinate.
    ///
    /// The second colon may be missing where there is no `d`, that is for replaceable kinds (lenient, as relays are):
    /// `10002:pk` and `10002:pk:` are equal.
    package init?(_ text: WireText) {
        guard let address = text.withSpan({ bytes, range in Self.read(bytes, range) }) else { return nil }
        // Kind, key and colons are never escaped, so the offset holds in either form.
        self.init(
            kind: address.kind, pubkey: address.pubkey, identifier: text.suffix(from: address.identifierOffset))
    }

    /// Whether the text in `range` is a coordinate.
    package static func isAddress(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        self.read(bytes, range) != nil
    }

    private static func read(
        _ bytes: Span<UInt8>, _ range: Range<Int>
    ) -> (kind: Kind, pubkey: PublicKey, identifierOffset: Int)? {
        let digits = bytes.decimalDigits(range)
        var offset = digits.upperBound
        guard offset < range.upperBound, bytes[offset] == UInt8(ascii: ":"), let kind = Kind(digits: bytes, digits)
        else { return nil }
        offset += 1
        guard offset + 64 <= range.upperBound, let pubkey = Bytes32(hex: bytes, at: offset) else { return nil }
        offset += 64
        let hasColon = offset < range.upperBound && bytes[offset] == UInt8(ascii: ":")
        switch kind.kindClass {
        case .replaceable: guard hasColon || offset == range.upperBound else { return nil }
        case .addressable: guard hasColon else { return nil }
        case .regular, .ephemeral: return nil
        }
        return (kind, PublicKey(pubkey), offset - range.lowerBound + (hasColon ? 1 : 0))
    }
}

extension EventAddress: CustomStringConvertible {
    package var description: String { "\(self.kind):\(self.pubkey):\(self.identifier.string)" }
}

extension Event {
    /// The coordinate of the event; nil for kinds that have none.
    package var address: EventAddress? {
        switch self.kind.kindClass {
        case .replaceable: EventAddress(kind: self.kind, pubkey: self.pubkey, identifier: .empty)
        case .addressable: EventAddress(kind: self.kind, pubkey: self.pubkey, identifier: self.identifier)
        case .regular, .ephemeral: nil
        }
    }
}

extension Kind {
    /// The kind whose digits are all of `range`: decimal, without sign or leading zero, at most 65535.
    init?(digits bytes: Span<UInt8>, _ range: Range<Int>) {
        guard (1...5).contains(range.count), range.count == 1 || bytes[range.lowerBound] != UInt8(ascii: "0") else {
            return nil
        }
        var value: UInt32 = 0
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + UInt32(digit)
        }
        guard let value = UInt16(exactly: value) else { return nil }
        self.init(value)
    }

    /// The kind that `text` writes, as in a `k` tag; nil for anything but `0|[1-9][0-9]*` up to 65535.
    package init?(_ text: WireText) {
        guard let kind = text.withSpan({ bytes, range in Kind(digits: bytes, range) }) else { return nil }
        self = kind
    }
}

extension Span<UInt8> {
    /// The decimal digits at the start of `range`.
    func decimalDigits(_ range: Range<Int>) -> Range<Int> {
        var end = range.lowerBound
        while end < range.upperBound, self[end] &- UInt8(ascii: "0") < 10 { end += 1 }
        return range.lowerBound..<end
    }
}
