import Nostr
import Postgres

// NIP-72: definitions, posts and approvals.
extension CompanionRows {
    static let communityColumns = TableRows(
        of: "nostr_communities",
        [
            .init("pubkey", .bytea), .init("d", .bytea, as: "convert_from(d, 'UTF8')"), .init("address", .text),
            .init("name", .text), .init("description", .text), .init("image", .text), .keys("moderators"),
            .init("relays", .jsonb), .init("updated_at", .int8), .init("event_id", .bytea),
            .init("d_hash", from: "sha256(d)"),
        ])

    mutating func addCommunity(_ event: Event) {
        let community = Community(event)
        let relays = JSONValue.array(
            community.relays.prefix(Self.communityRelaysMax).map { relay in
                .object([
                    .init(name: "url", value: .string(relay.url.description)),
                    .init(name: "marker", value: relay.role.map { .string($0.string) } ?? .null),
                ])
            })
        var json: [UInt8] = []
        relays.append(to: &json)
        self.communities.append(community.owner)
        self.communities.append(community.address.identifier)
        self.communities.append(community.address.description)
        self.communities.append(community.name)
        self.communities.append(community.description)
        self.communities.append(community.image)
        self.communities.append(
            community.moderators.prefix(Self.moderatorsMax).map(\.description).joined(separator: ","))
        self.communities.append(json: json)
        self.communities.append(event.createdAt)
        self.communities.append(event.id)
    }

    /// Who lists thousands of moderators has none.
    private static let moderatorsMax = 1_000
    private static let communityRelaysMax = 64

    static let communityPostColumns = TableRows(
        of: "nostr_community_posts",
        [
            .init("event_id", .bytea), .init("community_pubkey", .bytea), .init("community_d_hash", .bytea, as: hash),
            .init("is_top_level", .bool), .init("is_legacy", .bool), .init("created_at", .int8),
        ])

    private static let hash = "sha256(community_d_hash)"

    mutating func addCommunityPosts(of event: Event) {
        for post in CommunityPost.all(in: event) {
            self.communityPosts.append(event.id)
            self.communityPosts.append(post.community.pubkey)
            self.communityPosts.append(post.community.identifier)
            self.communityPosts.append(post.isTopLevel)
            self.communityPosts.append(post.isLegacy)
            self.communityPosts.append(event.createdAt)
        }
    }

    static let approvalColumns = TableRows(
        of: "nostr_community_approvals",
        [
            .init("event_id", .bytea), .init("community_no", .int2), .init("target_no", .int2),
            .init("approver_pubkey", .bytea), .init("community_pubkey", .bytea),
            .init("community_d_hash", .bytea, as: hash), .init("target_event_id", .bytea),
            .init("target_address", .text), .init("content_event_id", .bytea), .init("created_at", .int8), .flags,
        ])

    /// Whether the embedded post has expired is asked for the moment of the approval: an answer that changed with the
    /// clock would not be derived from the event.
    mutating func addApproval(_ event: Event, verifier: borrowing EventVerifier) {
        let approval = CommunityApproval(event, verifier: verifier, now: event.createdAt)
        for (communityNumber, community) in approval.communities.enumerated() {
            for (postNumber, post) in approval.posts.enumerated() {
                self.approvals.append(event.id)
                self.approvals.append(number: communityNumber)
                self.approvals.append(number: postNumber)
                self.approvals.append(event.pubkey)
                self.approvals.append(community.pubkey)
                self.approvals.append(community.identifier)
                self.approvals.append(post.eventID)
                self.approvals.append(post.address?.description)
                self.approvals.append(approval.embed.event?.event.id)
                self.approvals.append(event.createdAt)
                self.approvals.append(approval.flags)
            }
        }
    }
}
