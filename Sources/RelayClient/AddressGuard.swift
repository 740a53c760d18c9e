package import Nostr

/// What may be dialled: the table of operations.md section 16.1, as a pure rule.
///
/// A URL of a stranger must not make the daemon talk to the operator's own network. The guard judges the URL before it is
/// resolved, and then **every** address that it resolved to; only judged addresses are dialled, so a name that answers
/// differently the second time gains nothing.
package struct AddressGuard: Hashable, Sendable {
    /// The operator allowed this relay by name: everything may be dialled.
    package let allowsEverything: Bool
    /// The URL comes from an event: `wss` only, names only.
    package let isHint: Bool

    package init(allowsEverything: Bool = false, isHint: Bool = false) {
        self.allowsEverything = allowsEverything
        self.isHint = isHint
    }

    /// Throws if the URL alone forbids to dial it.
    package func judge(_ url: RelayURL) throws(RelayConnectionError) {
        if self.allowsEverything { return }
        guard !self.hasSuffix(url, ".onion") else { throw .refusedByPolicy(reason: "onion without a proxy") }
        guard !self.hasSuffix(url, ".local") else { throw .refusedByPolicy(reason: "multicast DNS name") }
        guard Self.isUsualPort(url.port) else { throw .refusedByPolicy(reason: "port \(url.port)") }
        guard self.isHint else { return }
        guard url.isSecure else { throw .refusedByPolicy(reason: "ws in a hint") }
        guard !url.isIPv6Literal, IPAddress(url.host) == nil else {
            throw .refusedByPolicy(reason: "address in a hint")
        }
    }

    /// Nil if the address may be dialled, else the range that forbids it.
    package func refusal(of address: IPAddress) -> String? {
        self.allowsEverything ? nil : Self.range(of: address)
    }

    private func hasSuffix(_ url: RelayURL, _ suffix: String) -> Bool {
        url.host.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    // MARK: Ports

    /// 443, 80 and those above 1023, without the ones that databases, control planes and browsers' black lists know.
    package static func isUsualPort(_ port: Int) -> Bool {
        port == 443 || port == 80 || ((1_024...65_535).contains(port) && !self.refusedPorts.contains(port))
    }

    private static let refusedPorts: Set<Int> = [
        // Databases and control planes.
        1_433, 1_521, 2_375, 2_376, 2_379, 3_306, 3_389, 5_432, 5_900, 6_379, 6_443, 9_200, 10_250, 11_211, 27_017,
        // Bad ports of the Fetch standard above 1023.
        1_719, 1_720, 1_723, 2_049, 3_659, 4_045, 4_190, 5_060, 5_061, 6_000, 6_566, 6_665, 6_666, 6_667, 6_668, 6_669,
        6_679, 6_697, 10_080,
    ]

    // MARK: Addresses

    /// The refused range that contains the address, or nil.
    private static func range(of address: IPAddress) -> String? {
        switch address {
        case .v4(let bits):
            return self.refusedV4.first { bits >> (32 - $0.length) == $0.prefix >> (32 - $0.length) }?.name
        case .v6(high: 0, low: let low) where low >> 32 == 0xFFFF:
            return self.embedded(UInt32(truncatingIfNeeded: low), in: "::ffff:0:0/96")
        case .v6(high: 0x0064_FF9B_0000_0000, low: let low) where low >> 32 == 0:
            return self.embedded(UInt32(truncatingIfNeeded: low), in: "64:ff9b::/96")
        case .v6(high: let high, low: _) where high >> 48 == 0x2002:
            return self.embedded(UInt32(truncatingIfNeeded: high >> 16), in: "2002::/16")
        case .v6(let high, let low):
            if let named = self.refusedV6.first(where: { $0.contains(high: high, low: low) }) { return named.name }
            // Only 2000::/3 is global unicast (RFC 4291 section 2.4).
            return high >> 61 == 0b001 ? nil : "outside 2000::/3"
        }
    }

    private static func embedded(_ bits: UInt32, in range: String) -> String? {
        self.range(of: .v4(bits)).map { $0 + " in " + range }
    }

    private struct V4Range: Sendable {
        let name: String
        let prefix: UInt32
        let length: UInt32
    }

    private static let refusedV4: [V4Range] = [
        V4Range(name: "0.0.0.0/8", prefix: 0x0000_0000, length: 8),
        V4Range(name: "10.0.0.0/8", prefix: 0x0A00_0000, length: 8),
        V4Range(name: "100.64.0.0/10", prefix: 0x6440_0000, length: 10),
        V4Range(name: "127.0.0.0/8", prefix: 0x7F00_0000, length: 8),
        V4Range(name: "169.254.0.0/16", prefix: 0xA9FE_0000, length: 16),
        V4Range(name: "172.16.0.0/12", prefix: 0xAC10_0000, length: 12),
        V4Range(name: "192.0.0.0/24", prefix: 0xC000_0000, length: 24),
        V4Range(name: "192.0.2.0/24", prefix: 0xC000_0200, length: 24),
        V4Range(name: "192.88.99.0/24", prefix: 0xC058_6300, length: 24),
        V4Range(name: "192.168.0.0/16", prefix: 0xC0A8_0000, length: 16),
        V4Range(name: "198.18.0.0/15", prefix: 0xC612_0000, length: 15),
        V4Range(name: "198.51.100.0/24", prefix: 0xC633_6400, length: 24),
        V4Range(name: "203.0.113.0/24", prefix: 0xCB00_7100, length: 24),
        V4Range(name: "224.0.0.0/4", prefix: 0xE000_0000, length: 4),
        V4Range(name: "240.0.0.0/4", prefix: 0xF000_0000, length: 4),
    ]

    private struct V6Range: Sendable {
        let name: String
        let high: UInt64
        var low: UInt64 = 0
        let length: UInt64

        func contains(high: UInt64, low: UInt64) -> Bool {
            // Every range is either a prefix of at most 64 bits or one address.
            if self.length == 128 { return high == self.high && low == self.low }
            return high >> (64 - self.length) == self.high >> (64 - self.length)
        }
    }

    private static let refusedV6: [V6Range] = [
        V6Range(name: "::/128", high: 0, low: 0, length: 128),
        V6Range(name: "::1/128", high: 0, low: 1, length: 128),
        V6Range(name: "100::/64", high: 0x0100_0000_0000_0000, length: 64),
        V6Range(name: "64:ff9b:1::/48", high: 0x0064_FF9B_0001_0000, length: 48),
        V6Range(name: "2001::/23", high: 0x2001_0000_0000_0000, length: 23),
        V6Range(name: "2001:db8::/32", high: 0x2001_0DB8_0000_0000, length: 32),
        V6Range(name: "3fff::/20", high: 0x3FFF_0000_0000_0000, length: 20),
        V6Range(name: "5f00::/16", high: 0x5F00_0000_0000_0000, length: 16),
        V6Range(name: "fc00::/7", high: 0xFC00_0000_0000_0000, length: 7),
        V6Range(name: "fe80::/10", high: 0xFE80_0000_0000_0000, length: 10),
        V6Range(name: "fec0::/10", high: 0xFEC0_0000_0000_0000, length: 10),
        V6Range(name: "ff00::/8", high: 0xFF00_0000_0000_0000, length: 8),
    ]
}
