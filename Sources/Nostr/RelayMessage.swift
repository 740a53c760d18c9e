/// What a relay sends (NIP-01, 42, 45, 67, 77).
///
/// Trailing elements are ignored, as NIP-01 lets relays add them.
package enum RelayMessage: Hashable, Sendable {
    /// `["EVENT", <subscription>, <event>]`
    case event(SubscriptionID, Event)
    /// `["EOSE", <subscription>, <hints>?]`: the border between stored and live events.
    case endOfStoredEvents(SubscriptionID, Completeness)
    /// `["CLOSED", <subscription>, <text>?]`: the relay ended the subscription.
    case closed(SubscriptionID, ClosedReason)
    /// `["OK", <id>, <accepted>, <text>?]`
    case ok(EventID, accepted: Bool, ClosedReason)
    /// `["NOTICE", <text>]`
    case notice(String)
    /// `["AUTH", <challenge>]`
    case challenge(String)
    /// `["COUNT", <subscription>, {"count": n}]`
    case count(SubscriptionID, Int64)
    /// `["NEG-MSG", <subscription>, <hex>]`
    case negentropyMessage(SubscriptionID, String)
    /// `["NEG-ERR", <subscription>, <text>]`
    case negentropyError(SubscriptionID, ClosedReason)
    /// A label, or a message without what its label needs: logged once, else ignored.
    case unknown(label: String)
}

/// What an EOSE says about the answer (NIP-67). A bare EOSE proves nothing: relays cap answers silently.
package enum Completeness: Hashable, Sendable {
    /// Every stored match was sent.
    case finish
    /// There is more to page for.
    case more
    case unstated
}

/// The text of a CLOSED or OK message and its machine-readable prefix.
package struct ClosedReason: Hashable, Sendable {
    package let prefix: MachineReadablePrefix
    package let text: String

    package init(_ text: String) {
        self.prefix = MachineReadablePrefix(of: text)
        self.text = text
    }
}

/// An EVENT frame whose event was refused: the subscription may still need to know that something came.
package struct RefusedFrame: Error, Hashable, Sendable {
    package let rejection: EventRejection
    /// Whether the frame said `EVENT`: only those are counted as received events.
    package let isEvent: Bool
    package let subscription: SubscriptionID?
}

extension RelayMessage {
    /// Reads one message.
    package init(parsing bytes: Span<UInt8>, limits: EventLimits = EventLimits()) throws(RefusedFrame) {
        var scanner = JSONScanner()
        // How every relay starts nearly every frame: no string is made for the label.
        if bytes.matches("[\"EVENT\",", at: 0) {
            scanner = JSONScanner(at: 8)
            self = try Self.event(bytes, scanner, limits)
            return
        }
        let label: String
        do {
            try scanner.expect(UInt8(ascii: "["), bytes)
            label = String(unescaping: bytes, try scanner.string(bytes))
        } catch {
            throw RefusedFrame(rejection: error, isEvent: false, subscription: nil)
        }
        if label == "EVENT" {
            self = try Self.event(bytes, scanner, limits)
            return
        }
        guard case .array(let elements)? = JSONValue(parsing: bytes) else {
            throw RefusedFrame(rejection: .malformedJSON, isEvent: false, subscription: nil)
        }
        // Every label that is known is ASCII; to `String`, KELVIN SIGN is the K of another "OK".
        let isASCII = label.utf8.allSatisfy { $0 < 0x80 }
        self = (isASCII ? Self.message(label, elements) : nil) ?? .unknown(label: label)
    }

    private static func event(
        _ bytes: Span<UInt8>, _ start: JSONScanner, _ limits: EventLimits
    ) throws(RefusedFrame) -> RelayMessage {
        var scanner = start
        var subscription: SubscriptionID?
        do throws(EventRejection) {
            try scanner.expect(UInt8(ascii: ","), bytes)
            guard scanner.peek(bytes) == .string else {
                try scanner.skipValue(bytes)
                throw EventRejection.badType
            }
            let name = SubscriptionID(rawValue: String(unescaping: bytes, try scanner.string(bytes)))
            subscription = name
            try scanner.expect(UInt8(ascii: ","), bytes)
            var parser = EventParser(at: scanner.offset, limits: limits)
            let event = try parser.parse(bytes)
            scanner = JSONScanner(at: parser.offset)
            while scanner.take(UInt8(ascii: ","), bytes) { try scanner.skipValue(bytes) }
            try scanner.expect(UInt8(ascii: "]"), bytes)
            try scanner.expectEnd(bytes)
            return .event(name, event)
        } catch {
            throw RefusedFrame(rejection: error, isEvent: true, subscription: subscription)
        }
    }

    private static func message(_ label: String, _ elements: [JSONValue]) -> RelayMessage? {
        func element(_ index: Int) -> JSONValue? { index < elements.count ? elements[index] : nil }
        let subscription = element(1)?.string.map(SubscriptionID.init(rawValue:))
        switch label {
        case "EOSE":
            return subscription.map { .endOfStoredEvents($0, Completeness(element(2))) }
        case "CLOSED":
            return subscription.map { .closed($0, ClosedReason(element(2)?.string ?? "")) }
        case "OK":
            guard let id = element(1)?.string.flatMap(EventID.init(hex:)), let accepted = element(2)?.bool else {
                return nil
            }
            return .ok(id, accepted: accepted, ClosedReason(element(3)?.string ?? ""))
        case "NOTICE":
            return .notice(element(1)?.string ?? "")
        case "AUTH":
            return element(1)?.string.map(RelayMessage.challenge)
        case "COUNT":
            guard let subscription, let count = element(2)?["count"]?.integer else { return nil }
            return .count(subscription, count)
        case "NEG-MSG":
            guard let subscription, let hex = element(2)?.string else { return nil }
            return .negentropyMessage(subscription, hex)
        case "NEG-ERR":
            return subscription.map { .negentropyError($0, ClosedReason(element(2)?.string ?? "")) }
        default:
            return nil
        }
    }

    /// The label for metrics: one of a fixed set.
    package var label: String {
        switch self {
        case .event: "EVENT"
        case .endOfStoredEvents: "EOSE"
        case .closed: "CLOSED"
        case .ok: "OK"
        case .notice: "NOTICE"
        case .challenge: "AUTH"
        case .count: "COUNT"
        case .negentropyMessage: "NEG-MSG"
        case .negentropyError: "NEG-ERR"
        case .unknown: "unknown"
        }
    }
}

extension Completeness {
    /// Reads the third element of an EOSE; unknown hints, and whatever is no array, mean nothing.
    init(_ hints: JSONValue?) {
        let words = hints?.array?.compactMap(\.string) ?? []
        // Both at once: the careful reading is that there is more.
        if words.contains("more") {
            self = .more
        } else if words.contains("finish") {
            self = .finish
        } else {
            self = .unstated
        }
    }
}
