/// Thirty-two bytes: the value of an event id and of a public key.
///
/// Four words in big-endian order, so that comparing words compares bytes: that is the "lowest id" order of NIP-01,
/// and the order of PostgreSQL's `bytea`.
package struct Bytes32: Hashable, BitwiseCopyable, Sendable {
    package let word0, word1, word2, word3: UInt64

    package init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    /// Reads 32 bytes; traps when fewer are left.
    package init(_ bytes: RawSpan, at offset: Int = 0) {
        func word(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8 * index, as: UInt64.self))
        }
        self.init(word(0), word(1), word(2), word(3))
    }

    /// Nil unless there are exactly 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.init(bytes.span.bytes)
    }

    /// Reads 64 lower-case hexadecimal digits; nil for anything else (NIP-01 knows no other spelling).
    package init?(hex bytes: Span<UInt8>, at offset: Int = 0) {
        guard offset >= 0, offset + 64 <= bytes.count else { return nil }
        var errors: UInt64 = 0
        let word0 = Hex.word(bytes, at: offset, errors: &errors)
        let word1 = Hex.word(bytes, at: offset + 16, errors: &errors)
        let word2 = Hex.word(bytes, at: offset + 32, errors: &errors)
        let word3 = Hex.word(bytes, at: offset + 48, errors: &errors)
        guard errors == 0 else { return nil }
        self.init(word0, word1, word2, word3)
    }

    /// Calls `body` with the 32 bytes in order.
    @inlinable
    @inline(__always)
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let words = (
            self.word0.bigEndian, self.word1.bigEndian, self.word2.bigEndian, self.word3.bigEndian
        )
        return try withUnsafeBytes(of: words, body)
    }

    package var bytes: [UInt8] { self.withBytes { [UInt8]($0) } }

    package var hex: String { Hex.string(self.bytes) }

    package func hash(into hasher: inout Hasher) {
        // Ids are digests and keys are points: one word tells them apart, and the hasher is seeded per process.
        hasher.combine(self.word0)
    }
}

extension Bytes32: Comparable {
    @inlinable
    package static func < (left: Bytes32, right: Bytes32) -> Bool {
        if left.word0 != right.word0 { return left.word0 < right.word0 }
        if left.word1 != right.word1 { return left.word1 < right.word1 }
        if left.word2 != right.word2 { return left.word2 < right.word2 }
        return left.word3 < right.word3
    }
}
