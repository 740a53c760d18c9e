import Nostr
import Postgres

/// The rows beside those of `nostr_events`, derived from each event alone, and what of them competes or is counted.
///
/// A reader never refuses an event: what it cannot read makes no row, or a row with a flag. Every value is bounded by its
/// reader or has no bound in the table, so that no row can be refused for it.
struct CompanionRows {
    private(set) var reactionGroups = ReactionGroups()
    /// Payments of the receipts that may count.
    private(set) var payments: Set<Bytes32> = []
    /// Receipts that may count, and what they name.
    private(set) var receipts: [EventID] = []

    private var mentions = Self.mentionColumns
    private var externalIDs = Self.externalIDColumns
    private var reactions = Self.reactionColumns
    private var zaps = Self.zapColumns
    private var labels = Self.labelColumns
    var communities = Self.communityColumns
    var communityPosts = Self.communityPostColumns
    var approvals = Self.approvalColumns

    /// Adds what stands beside a row that is about to be inserted.
    mutating func add(_ row: EventRow, verifier: borrowing EventVerifier) {
        let event = row.event
        switch event.kind {
        case .comment, .voiceComment:
            self.addMentions(of: event)
            if row.namesPage { self.addComment(event) }
        case .reaction, .externalReaction:
            self.addMentions(of: event)
            self.addReaction(event)
        case .zapReceipt:
            self.addMentions(of: event)
            self.addZap(event, verifier: verifier)
        case .giftWrap:
            self.addMentions(of: event)
        case .community:
            self.addCommunity(event)
        case .communityApproval:
            self.addApproval(event, verifier: verifier)
        default:
            break
        }
        if row.hasLabels { self.addLabels(of: event) }
        if row.namesCommunity { self.addCommunityPosts(of: event) }
    }

    /// Sorted by table, each table once.
    var statements: [PostgresStatement] {
        [
            self.mentions, self.externalIDs, self.reactions, self.zaps, self.labels, self.communities,
            self.communityPosts, self.approvals,
        ].compactMap(\.statement)
    }
}

// MARK: - People and things

extension CompanionRows {
    private static let mentionColumns = TableRows(
        of: "nostr_mentions",
        [.init("pubkey", .bytea), .init("created_at", .int8), .init("event_id", .bytea), .init("kind", .int4)])

    private mutating func addMentions(of event: Event) {
        for pubkey in event.mentions {
            self.mentions.append(pubkey)
            self.mentions.append(event.createdAt)
            self.mentions.append(event.id)
            self.mentions.append(event.kind)
        }
    }

    private static let externalIDColumns = TableRows(
        of: "nostr_external_ids",
        [
            .init("event_id", .bytea), .init("tag_no", .int2), .init("role", .text), .init("type", .text),
            .init("canonical", .text), .init("raw", .text), .init("created_at", .int8), .flags,
            .init(
                "canonical_hash", from: "sha256(convert_to(type, 'UTF8') || '\\x00' || convert_to(canonical, 'UTF8'))"),
        ])

    private mutating func addExternalID(_ id: ExternalID, tag: Int, role: String, of event: Event) {
        self.externalIDs.append(event.id)
        self.externalIDs.append(number: tag)
        self.externalIDs.append(role)
        self.externalIDs.append(id.type.name)
        self.externalIDs.append(id.canonical)
        self.externalIDs.append(id.raw)
        self.externalIDs.append(event.createdAt)
        self.externalIDs.append(ExternalReading(id.raw).flags)
    }

    /// A comment on a page names it twice: one row says so. Of a community the column `subclaw` says it.
    private mutating func addComment(_ event: Event) {
        guard let comment = CommentEvent(event) else { return }
        let root = comment.root?.target.external
        if let root, let tag = event.tagNumber(named: "I", root.raw) {
            self.addExternalID(root, tag: tag, role: "root", of: event)
            if comment.isTopLevel { return }
        }
        if let parent = comment.parent.target.external, let tag = event.tagNumber(named: "i", parent.raw) {
            self.addExternalID(parent, tag: tag, role: "parent", of: event)
        }
    }
}

// MARK: - Reactions

extension CompanionRows {
    private static let reactionColumns = TableRows(
        of: "nostr_reactions",
        [
            .init("event_id", .bytea), .init("target_no", .int2), .init("is_primary", .bool), .init("pubkey", .bytea),
            .init("created_at", .int8), .init("target_event_id", .bytea), .init("target_pubkey", .bytea),
            .init("target_address", .text), .init("target_tag_no", .int2), .init("target_kind", .int4),
            .init("value_type", .text), .init("emoji_key", .text), .init("emoji_url", .text), .flags,
        ])

    private mutating func addReaction(_ event: Event) {
        guard let reaction = Reaction(event) else { return }
        let key = reaction.value.key?.bytes
        for (number, reference) in reaction.targets.enumerated() {
            let target = reference.target
            let isPrimary = number == reaction.targets.count - 1
            self.reactions.append(event.id)
            self.reactions.append(number: number)
            self.reactions.append(isPrimary)
            self.reactions.append(event.pubkey)
            self.reactions.append(event.createdAt)
            self.reactions.append(target.eventID)
            self.reactions.append(reaction.targetAuthor)
            self.reactions.append(target.address?.description)
            self.reactions.append(number: target.external == nil ? nil : reference.tag)
            self.reactions.append(reaction.targetKind)
            self.reactions.append(reaction.value.typeName)
            self.reactions.append(key)
            self.reactions.append(reaction.value.url)
            self.reactions.append(reaction.flags)
            if let id = target.external {
                self.addExternalID(id, tag: reference.tag, role: "target", of: event)
            } else if let id = target.eventID {
                self.addGroup(reaction.value, key, NamedID(id), event)
            }
        }
    }

