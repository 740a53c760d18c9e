/// The public half of a list (NIP-51) and of a contact list (NIP-02), items in the order of the tags.
///
/// 10004 lists communities, 10006, 10007 and 10050 list relays to block, to search and for direct messages; 30002 and other
/// kinds from 30000 are sets, of which a key has as many as it likes.
package struct PublicList: Sendable {
    package enum Item: Sendable {
        case profile(PublicKey, hint: WireText?, petname: WireText?)
        case event(EventReference)
        case address(EventAddress, hint: WireText?)
        case external(ExternalID)
        case relay(RelayURL)
        case topic(WireText)
        case word(WireText)
        case url(WireText)
    }

    package enum PrivateItems: Sendable {
        case none
        /// Ciphertext, which only the author can read. NIP-51 asks for NIP-44 and knows NIP-04 from before.
        case nip44, nip04
    }

    /// What distinguishes the lists of one key.
    package let address: EventAddress?
    package let title: WireText?
    package let image: WireText?
    package let description: WireText?
    package let items: [Item]
    package let privateItems: PrivateItems
    package let flags: Flags

    package init(_ event: Event) {
        var items: [Item] = []
        var flags: Flags = []
        var texts = (title: WireText?.none, image: WireText?.none, description: WireText?.none)
        for tag in event.tags {
            guard let name = tag[0], let value = tag.value else { continue }
            if name.equals("title") {
                texts.title = texts.title ?? value
            } else if name.equals("image") {
                texts.image = texts.image ?? value
            } else if name.equals("description") {
                texts.description = texts.description ?? value
            } else if Self.isItem(name) {
                if let item = Item(name, value, tag) { items.append(item) } else { flags.insert(.badTag) }
            }
        }
        self.address = event.address
        self.title = texts.title
        self.image = texts.image
        self.description = texts.description
        self.items = items
        self.privateItems = PrivateItems(event)
        self.flags = flags
    }

    private static func isItem(_ name: WireText) -> Bool {
        if name.equals("relay") || name.equals("word") { return true }
        return name.letter.map { "peaitr".utf8.contains($0) } ?? false
    }

    /// The coordinates of the communities in it, as in kind 10004.
    package var communities: [EventAddress] {
        self.items.compactMap { item in
            guard case .address(let address, _) = item, address.kind == .community else { return nil }
            return address
        }
    }

    package var relays: [RelayURL] {
        self.items.compactMap { item in
            guard case .relay(let url) = item else { return nil }
            return url
        }
    }

    /// Lists that NIP-51 has replaced: sets of kind 30000 and 30001 whose `d` is the name of what is a list of its own now.
    package var isDeprecated: Bool {
        guard let address = self.address else { return false }
        let name = address.identifier
        switch address.kind.rawValue {
        case 30_000: return name.equals("mute")
        case 30_001: return name.equals("pin") || name.equals("bookmark") || name.equals("communities")
        default: return false
        }
    }
}

extension PublicList.Item {
    fileprivate init?(_ name: WireText, _ value: WireText, _ tag: Tag) {
        switch name.letter {
        case UInt8(ascii: "p"):
            guard let key = value.hex32 else { return nil }
            self = .profile(PublicKey(key), hint: tag.nonEmpty(2), petname: tag.nonEmpty(3))
        case UInt8(ascii: "e"):
            guard let reference = EventReference(tag) else { return nil }
            self = .event(reference)
        case UInt8(ascii: "a"):
            guard let address = EventAddress(value) else { return nil }
            self = .address(address, hint: tag.nonEmpty(2))
        case UInt8(ascii: "i"):
            guard let id = ExternalReading(value).id else { return nil }
            self = .external(id)
        case UInt8(ascii: "t"):
            self = .topic(value)
        case UInt8(ascii: "r"):
            self = .url(value)
        default:
            if name.equals("word") {
                self = .word(value)
            } else {
                guard let url = RelayURL(value.string) else { return nil }
                self = .relay(url)
            }
        }
    }
}

extension PublicList.PrivateItems {
    /// The content of a contact list is something else: a relay object, which nobody reads any more (NIP-02).
    fileprivate init(_ event: Event) {
        if event.contentRange.isEmpty || event.kind == .contacts {
            self = .none
        } else {
            self = event.canonical.span.contains("?iv=", in: event.contentRange) ? .nip04 : .nip44
        }
    }
}

extension Span<UInt8> {
    /// Whether the ASCII text `word` stands anywhere in `range`.
    func contains(_ word: StaticString, in range: Range<Int>) -> Bool {
        guard range.count >= word.utf8CodeUnitCount else { return false }
        return (range.lowerBound...(range.upperBound - word.utf8CodeUnitCount)).contains { self.matches(word, at: $0) }
    }
}
