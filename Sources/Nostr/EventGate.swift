/// The last checks before a verified event may be stored: they depend on our clock and our database, not on the event's
/// honesty, so they come after verification and some of them keep the bytes.
package enum EventGate {
    /// The reason to refuse `event` at the time `now`, if there is one.
    ///
    /// An expiration that lies in the past refuses the event (NIP-40), except for kinds 5 and 62, which do not expire.
    package static func rejection(
        of event: Event, now: Timestamp, limits: EventLimits = EventLimits()
    ) -> EventRejection? {
        if event.hasNUL { return .nulInText }
        if event.createdAt.seconds > now.seconds + limits.futureSecondsMax { return .future }
        if let expiration = event.expiration, expiration <= now { return .expired }
        return nil
    }

    /// Kinds that are never stored: 20000–29999, and the kinds that answer a challenge, are private or only a part of
    /// another event.
    package static func isNeverStored(_ kind: Kind) -> Bool {
        switch kind.rawValue {
        case 13, 14, 9734, 22242: true
        default: kind.kindClass == .ephemeral
        }
    }
}

extension Event {
    /// The time in the first `expiration` tag (NIP-40); nil where it cannot be read, and for kinds 5 and 62.
    package var expiration: Timestamp? {
        guard self.tagCount > 0, self.kind != .deletionRequest, self.kind != .vanishRequest else { return nil }
        guard self.canonical.span.containsExpiration(in: self.tagsRange) else { return nil }
        guard let value = self.tags.first(named: "expiration")?.value else { return nil }
        return Timestamp(strictDigits: value.bytes)
    }
}

extension Timestamp {
    /// Reads `0|[1-9][0-9]*` up to 2^53 − 1. `Int("+5")` and `Int("007")` are numbers to Swift, not to the NIPs.
    package init?(strictDigits digits: [UInt8]) {
        guard !digits.isEmpty, digits.count <= 16, digits.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }),
            digits.count == 1 || digits[0] != UInt8(ascii: "0"),
            let seconds = Int64(String(decoding: digits, as: UTF8.self)), seconds <= Timestamp.max.seconds
        else { return nil }
        self.init(seconds)
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