    private mutating func addGroup(_ value: Reaction.Value, _ key: [UInt8]?, _ target: NamedID, _ event: Event) {
        switch value {
        case .like, .dislike:
            self.reactionGroups.insert(
                ReactionGroups.Vote(target: target, pubkey: event.pubkey), row: event.id)
        case .emoji, .custom:
            guard let key else { return }
            self.reactionGroups.insert(
                ReactionGroups.Emoji(target: target, key: key, pubkey: event.pubkey), row: event.id)
        case .other:
            break
        }
    }
}

// MARK: - Zaps

extension CompanionRows {
    private static let zapColumns = TableRows(
        of: "nostr_zaps",
        [
            .init("event_id", .bytea), .init("provider_pubkey", .bytea), .init("recipient_pubkey", .bytea),
            .init("sender_pubkey", .bytea), .init("target_event_id", .bytea), .init("target_address", .text),
            .init("target_tag_no", .int2), .init("msats", .int8), .init("amount_source", .text),
            .init("network", .text), .init("payment_hash", .bytea), .init("level", .int2), .init("reason", .text),
            .init("hash_match", .bool), .init("preimage_match", .bool), .init("comment", .text),
            .init("created_at", .int8), .flags, .init("is_counted", from: "false"),
        ])

    private mutating func addZap(_ event: Event, verifier: borrowing EventVerifier) {
        guard let zap = ZapReceipt(event, verifier: verifier) else { return }
        let hash = zap.invoice?.paymentHash
        self.zaps.append(event.id)
        self.zaps.append(zap.provider)
        self.zaps.append(zap.recipient)
        self.zaps.append(zap.sender)
        self.zaps.append(zap.event)
        self.zaps.append(zap.address?.description)
        self.zaps.append(number: zap.externalTag)
        self.zaps.append(zap.msats)
        self.zaps.append(zap.amountSource?.rawValue)
        self.zaps.append(zap.invoice?.network.rawValue)
        self.zaps.append(hash)
        self.zaps.append(number: Int((zap.fault == nil ? ZapLevel.consistent : .faulty).rawValue))
        self.zaps.append(zap.fault?.rawValue)
        self.zaps.append(zap.hashMatch)
        self.zaps.append(zap.preimageMatch)
        self.zaps.append(zap.comment)
        self.zaps.append(event.createdAt)
        self.zaps.append(zap.flags)
        if let external = zap.external, let tag = zap.externalTag {
            self.addExternalID(external, tag: tag, role: "target", of: event)
        }
        guard zap.fault == nil, let hash else { return }
        self.payments.insert(hash)
        self.receipts.append(event.id)
    }
}

// MARK: - Labels

extension CompanionRows {
    private static let labelColumns = TableRows(
        of: "nostr_labels",
        [
            .init("event_id", .bytea), .init("label_no", .int2), .init("target_no", .int2),
            .init("namespace", .text), .init("label", .text), .init("target_type", .text),
            .init("target_event_id", .bytea), .init("target_pubkey", .bytea), .init("target_value", .text),
            .init("pubkey", .bytea), .init("created_at", .int8), .flags,
        ])

    private mutating func addLabels(of event: Event) {
        for label in Labels(event).labels where !label.isOfAgents {
            self.labels.append(event.id)
            self.labels.append(number: label.labelNumber)
            self.labels.append(number: label.targetNumber)
            self.labels.append(label.namespace)
            self.labels.append(label.label)
            self.labels.append(label.target.typeName)
            self.labels.append(label.target.eventID)
            self.labels.append(label.target.pubkey)
            self.labels.append(label.target.value)
            self.labels.append(event.pubkey)
            self.labels.append(event.createdAt)
            self.labels.append(label.flags)
        }
    }
}

extension Labels.Label {
    /// What every event of an agent says of itself: the column `is_ai` says it, and a row of its own for each would be the
    /// largest part of the table.
    fileprivate var isOfAgents: Bool {
        guard case .itself = self.target else { return false }
        return self.label.equals("ai") && self.namespace.equals("agent")
    }
}

extension Labels.Target {
    fileprivate var eventID: EventID? {
        guard case .event(let id) = self else { return nil }
        return id
    }

    fileprivate var pubkey: PublicKey? {
        guard case .pubkey(let key) = self else { return nil }
        return key
    }

    /// What stands in `target_value`.
    fileprivate var value: [UInt8]? {
        switch self {
        case .event, .pubkey: nil
        case .address(let address): Array(address.description.utf8)
        case .itself(let address): address.map { Array($0.description.utf8) }
        case .relay(let text), .url(let text), .topic(let text): text.bytes
        }
    }
}

extension Reaction.Value {
    fileprivate var url: WireText? {
        guard case .custom(_, let url) = self else { return nil }
        return url
    }
}

extension Event {
    /// Where the first tag stands that has this name and value.
    fileprivate func tagNumber(named name: StaticString, _ value: WireText) -> Int? {
        self.tags.firstIndex { $0.isNamed(name) && $0.value == value }
    }
}
