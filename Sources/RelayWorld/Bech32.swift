/// The text form of BOLT-11 invoices (BIP-173, without its limit of 90 characters).
package enum Bech32 {
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)

    /// `prefix`, the separator, `groups` of five bits each, and the checksum of them all.
    package static func text(_ prefix: String, groups: [UInt8]) -> String {
        let checksum = self.checksum(prefix, groups)
        var text = Array(prefix.utf8) + [UInt8(ascii: "1")]
        text.append(contentsOf: (groups + checksum).map { self.alphabet[Int($0)] })
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

    private static func checksum(_ prefix: String, _ groups: [UInt8]) -> [UInt8] {
        let expanded = prefix.utf8.map { $0 >> 5 } + [0] + prefix.utf8.map { $0 & 31 }
        let rest = self.polymod(expanded + groups + [0, 0, 0, 0, 0, 0]) ^ 1
        return (0..<6).map { UInt8(rest >> (5 * (5 - $0)) & 31) }
    }

    /// The remainder of the BCH code; 1 for a text with a right checksum.
    private static func polymod(_ values: [UInt8]) -> UInt32 {
        let generator: [UInt32] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3]
        var rest: UInt32 = 1
        for value in values {
            let top = rest >> 25
            rest = (rest & 0x1FF_FFFF) << 5 ^ UInt32(value)
            for bit in 0..<5 where top >> UInt32(bit) & 1 == 1 { rest ^= generator[bit] }
        }
        return rest
    }
}
