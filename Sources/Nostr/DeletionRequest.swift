/// A request by an author to delete own events (NIP-09).
///
/// It binds only what its signer may delete, and it may come before what it deletes: a store keeps it as marks,
/// ``events`` without a bound in time and ``addresses`` up to ``until``, and holds every arrival against them.
package struct DeletionRequest: Sendable {
    package let pubkey: PublicKey
    /// What the valid `e` tags name, each once, in ascending order. Whose they are is known only when they are met.
    package let events: [EventID]
    /// What the valid `a` tags name of the signer's own coordinates, each once, in the order of the tags.
    package let addresses: [EventAddress]
    /// Versions of an address up to this second are deleted, later ones are not.
    package let until: Timestamp
    package let flags: Flags

    /// Nil unless the event is of kind 5. One that names nothing deletes nothing.
    package init?(_ event: Event) {
        guard event.kind == .deletionRequest else { return nil }
        var events: [EventID] = []
        var addresses: [EventAddress] = []
        var known: Set<EventAddress> = []
        var flags: Flags = []
        for tag in event.tags {
            guard let value = tag.value else { continue }
            if tag.isNamed("e") {
                if let id = value.hex32 { events.append(EventID(id)) } else { flags.insert(.badTag) }
            } else if tag.isNamed("a") {
                guard let address = EventAddress(value) else {
                    flags.insert(.badTag)
                    continue
                }
                if address.pubkey == event.pubkey, known.insert(address).inserted { addresses.append(address) }
            }
        }
        self.pubkey = event.pubkey
        self.events = events.sortedOnce()
        self.addresses = addresses
        self.until = event.createdAt
        self.flags = flags
    }
}

extension Event {
    /// Whose deletion requests bind the event: its author's and, for a gift wrap, whose author is a throw-away key, those
    /// of the keys that it is for (NIP-59). Deletion and vanish requests cannot be deleted.
    package var deleters: [PublicKey] {
        switch self.kind {
        case .deletionRequest, .vanishRequest: []
        case .giftWrap: ([self.pubkey] + self.recipients).sortedOnce()
        default: [self.pubkey]
        }
    }

    /// The keys in the valid `p` tags, in their order.
    private var recipients: [PublicKey] {
        self.tags.compactMap { $0.isNamed("p") ? $0.value?.hex32.map(PublicKey.init) : nil }
    }
}

extension Array where Element: Comparable {
    /// The elements in ascending order, each once.
    ///
    /// By sorting and not by hashing: ids and keys in tags are anybody's choice, and equal first words would make a set of
    /// them quadratic.
    func sortedOnce() -> [Element] {
        var once: [Element] = []
        for element in self.sorted() where element != once.last { once.append(element) }
        return once
    }
}
