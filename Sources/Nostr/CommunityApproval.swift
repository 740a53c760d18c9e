/// The approval of posts in communities (NIP-72): kind 4550.
///
/// Anybody may sign one. Whether it counts is decided when somebody asks, by the moderators that the community has then;
/// so removing a moderator withdraws the approvals.
package struct CommunityApproval: Sendable {
    package let signer: PublicKey
    /// Each once.
    package let communities: [EventAddress]
    /// Each once: an event is that version, a coordinate all of them.
    package let posts: [Target]
    package let postAuthor: PublicKey?
    package let embed: Embed
    package let flags: Flags

    /// Rows are communities times posts: one event must not make millions.
    package static let communitiesMax = 32
    package static let postsMax = 32

    /// Every post is approved in every community.
    package var rows: [(community: EventAddress, post: Target)] {
        self.communities.flatMap { community in self.posts.map { (community: community, post: $0) } }
    }

    /// Whether it counts in a community that has these moderators now. The owner is one, listed or not.
    package func counts(in community: EventAddress, moderators: some Sequence<PublicKey>) -> Bool {
        self.signer == community.pubkey || moderators.contains(self.signer)
    }

    package init(_ event: Event, verifier: borrowing EventVerifier, now: Timestamp) {
        var communities = UniqueList<EventAddress>()
        var posts = UniqueList<Target>()
        var kind: Kind?
        var author: PublicKey?
        var flags: Flags = []
        for tag in event.tags {
            guard let letter = tag[0]?.letter, let value = tag.value else { continue }
            switch letter {
            case UInt8(ascii: "a"):
                guard let address = EventAddress(value) else {
                    flags.insert(.badTag)
                    continue
                }
                // A community is never a post.
                if address.kind == .community {
                    communities.append(address)
                } else {
                    posts.append(.address(address, version: nil))
                }
            case UInt8(ascii: "e"):
                guard let reference = EventReference(tag) else {
                    flags.insert(.badTag)
                    continue
                }
                posts.append(.event(reference.id, address: nil))
            case UInt8(ascii: "p"):
                let key = value.hex32.map(PublicKey.init)
                if key == nil { flags.insert(.badTag) }
                author = author ?? key
            case UInt8(ascii: "k"):
                kind = kind ?? Kind(value)
            default:
                break
            }
        }
        if communities.elements.count > Self.communitiesMax || posts.elements.count > Self.postsMax {
            flags.insert(.tooMany)
        }
        let kept = Array(posts.elements.prefix(Self.postsMax))
        let embed = Embed(in: event, verifier: verifier, now: now) { embedded in
            kept.contains { embedded.isNamed(by: $0) }
        }
        if let flag = embed.flag { flags.insert(flag) }
        if author == nil { flags.insert(.pMissing) }
        if let embedded = embed.event?.event {
            if let kind, kind != embedded.kind { flags.insert(.kMismatch) }
            if let author, author != embedded.pubkey { flags.insert(.pMismatch) }
        }
        self.signer = event.pubkey
        self.communities = Array(communities.elements.prefix(Self.communitiesMax))
        self.posts = kept
        self.postAuthor = author
        self.embed = embed
        self.flags = flags
    }
}
