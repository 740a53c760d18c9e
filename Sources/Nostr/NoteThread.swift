/// How a kind 1 stands in a conversation (NIP-10).
package struct NoteThread: Sendable {
    /// How its `e` tags say what they are.
    package enum Style: String, Sendable {
        /// There is none.
        case none
        case marked
        /// By their order, which NIP-10 deprecates.
        case positional
    }

    package let style: Style
    package let root: EventReference?
    package let parent: EventReference?
    /// An article that it comments on, as was usual before NIP-22: an `a` marked `root`.
    package let rootAddress: EventAddress?
    package let mentions: [EventReference]
    package let quotes: [Quote]
    package let flags: Flags

    package var isReply: Bool { self.parent != nil || self.rootAddress != nil }

    package init(_ event: Event) {
        var references: [EventReference] = []
        var rootAddress: EventAddress?
        var flags: Flags = []
        var quotes: [Quote] = []
        for tag in event.tags {
            guard let letter = tag[0]?.letter, let value = tag.value else { continue }
            switch letter {
            case UInt8(ascii: "e"):
                if let reference = EventReference(tag) { references.append(reference) } else { flags.insert(.badTag) }
            case UInt8(ascii: "a"):
                guard let address = EventAddress(value) else {
                    flags.insert(.badTag)
                    continue
                }
                if rootAddress == nil, tag[3]?.equals("root") ?? false { rootAddress = address }
            case UInt8(ascii: "q"):
                if let quote = Quote(tag) { quotes.append(quote) } else { flags.insert(.badTag) }
            default:
                break
            }
        }
        self.rootAddress = rootAddress
        self.quotes = quotes
        if references.contains(where: { $0.mark != nil }) {
            self.style = .marked
            let roots = references.filter { $0.mark == .root }
            let replies = references.filter { $0.mark == .reply }
            if roots.count > 1 || replies.count > 1 { flags.insert(.multi) }
            self.root = roots.first
            self.parent = replies.first ?? roots.first
            self.mentions = references.filter { $0.mark == nil || $0.mark == .mention }
        } else {
            self.style = references.isEmpty ? .none : .positional
            self.root = references.first
            self.parent = references.last
            self.mentions = Array(references.dropFirst().dropLast())
        }
        self.flags = flags
    }
}

extension EventReference {
    /// The markers of NIP-10, of which `mention` is history.
    package enum Mark: Sendable {
        case root, reply, mention
    }

    package var mark: Mark? {
        guard let marker = self.marker else { return nil }
        if marker.equals("root") { return .root }
        if marker.equals("reply") { return .reply }
        return marker.equals("mention") ? .mention : nil
    }
}

/// A `q` tag, in events of any kind: what is quoted, which is never what is answered (NIP-18).
package struct Quote: Sendable {
    package let target: Target
    package let hint: WireText?
    package let author: PublicKey?

    /// `[q, id-or-address, relay?, pubkey?]`.
    package init?(_ tag: Tag) {
        guard let value = tag.value else { return nil }
        if let id = value.hex32 {
            self.target = .event(EventID(id), address: nil)
            self.author = tag[3]?.hex32.map(PublicKey.init)
        } else {
            guard let address = EventAddress(value) else { return nil }
            self.target = .address(address, version: nil)
            self.author = address.pubkey
        }
        self.hint = tag.nonEmpty(2)
    }
}
