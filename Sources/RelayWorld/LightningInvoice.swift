import Nostr

/// A payment request of BOLT-11: well-formed in everything but its signature, which is all zeros.
struct LightningInvoice {
    let msats: Int
    let createdAt: Timestamp
    let paymentHash: Bytes32
    let purpose: Purpose

    enum Purpose {
        /// Field `h`: the SHA-256 of the zap request (NIP-57).
        case hash(Bytes32)
        /// Field `d`.
        case text(String)
    }

    var text: String {
        var groups = Self.number(self.createdAt.seconds, groups: 7)
        groups += Self.field("p", Bech32.groups(self.paymentHash.bytes))
        switch self.purpose {
        case .hash(let hash): groups += Self.field("h", Bech32.groups(hash.bytes))
        case .text(let text): groups += Self.field("d", Bech32.groups(Array(text.utf8.prefix(600))))
        }
        groups += Self.field("x", Self.number(3600, groups: 3))
        groups += Array(repeating: 0, count: 104)
        return Bech32.text("lnbc\(self.amount)", groups: groups)
    }

    /// The shortest amount with a multiplier, which is how most wallets write it.
    private var amount: String {
        for (multiplier, unit) in [("m", 100_000_000), ("u", 100_000), ("n", 100)]
        where self.msats.isMultiple(of: unit) {
            return "\(self.msats / unit)\(multiplier)"
        }
        return "\(self.msats * 10)p"
    }

    private static func number(_ value: Int64, groups count: Int) -> [UInt8] {
        (0..<count).map { UInt8(value >> (5 * (count - 1 - $0)) & 31) }
    }

    private static func field(_ type: Character, _ data: [UInt8]) -> [UInt8] {
        let types: [Character: UInt8] = ["p": 1, "h": 23, "d": 13, "x": 6]
        return [types[type] ?? 0] + self.number(Int64(data.count), groups: 2) + data
    }
}
