/// What an event is about: an event, a coordinate or something outside Nostr.
///
/// The case says which part is the identity; an id and a coordinate often stand side by side in the tags.
package enum Target: Hashable, Sendable {
    /// This event; `address` is a coordinate that was named beside it.
    case event(EventID, address: EventAddress?)
    /// The coordinate in all its versions; `version` is the one that the author saw.
    case address(EventAddress, version: EventID?)
    case external(ExternalID)

    package var eventID: EventID? {
        switch self {
        case .event(let id, _): id
        case .address(_, let version): version
        case .external: nil
        }
    }

    package var address: EventAddress? {
        switch self {
        case .event(_, let address): address
        case .address(let address, _): address
        case .external: nil
        }
    }

    package var external: ExternalID? {
        guard case .external(let id) = self else { return nil }
        return id
    }

    /// Whether both have the same identity: id, coordinate, or type and canonical value.
    package func isSame(as other: Target) -> Bool {
        switch (self, other) {
        case (.event(let left, _), .event(let right, _)): left == right
        case (.address(let left, _), .address(let right, _)): left == right
        case (.external(let left), .external(let right)): left == right
        default: false
        }
    }
}

/// An `e`, `E` or `q` tag with a valid id, in any of the shapes that occur.
///
/// `[e, id, relay?, pubkey?]` (NIP-01, 22, 25), `[e, id, relay?, marker?, pubkey?]` (NIP-10) and `[e, id, "", "",
/// pubkey]`: a fourth element that is a key is the author, else it is the marker and a key behind it is the author.
package struct EventReference: Hashable, Sendable {
    package let id: EventID
    /// Where to look for it, as written: anybody's claim, never dialled unchecked.
    package let hint: WireText?
    package let marker: WireText?
    package let author: PublicKey?

    package init?(_ tag: Tag) {
        guard let id = tag[1]?.hex32 else { return nil }
        self.id = EventID(id)
        self.hint = tag.nonEmpty(2)
        if let author = tag[3]?.hex32 {
            self.marker = nil
            self.author = PublicKey(author)
        } else {
            self.marker = tag.nonEmpty(3)
            self.author = tag[4]?.hex32.map(PublicKey.init)
        }
    }
}
