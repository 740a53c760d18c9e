/// A request by a key to forget everything that it signed up to a moment (NIP-62).
package struct VanishRequest: Sendable {
    /// Whom a request binds, seen from one service.
    package enum Reach: Hashable, Sendable {
        /// This service: everything of the key goes.
        case everything
        /// Other relays only: what they showed of the key no longer counts as shown by them.
        case relays([RelayURL])
    }

    package let pubkey: PublicKey
    /// Events of later seconds stay: the key may be used again.
    package let until: Timestamp
    /// Whether the request is for every relay there is.
    package let isGlobal: Bool
    /// The relays that are named, each once, in their order; text that is no relay's address is passed over.
    package let relays: [RelayURL]

    /// Nil unless the event is of kind 62 and has a `relay` tag: without one the request is for nobody.
    package init?(_ event: Event) {
        guard event.kind == .vanishRequest else { return nil }
        var isGlobal = false
        var relays: [RelayURL] = []
        var known: Set<RelayURL> = []
        var isAddressed = false
        for tag in event.tags where tag.isNamed("relay") {
            guard let value = tag.value else { continue }
            isAddressed = true
            if value.equals("ALL_RELAYS") {
                isGlobal = true
            } else if let relay = RelayURL(value.string), known.insert(relay).inserted {
                relays.append(relay)
            }
        }
        guard isAddressed else { return nil }
        self.pubkey = event.pubkey
        self.until = event.createdAt
        self.isGlobal = isGlobal
        self.relays = relays
    }

    /// What the request asks of the service that is known under `ownURLs`.
    package func reach(ownURLs: Set<RelayURL>) -> Reach {
        self.isGlobal || self.relays.contains(where: ownURLs.contains) ? .everything : .relays(self.relays)
    }
}
