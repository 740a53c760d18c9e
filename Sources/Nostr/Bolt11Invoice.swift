/// A Lightning invoice (BOLT-11) as far as a zap needs it.
///
/// Its signature, features and payment secret are not checked: whether anybody was paid is not to be seen from an invoice.
package struct Bolt11Invoice: Hashable, Sendable {
    package enum Network: String, CaseIterable, Hashable, Sendable {
        // One prefix may begin with another: the longest are tried first.
        case regtest = "bcrt"
        case signet = "tbs"
        case mainnet = "bc"
        case testnet = "tb"
        case simnet = "sb"
    }

    /// Digits in the largest QR code, where other readers draw the line too: longer text is no invoice.
    package static let textBytesMax = 7_089
    /// 21 million bitcoin in millisatoshi: all there will be.
    package static let msatsMax: Int64 = 2_100_000_000_000_000_000

    package let network: Network
    /// Millisatoshi; nil if the payer decides. Never zero.
    package let msats: Int64?
    package let createdAt: Timestamp
    package let paymentHash: Bytes32
    /// The SHA-256 of what the payment is for (`h`), or a text (`d`); one of the two is usual.
    package let descriptionHash: Bytes32?
    package let description: WireText?
    /// Seconds after `createdAt`; BOLT-11 means 3600 where there is none.
    package let expirySeconds: Int64?
    package let paymentSecret: Bytes32?

    /// Reads an invoice, in lower or in upper case, after an optional `lightning:`.
    package init?(_ text: [UInt8]) {
        guard text.count <= Self.textBytesMax else { return nil }
        let scheme = "lightning:".utf8
        let hasScheme = text.prefix(scheme.count).map(\.lowercasedASCII).elementsEqual(scheme)
        guard let bech32 = Bech32(text.dropFirst(hasScheme ? scheme.count : 0)), bech32.variant == .bech32,
            let (network, amount) = Self.network(in: bech32.prefix), let fields = Fields(bech32.groups),
            let paymentHash = fields.paymentHash
        else { return nil }
        if amount.isEmpty {
            self.msats = nil
        } else {
            guard let msats = Self.msats(amount) else { return nil }
            self.msats = msats
        }
        self.network = network
        self.createdAt = fields.createdAt
        self.paymentHash = paymentHash
        self.descriptionHash = fields.descriptionHash
        self.description = fields.description
        self.expirySeconds = fields.expirySeconds
        self.paymentSecret = fields.paymentSecret
    }

    private static func network(in prefix: [UInt8]) -> (Network, amount: ArraySlice<UInt8>)? {
        guard prefix.starts(with: "ln".utf8) else { return nil }
        let rest = prefix.dropFirst(2)
        for network in Network.allCases where rest.starts(with: network.rawValue.utf8) {
            return (network, rest.dropFirst(network.rawValue.utf8.count))
        }
        return nil
    }

    /// `\d+[munp]?` in millisatoshi; nil for zero, for less than one and for more than there is.
    private static func msats(_ amount: ArraySlice<UInt8>) -> Int64? {
        let last = amount.last ?? 0
        let digits = last.isDigit ? amount : amount.dropLast()
        // Twenty digits of the smallest unit are more than there is of money.
        guard let first = digits.first, first != UInt8(ascii: "0"), digits.count < 20, digits.allSatisfy(\.isDigit)
        else { return nil }
        var value = digits.reduce(0 as UInt64) { $0 * 10 + UInt64($1 - UInt8(ascii: "0")) }
        let unit: UInt64
        switch last {
        case UInt8(ascii: "p"):
            guard value.isMultiple(of: 10) else { return nil }
            value /= 10
            unit = 1
        case UInt8(ascii: "n"): unit = 100
        case UInt8(ascii: "u"): unit = 100_000
        case UInt8(ascii: "m"): unit = 100_000_000
        default:
            guard last.isDigit else { return nil }
            unit = 100_000_000_000
        }
        let (msats, isTooMuch) = value.multipliedReportingOverflow(by: unit)
        return isTooMuch || msats > UInt64(Self.msatsMax) ? nil : Int64(msats)
    }
}

/// The data part: a time, tagged fields and a signature, in groups of five bits.
///
/// A field is a type, two groups of length and its data. Unknown types and wrong lengths are skipped, and the first field of
/// the right length counts.
private struct Fields {
    private static let timestampGroups = 7
    private static let signatureGroups = 104
    /// 256 bits.
    private static let digestGroups = 52
    /// Sixty bits: more seconds than there will be.
    private static let expiryGroupsMax = 12

    private(set) var createdAt: Timestamp
    private(set) var paymentHash: Bytes32?
    private(set) var descriptionHash: Bytes32?
    private(set) var description: WireText?
    private(set) var expirySeconds: Int64?
    private(set) var paymentSecret: Bytes32?

    init?(_ groups: [UInt8]) {
        let end = groups.count - Self.signatureGroups
        guard end >= Self.timestampGroups else { return nil }
        self.createdAt = Timestamp(Self.number(groups[..<Self.timestampGroups]))
        var offset = Self.timestampGroups
        while offset < end {
            guard offset + 3 <= end else { return nil }
            let start = offset + 3
            let stop = start + Int(groups[offset + 1]) * 32 + Int(groups[offset + 2])
            guard stop <= end else { return nil }
            self.read(type: groups[offset], groups[start..<stop])
            offset = stop
        }
    }

    private mutating func read(type: UInt8, _ data: ArraySlice<UInt8>) {
        switch type {
        case 1: self.paymentHash = self.paymentHash ?? Self.digest(data)
        case 23: self.descriptionHash = self.descriptionHash ?? Self.digest(data)
        case 16: self.paymentSecret = self.paymentSecret ?? Self.digest(data)
        case 13: self.description = self.description ?? Bech32.bytes(of: data).map(WireText.init(bytes:))
        case 6 where data.count <= Self.expiryGroupsMax: self.expirySeconds = self.expirySeconds ?? Self.number(data)
        default: break
        }
    }

    private static func digest(_ data: ArraySlice<UInt8>) -> Bytes32? {
        guard data.count == self.digestGroups else { return nil }
        return Bech32.bytes(of: data).flatMap { Bytes32(bytes: $0) }
    }

    private static func number(_ groups: ArraySlice<UInt8>) -> Int64 { groups.reduce(0) { $0 << 5 | Int64($1) } }
}
