/// An event that another one holds as JSON in its content: a repost (NIP-18) or an approval (NIP-72).
///
/// One that is valid is as good as if a relay had sent it, and may be stored with the other one as its source.
package enum Embed: Sendable {
    /// The content is empty.
    case absent
    /// It is no event, or a forged one, or one that would be refused from a relay.
    case invalid
    /// A genuine event, but not the one that the tags name.
    case mismatch
    /// Its author asked that it not be spread (NIP-70).
    case protected
    /// Its NIP-40 expiration has passed.
    case expired
    case valid(VerifiedEvent)

    /// Reads the content of `event`, whatever it holds: it is checked like an event from a relay.
    ///
    /// - Parameter names: whether the tags of `event` name this one.
    package init(
        in event: Event, verifier: borrowing EventVerifier, now: Timestamp, names: (Event) -> Bool
    ) {
        let content = event.contentBytes
        guard !content.isEmpty else {
            self = .absent
            return
        }
        guard let embedded = try? Event(parsing: content.span), !EventGate.isNeverStored(embedded.kind),
            let verified = try? verifier.verify(embedded)
        else {
            self = .invalid
            return
        }
        let rejection = EventGate.rejection(of: embedded, now: now)
        if let rejection, rejection != .expired {
            self = .invalid
        } else if !names(embedded) {
            self = .mismatch
        } else if embedded.isProtected {
            self = .protected
        } else {
            self = rejection == nil ? .valid(verified) : .expired
        }
    }

    package var event: VerifiedEvent? {
        guard case .valid(let event) = self else { return nil }
        return event
    }

    package var flag: Flag? {
        switch self {
        case .absent, .valid: nil
        case .invalid: .embedInvalid
        case .mismatch: .embedMismatch
        case .protected: .embedProtected
        case .expired: .embedExpired
        }
    }
}

extension Event {
    /// Whether only its author may publish it: a tag whose first element is `-` (NIP-70).
    package var isProtected: Bool { self.tags.contains { $0.isNamed("-") } }

    /// Whether the event is what `target` names: that id, or that coordinate.
    package func isNamed(by target: Target) -> Bool {
        switch target {
        case .event(let id, _): self.id == id
        case .address(let address, _): self.address == address
        case .external: false
        }
    }
}
