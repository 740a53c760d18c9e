/// The SHA-256 of an event's canonical form (NIP-01).
///
/// What a relay sends under this name is a claim until the event was verified.
package struct EventID: Hashable, Comparable, Sendable {
    package let value: Bytes32

    package init(_ value: Bytes32) {
        self.value = value
    }

    /// Nil unless `hex` is 64 lower-case digits.
    package init?(hex: String) {
        guard let value = Bytes32(hexDigits: hex) else { return nil }
        self.value = value
    }

    @inlinable
    package static func < (left: EventID, right: EventID) -> Bool { left.value < right.value }
}

extension EventID: CustomStringConvertible {
    package var description: String { self.value.hex }
}

extension Bytes32 {
    /// Nil unless `digits` is 64 lower-case hexadecimal digits.
    package init?(hexDigits digits: String) {
        let bytes = Array(digits.utf8)
        guard bytes.count == 64 else { return nil }
        self.init(hex: bytes.span)
    }
}
