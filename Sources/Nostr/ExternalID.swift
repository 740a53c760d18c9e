/// Something outside Nostr: the value of an `i` or `I` tag (NIP-73).
///
/// The identity is type and canonical value. What was written is kept in `raw`, for relays match raw bytes, and takes no
/// part in equality. Nothing of type `other` may become a link.
package struct ExternalID: Hashable, Sendable {
    package let type: ExternalType
    /// The whole value, prefix included, in its canonical form.
    package let canonical: WireText
    package let raw: WireText

    package static func == (left: ExternalID, right: ExternalID) -> Bool {
        left.type == right.type && left.canonical == right.canonical
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.canonical)
    }
}

/// What an external id names; the name is what a `k` tag holds (NIP-73).
package enum ExternalType: Hashable, Sendable {
    case web
    case isbn
    case geo
    case iso3166
    case isan
    case doi
    case hashtag
    case podcastFeed
    case podcastEpisode
    case podcastPublisher
    /// A transaction or an address on a blockchain: `bitcoin`, `ethereum`.
    case transaction(chain: String)
    case address(chain: String)
    case other

    package var name: String {
        switch self {
        case .web: "web"
        case .isbn: "isbn"
        case .geo: "geo"
        case .iso3166: "iso3166"
        case .isan: "isan"
        case .doi: "doi"
        case .hashtag: "#"
        case .podcastFeed: "podcast:guid"
        case .podcastEpisode: "podcast:item:guid"
        case .podcastPublisher: "podcast:publisher:guid"
        case .transaction(let chain): chain + ":tx"
        case .address(let chain): chain + ":address"
        case .other: "other"
        }
    }
}
