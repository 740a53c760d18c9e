/// What a client sends to a relay (NIP-01, NIP-42).
package enum ClientMessage: Hashable, Sendable {
    /// `["REQ", <subscription>, <filter>]`. One filter: with several, a relay's cap hides which one it cut.
    case request(SubscriptionID, Filter)
    /// `["CLOSE", <subscription>]`
    case close(SubscriptionID)
    /// `["EVENT", <event>]`
    case event(Event)
    /// `["AUTH", <event of kind 22242>]`
    case authenticate(Event)

    /// The JSON text of the message.
    package var json: [UInt8] {
        var json: [UInt8] = []
        switch self {
        case .request(let subscription, let filter):
            JSONValue.array([.string("REQ"), .string(subscription.rawValue), filter.json]).append(to: &json)
        case .close(let subscription):
            JSONValue.array([.string("CLOSE"), .string(subscription.rawValue)]).append(to: &json)
        case .event(let event):
            json = Array("[\"EVENT\",".utf8) + event.json + [UInt8(ascii: "]")]
        case .authenticate(let event):
            json = Array("[\"AUTH\",".utf8) + event.json + [UInt8(ascii: "]")]
        }
        return json
    }
}

extension ClientMessage {
    /// Reads what a client sent; nil for anything that is none of the four messages.
    package init?(parsing bytes: Span<UInt8>, limits: EventLimits = EventLimits()) {
        guard case .array(let elements)? = JSONValue(parsing: bytes), let label = elements.first?.string else {
            return nil
        }
        switch (label, elements.count) {
        case ("REQ", 3...):
            guard let subscription = elements[1].string, let filter = try? Filter(elements[2]) else { return nil }
            self = .request(SubscriptionID(rawValue: subscription), filter)
        case ("CLOSE", 2...):
            guard let subscription = elements[1].string else { return nil }
            self = .close(SubscriptionID(rawValue: subscription))
        case ("EVENT", 2...), ("AUTH", 2...):
            guard let event = try? Event(parsing: Array(elements[1].text.utf8).span, limits: limits) else { return nil }
            self = label == "EVENT" ? .event(event) : .authenticate(event)
        default:
            return nil
        }
    }
}
