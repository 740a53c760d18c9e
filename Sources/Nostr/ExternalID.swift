/// Something outside Nostr: an `i` tag (NIP-73).
package struct ExternalID: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case web
        case book = "isbn"
    }

    package let type: Kind
    package let canonical: String
    package let raw: WireText

    package func isSame(as other: ExternalID) -> Bool {
        self.type == other.type && self.canonical.utf8.elementsEqual(other.canonical.utf8)
    }
}
