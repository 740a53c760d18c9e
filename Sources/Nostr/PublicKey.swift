/// The x coordinate of a secp256k1 point (BIP-340): who signed an event.
package struct PublicKey: Hashable, Comparable, Sendable {
    package let value: Bytes32

    package init(_ value: Bytes32) {
        self.value = value
    }

    /// Nil unless `hex` is 64 lower-case digits. Whether the key is on the curve is found at verification.
    package init?(hex: String) {
        guard let value = Bytes32(hexDigits: hex) else { return nil }
        self.value = value
    }

    @inlinable
    package static func < (left: PublicKey, right: PublicKey) -> Bool { left.value < right.value }
}

extension PublicKey: CustomStringConvertible {
    package var description: String { self.value.hex }
}
