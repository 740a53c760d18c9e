/// Bech32 text (BIP-173) and its successor (BIP-350), without the limit of 90 characters.
package struct Bech32: Sendable {
    package enum Variant: Sendable {
        case bech32, bech32m
    }

    /// In front of the last `1`, in lower case.
    package let prefix: [UInt8]
    /// Groups of five bits, the checksum excluded.
    package let groups: [UInt8]
    package let variant: Variant

    /// Reads text of one case with a right checksum.
    package init?(_ text: some Collection<UInt8>) {
        let isMixed = text.contains(where: \.isLowercaseASCII) && text.contains(where: \.isUppercaseASCII)
        let lower = text.map(\.lowercasedASCII)
        guard !isMixed, let separator = lower.lastIndex(of: UInt8(ascii: "1")), separator > 0,
            lower.count - separator > 6, lower[..<separator].allSatisfy({ (33...126).contains($0) })
        else { return nil }
        var groups: [UInt8] = []
        groups.reserveCapacity(lower.count - separator)
        for byte in lower[(separator + 1)...] {
            guard let value = Self.value(byte) else { return nil }
            groups.append(value)
        }
        switch Self.polymod(lower[..<separator], groups) {
        case 1: self.variant = .bech32
        case 0x2BC8_30A3: self.variant = .bech32m
        default: return nil
        }
        self.prefix = Array(lower[..<separator])
        self.groups = groups.dropLast(6)
    }

    /// The groups as bytes; nil unless what is left over is less than a group, and zero.
    package var bytes: [UInt8]? { Self.bytes(of: self.groups[...]) }

    package static func bytes(of groups: ArraySlice<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(groups.count * 5 / 8)
        var (bits, count) = (0 as UInt32, 0 as UInt32)
        for group in groups {
            bits = bits << 5 | UInt32(group)
            count += 5
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
                bits &= (1 << count) - 1
            }
        }
        return count < 5 && bits == 0 ? bytes : nil
    }

    /// `prefix`, the separator, `groups` of five bits each, and the checksum of them all: bech32, not bech32m.
    package static func text(_ prefix: String, groups: [UInt8]) -> String {
        let prefixBytes = Array(prefix.utf8)
        let rest = self.polymod(prefixBytes[...], groups + [0, 0, 0, 0, 0, 0]) ^ 1
        let checksum = (0..<6).map { UInt8(rest >> (5 * (5 - $0)) & 31) }
        let text = prefixBytes + [UInt8(ascii: "1")] + (groups + checksum).map { self.alphabet[Int($0)] }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bits of `bytes`, highest first, in groups of five; zeros fill the last one.
    package static func groups(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var groups: [UInt8] = []
        var (bits, count) = (0, 0)
        for byte in bytes {
            bits = bits << 8 | Int(byte)
            count += 8
            while count >= 5 {
                count -= 5
                groups.append(UInt8(bits >> count & 31))
            }
            bits &= 0xFF
        }
        if count > 0 { groups.append(UInt8(bits << (5 - count) & 31)) }
        return groups
    }

    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)

    private static let values: InlineArray<128, UInt8> = {
        var table = InlineArray<128, UInt8>(repeating: 0xFF)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        return table
    }()

    private static func value(_ byte: UInt8) -> UInt8? {
        guard byte < 128, self.values[Int(byte)] != 0xFF else { return nil }
        return self.values[Int(byte)]
    }

    /// The remainder of the BCH code over prefix and groups.
    private static func polymod(_ prefix: ArraySlice<UInt8>, _ groups: [UInt8]) -> UInt32 {
        var rest: UInt32 = 1
        func add(_ value: UInt8) {
            let top = rest >> 25
            rest = (rest & 0x1FF_FFFF) << 5 ^ UInt32(value)
            for bit in 0..<5 where top >> UInt32(bit) & 1 == 1 { rest ^= self.generator[bit] }
        }
        for byte in prefix { add(byte >> 5) }
        add(0)
        for byte in prefix { add(byte & 31) }
        for group in groups { add(group) }
        return rest
    }

    private static let generator: InlineArray<5, UInt32> = [
        0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3,
    ]
}
