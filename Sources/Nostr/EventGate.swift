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
        if event.expiration.hasPassed(at: now) { return .expired }
        return nil
    }

    /// Kinds that are never stored: 20000–29999, and the kinds that answer a challenge, are private or only a part of
    /// another event.
    package static func isNeverStored(_ kind: Kind) -> Bool {
        self.refusal(of: kind) != nil
    }

    /// Why events of a kind are refused before their signature is paid for; nil for what can be stored.
    package static func refusal(of kind: Kind) -> EventRejection? {
        switch kind.rawValue {
        case 13, 14, 9734: .policy
        default: kind.kindClass == .ephemeral ? .ephemeral : nil
        }
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
