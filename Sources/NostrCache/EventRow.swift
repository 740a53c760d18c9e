package import Nostr

/// The derived columns of `nostr_events`: a pure function of a verified event and the community bases.
///
/// Nothing is read from other rows, so rows can be derived in any order and derived again. Texts are ranges of the
/// event's canonical bytes until they are sent; the names D1 … D5, R1 and T0 are those of the cache design.
package struct EventRow: Sendable {
    package let event: Event
    /// D3; nil where it does not apply.
    package let isTopLevel: Bool?
    /// D4.
    package let isAI: Bool
    /// D5.
    package let parentID: EventID?
    /// R1.
    package let rootID: EventID?
    /// NIP-40; kinds 5 and 62 do not expire.
    package let expiresAt: Timestamp?
    /// There is something for the reader of external ids (other than a community), of labels, of community posts.
    let namesPage: Bool
    let hasLabels: Bool
    let namesCommunity: Bool
    let identifierPiece: TagScanner.Piece?
    let subclawPiece: TagScanner.Piece?
    let rootAddressPiece: TagScanner.Piece?

    package init(_ verified: VerifiedEvent, bases: CommunityBases) {
        self.init(verified.event, bases: bases)
    }

    /// The rules themselves do not ask whether the event was verified; their vectors are unsigned.
    init(_ event: Event, bases: CommunityBases) {
        let facts = TagFacts(event)
        let bytes = event.canonical.span
        var identifier: TagScanner.Piece?
        var rootAddress: TagScanner.Piece?
        var isTopLevel: Bool?
        var parent: Bytes32?
        var root: Bytes32?
        switch event.kind {
        case .comment:
            identifier = facts.rootIdentifier ?? facts.parentIdentifier
            let isPost = Self.isTopLevel(facts, identifier, bytes, bases)
            isTopLevel = isPost
            parent = isPost ? nil : facts.firstEvent
            root = facts.rootEvent
            rootAddress = facts.rootAddress
        case .externalReaction:
            identifier = facts.rootIdentifier ?? facts.parentIdentifier
        case .reaction:
            parent = facts.lastEvent
        case .zapReceipt:
            parent = facts.firstEvent
        case .note:
            parent = facts.firstReply ?? facts.firstRoot ?? facts.lastUnmarked
            root = facts.hasMark ? facts.firstRoot : facts.firstEvent
        default:
            break
        }
        self.event = event
        self.isTopLevel = isTopLevel
        self.isAI = facts.hasAgentNamespace && facts.hasAILabel && event.kind != .label
        self.parentID = parent.map(EventID.init)
        self.rootID = root.map(EventID.init)
        self.expiresAt = Self.expiration(of: event, facts, bytes)
        let first = facts.rootIdentifier ?? facts.parentIdentifier
        let slug = first.flatMap { bases.slug(in: $0, bytes) }
        self.namesPage = Self.namesPage(facts, hasSlug: slug != nil, bytes, bases)
        self.hasLabels = facts.hasLabel || (facts.hasAILabel && event.kind == .label)
        self.namesCommunity = facts.hasCommunity
        self.identifierPiece = identifier
        self.subclawPiece = identifier == nil ? nil : slug
        self.rootAddressPiece = rootAddress
    }

    /// D2, raw as written.
    package var identifier: String? { self.text(self.identifierPiece) }

    /// D1, in lower case.
    package var subclaw: String? { self.text(self.subclawPiece)?.lowercased() }

    /// R1, raw as written.
    package var rootAddress: String? { self.text(self.rootAddressPiece) }

    private func text(_ piece: TagScanner.Piece?) -> String? {
        piece.map { String(decoding: $0.text(self.event.canonical.span), as: UTF8.self) }
    }

    /// - Parameter hasSlug: whether the root identifier, or without one that of the parent, names a community.
    private static func namesPage(
        _ facts: TagFacts, hasSlug: Bool, _ bytes: Span<UInt8>, _ bases: CommunityBases
    ) -> Bool {
        guard let root = facts.rootIdentifier else { return facts.parentIdentifier != nil && !hasSlug }
        guard hasSlug, let parent = facts.parentIdentifier, !parent.equals(root, bytes) else { return !hasSlug }
        return bases.slug(in: parent, bytes) == nil
    }

    /// D3: whether a comment is one on a URL itself.
    private static func isTopLevel(
        _ facts: TagFacts, _ root: TagScanner.Piece?, _ bytes: Span<UInt8>, _ bases: CommunityBases
    ) -> Bool {
        guard let root else { return false }
        if let parentKind = facts.parentKind {
            guard parentKind.equals("web", bytes) else { return false }
            guard let parent = facts.parentIdentifier else { return !facts.hasE }
            return Self.isSame(parent, root, bytes, bases)
        }
        if facts.hasE { return false }
        guard facts.rootKind?.equals("web", bytes) == true else { return false }
        return facts.parentIdentifier.map { Self.isSame($0, root, bytes, bases) } ?? true
    }

    /// Two values are the same when both name the same community, else when their bytes are.
    private static func isSame(
        _ left: TagScanner.Piece, _ right: TagScanner.Piece, _ bytes: Span<UInt8>, _ bases: CommunityBases
    ) -> Bool {
        if left.equals(right, bytes) { return true }
        guard let left = bases.slug(in: left, bytes), let right = bases.slug(in: right, bytes),
            left.count == right.count
        else { return false }
        return (0..<left.count).allSatisfy { index in
            CommunityBases.lowercased(bytes[Int(left.start) + index])
                == CommunityBases.lowercased(bytes[Int(right.start) + index])
        }
    }

    private static func expiration(of event: Event, _ facts: TagFacts, _ bytes: Span<UInt8>) -> Timestamp? {
        guard let piece = facts.expiration, event.kind != .deletionRequest, event.kind != .vanishRequest else {
            return nil
        }
        return Timestamp(strictDigits: piece.text(bytes))
    }
}
