/// When an event expires (NIP-40): what its first `expiration` tag says.
package enum Expiration: Hashable, Sendable {
    /// There is no such tag, or the kind does not expire.
    case never
    case at(Timestamp)
    /// The tag holds no time: the event does not expire.
    case unreadable

    package var time: Timestamp? {
        guard case .at(let time) = self else { return nil }
        return time
    }

    package var flags: Flags { self == .unreadable ? [.badExpiration] : [] }

    /// An event is gone in the second that it names; some relays serve it for one second more.
    package func hasPassed(at now: Timestamp) -> Bool {
        self.time.map { $0 <= now } ?? false
    }
}

extension Event {
    /// When the event expires; kinds 5 and 62 never do, for what they removed would come back.
    package var expiration: Expiration {
        guard self.tagCount > 0, self.kind != .deletionRequest, self.kind != .vanishRequest,
            self.canonical.span.containsExpiration(in: self.tagsRange),
            let tag = self.tags.first(named: "expiration")
        else { return .never }
        guard let value = tag.value, let time = Timestamp(strictDigits: value.bytes) else { return .unreadable }
        return .at(time)
    }
}

extension Span<UInt8> {
    /// Whether the word `expiration` occurs in `range`: a cheap way to not read tags that cannot matter.
    ///
    /// Eight bytes at a time, and by its second letter: tags are mostly ids, and `x` is no hexadecimal digit.
    func containsExpiration(in range: Range<Int>) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let raw = self.extracting(range).bytes
        var offset = 0
        while offset + 8 <= raw.byteCount {
            let word = raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ (ones &* 0x78)
            // Not zero if some byte is an `x`.
            if (word &- ones) & ~word & (ones &* 0x80) != 0 {
                for letter in 0..<8 where self.matches("expiration", at: range.lowerBound + offset + letter - 1) {
                    return true
                }
            }
            offset += 8
        }
        // Eight letters follow the second: fewer bytes than that do not hold it.
        return false
    }
}
