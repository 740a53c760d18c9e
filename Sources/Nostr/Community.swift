/// A community definition (NIP-72): kind 34550.
package struct Community: Sendable {
    package let address: EventAddress
    /// As the owner wrote it; the `d` value where there is none.
    package let name: WireText
    package let description: WireText?
    package let image: WireText?
    /// `<width>x<height>`, as written.
    package let imageSize: WireText?
    /// The owner first, who counts as one, then the others in order, each once.
    package let moderators: [PublicKey]
    /// People who are named without being moderators.
    package let others: [Person]
    package let relays: [Relay]
    package let flags: Flags

    package var owner: PublicKey { self.address.pubkey }

    package struct Person: Hashable, Sendable {
        package let pubkey: PublicKey
        /// As written: `Moderator` is not the marker `moderator`.
        package let role: WireText?
    }

    package struct Relay: Hashable, Sendable {
        package let url: RelayURL
        /// `author`, `requests` or `approvals`, as written.
        package let role: WireText?
    }

    package init(_ event: Event) {
        var moderators = UniqueList<PublicKey>()
        moderators.append(event.pubkey)
        var others: [Person] = []
        var relays: [Relay] = []
        var flags: Flags = []
        var texts = (name: WireText?.none, description: WireText?.none, image: Tag?.none)
        for tag in event.tags {
            guard let name = tag[0], let value = tag.value else { continue }
            if name.equals("p") {
                if let key = value.hex32.map(PublicKey.init) {
                    let role = tag.nonEmpty(3)
                    if role?.equals("moderator") ?? false {
                        moderators.append(key)
                    } else {
                        others.append(Person(pubkey: key, role: role))
                    }
                } else {
                    flags.insert(.badTag)
                }
            } else if name.equals("relay") {
                if let url = RelayURL(value.string) {
                    relays.append(Relay(url: url, role: tag.nonEmpty(2)))
                } else {
                    flags.insert(.badTag)
                }
            } else if name.equals("name") {
                texts.name = texts.name ?? value
            } else if name.equals("description") {
                texts.description = texts.description ?? value
            } else if name.equals("image") {
                texts.image = texts.image ?? tag
            }
        }
        self.address = EventAddress(kind: event.kind, pubkey: event.pubkey, identifier: event.identifier)
        self.name = texts.name ?? self.address.identifier
        self.description = texts.description
        self.image = texts.image?.value
        self.imageSize = texts.image?.nonEmpty(2)
        self.moderators = moderators.elements
        self.others = others
        self.relays = relays
        self.flags = flags
    }
}

/// A place of an event in a community (NIP-72).
package struct CommunityPost: Hashable, Sendable {
    package let community: EventAddress
    /// Whether it is written as before July 2025: any kind with the community in `a`.
    package let isLegacy: Bool
    package let isTopLevel: Bool
    /// What it answers; nil at top level.
    package let parent: EventID?

    /// Kinds in which an `a` with a community means "posted there". In reactions, deletion requests, reports, labels, zaps
    /// and lists it means the community itself.
    package static let legacyKinds: Set<Kind> = [.note, .repost, .genericRepost, .article]

    /// More communities than these in one event are spam.
    package static let communitiesMax = 32

    /// The communities in which the event was posted, each once.
    package static func all(in event: Event, legacyKinds: Set<Kind> = Self.legacyKinds) -> [CommunityPost] {
        if event.kind.isComment { return self.comment(event).map { [$0] } ?? [] }
        guard legacyKinds.contains(event.kind) else { return [] }
        var parent: EventID?
        switch event.kind {
        case .note:
            parent = NoteThread(event).parent?.id
        case .repost, .genericRepost:
            // The community may also be what is reposted.
            guard RepostTags(event).target?.eventID != nil else { return [] }
        default:
            break
        }
        return self.communities(of: event).prefix(self.communitiesMax).map { community in
            CommunityPost(community: community, isLegacy: true, isTopLevel: parent == nil, parent: parent)
        }
    }

    private static func comment(_ event: Event) -> CommunityPost? {
        guard let comment = CommentEvent(event), case .address(let community, _)? = comment.root?.target,
            community.kind == .community
        else { return nil }
        return CommunityPost(
            community: community, isLegacy: false, isTopLevel: comment.isTopLevel,
            parent: comment.isTopLevel ? nil : comment.parent.target.eventID)
    }

    private static func communities(of event: Event) -> [EventAddress] {
        var communities = UniqueList<EventAddress>()
        for tag in event.tags where tag.isNamed("a") {
            guard let address = tag.value.flatMap({ EventAddress($0) }), address.kind == .community else { continue }
            communities.append(address)
        }
        return communities.elements
    }
}

/// Elements in the order in which they came first, each once.
struct UniqueList<Element: Hashable> {
    private(set) var elements: [Element] = []
    private var seen: Set<Element> = []

    mutating func append(_ element: Element) {
        if self.seen.insert(element).inserted { self.elements.append(element) }
    }
}
