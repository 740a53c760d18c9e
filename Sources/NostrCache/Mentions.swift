import Nostr

extension Event {
    /// More people than this are not named by one event; who lists thousands is not talking to them.
    static let mentionsMax = 64

    /// The distinct valid keys of the `p` tags, in their order, without the author's.
    var mentions: [PublicKey] {
        var mentions: [PublicKey] = []
        guard self.tagCount > 0 else { return mentions }
        let bytes = self.canonical.span
        var scanner = TagScanner(self.tagsRange)
        while mentions.count < Self.mentionsMax, let tag = scanner.next(bytes) {
            guard tag.name.character(bytes) == UInt8(ascii: "p"), let value = tag.value.hex32(bytes) else { continue }
            let key = PublicKey(value)
            if key != self.pubkey, !mentions.contains(key) { mentions.append(key) }
        }
        return mentions
    }

    /// Whose vanish requests bind the event, and whose deletion requests unless it is a request itself: its author's and,
    /// of a gift wrap, whose author is a throw-away key, those of the keys that it is for (NIP-59).
    var owners: [PublicKey] {
        self.kind == .giftWrap ? [self.pubkey] + self.mentions : [self.pubkey]
    }
}
