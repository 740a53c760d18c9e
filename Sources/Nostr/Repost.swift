/// A repost (NIP-18): kind 6 of a kind 1, kind 16 of anything else.
package struct Repost: Sendable {
    package let target: Target
    /// Where to look for it, as written: anybody's claim.
    package let hint: WireText?
    /// By the embedded event, else by the tags.
    package let author: PublicKey?
    /// By the embedded event, else by the tags.
    package let kind: Kind?
    package let embed: Embed
    package let flags: Flags

    /// Nil where the tags name nothing.
    package init?(_ event: Event, verifier: borrowing EventVerifier, now: Timestamp) {
        var tags = RepostTags(event)
        guard let target = tags.target else { return nil }
        let embed = Embed(in: event, verifier: verifier, now: now) { embedded in
            embedded.id == tags.reference?.id || embedded.isNamed(by: target)
        }
        self.target = target
        self.embed = embed
        self.hint = tags.reference?.hint ?? tags.addressHint
        let embedded = embed.event?.event
        self.author = embedded?.pubkey ?? target.address?.pubkey ?? tags.reference?.author ?? tags.pubkey
        self.kind = embedded?.kind ?? target.address?.kind ?? tags.kind ?? (event.kind == .repost ? .note : nil)
        if let flag = embed.flag { tags.flags.insert(flag) }
        if let kind = tags.kind, let embedded, embedded.kind != kind { tags.flags.insert(.kMismatch) }
        if let kind = self.kind, (event.kind == .repost) != (kind == .note) { tags.flags.insert(.wrongKind) }
        self.flags = tags.flags
    }
}

/// The tags of a repost, of which the last of each name counts.
struct RepostTags {
    var reference: EventReference?
    var pubkey: PublicKey?
    var kind: Kind?
    var flags: Flags = []
    private var addresses: [(EventAddress, hint: WireText?)] = []

    init(_ event: Event) {
        for tag in event.tags {
            guard let letter = tag[0]?.letter, let value = tag.value else { continue }
            switch letter {
            case UInt8(ascii: "e"): self.keep(EventReference(tag), as: \.reference)
            case UInt8(ascii: "p"): self.keep(value.hex32.map(PublicKey.init), as: \.pubkey)
            case UInt8(ascii: "k"): self.keep(Kind(value), as: \.kind)
            case UInt8(ascii: "a"):
                if let address = EventAddress(value) {
                    self.addresses.append((address, hint: tag.nonEmpty(2)))
                } else {
                    self.flags.insert(.badTag)
                }
            default: break
            }
        }
    }

    private mutating func keep<Value>(_ value: Value?, as slot: WritableKeyPath<RepostTags, Value?>) {
        if let value { self[keyPath: slot] = value } else { self.flags.insert(.badTag) }
    }

    /// The last coordinate that can be what is reposted: of the kind that `k` names.
    ///
    /// A community beside an event is where it is posted (NIP-72), not what is reposted.
    private var address: (EventAddress, hint: WireText?)? {
        if let kind = self.kind, let address = self.addresses.last(where: { $0.0.kind == kind }) { return address }
        if self.reference != nil, self.kind != nil { return nil }
        let other = self.addresses.last { $0.0.kind != .community }
        return other ?? (self.reference == nil ? self.addresses.last : nil)
    }

    var addressHint: WireText? { self.address?.hint }

    var target: Target? {
        if let (address, _) = self.address { return .address(address, version: self.reference?.id) }
        return self.reference.map { .event($0.id, address: nil) }
    }
}
