/// A BIP-340 signature: 64 bytes over the 32 bytes of the event id.
package struct Signature: Hashable, BitwiseCopyable, Sendable {
    package let r, s: Bytes32

    package init(r: Bytes32, s: Bytes32) {
        self.r = r
        self.s = s
    }

    /// Nil unless there are exactly 64 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 64 else { return nil }
        let span = bytes.span.bytes
        self.init(r: Bytes32(span), s: Bytes32(span, at: 32))
    }

    /// Reads 128 lower-case hexadecimal digits; nil for anything else.
    init?(hex bytes: Span<UInt8>, at offset: Int = 0) {
        guard let r = Bytes32(hex: bytes, at: offset), let s = Bytes32(hex: bytes, at: offset + 64) else { return nil }
        self.init(r: r, s: s)
    }

    /// Calls `body` with the 64 bytes in order.
    @inlinable
    @inline(__always)
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let words = (
            self.r.word0.bigEndian, self.r.word1.bigEndian, self.r.word2.bigEndian, self.r.word3.bigEndian,
            self.s.word0.bigEndian, self.s.word1.bigEndian, self.s.word2.bigEndian, self.s.word3.bigEndian
        )
        return try withUnsafeBytes(of: words, body)
    }

    package var bytes: [UInt8] { self.withBytes { [UInt8]($0) } }
}

extension Signature: CustomStringConvertible {
    package var description: String { self.r.hex + self.s.hex }
}
