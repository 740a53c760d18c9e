/// A comment (NIP-22): kind 1111, or kind 1244 where it is a voice message.
///
/// What it is about stands twice in its tags: the root in upper case, the parent in lower case. `K` and `k` say which of
/// several tags is meant; the order of tags never matters.
package struct CommentEvent: Sendable {
    /// Where the thread hangs; nil where nobody can tell from this event alone.
    package let root: Side?
    package let parent: Side
    package let flags: Flags

    /// Whether it answers the root itself. Not "has no `e`": an addressable parent bears the id of its version.
    package var isTopLevel: Bool { self.root.map { self.parent.target.isSame(as: $0.target) } ?? false }

    /// One of the two things that a comment names.
    package struct Side: Sendable {
        package let target: Target
        /// Nil for external ids, and where the comment does not say.
        package let kind: Kind?
        package let author: PublicKey?
        /// Where to look for it, as written: anybody's claim.
        package let hint: WireText?
    }

    /// Nil where neither half names anything.
    package init?(_ event: Event) {
        var root = Candidates()
        var parent = Candidates()
        for tag in event.tags {
            guard let letter = tag[0]?.letter, tag.value != nil else { continue }
            if letter.isUppercaseASCII { root.read(letter | 0x20, tag) } else { parent.read(letter, tag) }
        }
        let rootSide = root.side { $0.p ?? $1?.author }
        let parentSide = parent.side { $1?.author ?? $0.p }
        var flags = root.flags.union(parent.flags)
        switch (rootSide, parentSide) {
        case (nil, nil):
            return nil
        case (let side?, nil):
            flags.insert(.parentMissing)
            self.root = side
            self.parent = side
        case (nil, let side?):
            flags.insert(.rootMissing)
            self.root = side.mayBeRoot ? side : nil
            self.parent = side
        case (let rootSide?, let parentSide?):
            self.root = rootSide
            self.parent = parentSide
        }
        self.flags = flags
    }
}

extension CommentEvent.Side {
    /// A comment is never a root, and an event of unknown kind may be one.
    fileprivate var mayBeRoot: Bool {
        guard case .event = self.target else { return true }
        return self.kind.map { !$0.isComment } ?? false
    }
}

extension Kind {
    /// Kinds 1111 and 1244 (NIP-22).
    package var isComment: Bool { self == .comment || self == .voiceComment }
}

/// The tags of one half of a comment, their names in lower case.
private struct Candidates {
    private var event: EventReference?
    private var address: (EventAddress, hint: WireText?)?
    private var external: (ExternalReading, hint: WireText?)?
    private var k: WireText?
    private(set) var p: PublicKey?
    private(set) var flags: Flags = []

    mutating func read(_ letter: UInt8, _ tag: Tag) {
        guard let value = tag.value else { return }
        switch letter {
        case UInt8(ascii: "e"):
            self.keep(EventReference(tag), as: \.event)
        case UInt8(ascii: "a"):
            self.keep(EventAddress(value).map { ($0, hint: tag.nonEmpty(2)) }, as: \.address)
        case UInt8(ascii: "i"):
            let reading = ExternalReading(value)
            self.keep(reading.id == nil ? nil : (reading, hint: tag.nonEmpty(2)), as: \.external)
        case UInt8(ascii: "k"):
            self.k = self.k ?? value
        case UInt8(ascii: "p"):
            if let key = value.hex32 {
                self.p = self.p ?? PublicKey(key)
            } else {
                self.flags.insert(.badTag)
            }
        default:
            break
        }
    }

    /// The first valid one of a letter counts.
    private mutating func keep<Value>(_ value: Value?, as slot: WritableKeyPath<Candidates, Value?>) {
        if value == nil {
            self.flags.insert(.badTag)
        } else if self[keyPath: slot] == nil {
            self[keyPath: slot] = value
        } else {
            self.flags.insert(.multi)
        }
    }

    /// What this half names, if it names anything.
    mutating func side(author: (Candidates, EventReference?) -> PublicKey?) -> CommentEvent.Side? {
        let kind = self.k.flatMap { Kind($0) }
        let fits = self.target(fitting: kind)
        guard let target = fits ?? self.targetOfAnyKind else { return nil }
        if kind == .note { self.flags.insert(.replyToNote) }
        if let external = self.external, target.external != nil, kind == nil {
            if let flag = external.0.kFlag(among: CollectionOfOne(self.k).compactMap(\.self)) {
                self.flags.insert(flag)
            }
        } else if fits == nil {
            self.flags.insert(self.k == nil ? .kMissing : .kMismatch)
        }
        switch target {
        case .address(let address, _):
            return CommentEvent.Side(
                target: target, kind: address.kind, author: address.pubkey, hint: self.address?.hint)
        case .external:
            return CommentEvent.Side(target: target, kind: nil, author: nil, hint: self.external?.hint)
        case .event:
            return CommentEvent.Side(
                target: target, kind: kind, author: author(self, self.event), hint: self.event?.hint)
        }
    }

    /// What `k` asks for, where it is there.
    private func target(fitting kind: Kind?) -> Target? {
        guard let kind else {
            // Not a number: the type of an external id.
            return self.k == nil ? nil : self.external?.0.id.map { .external($0) }
        }
        switch kind.kindClass {
        case .replaceable, .addressable:
            guard let address = self.address?.0, address.kind == kind else { return nil }
            return .address(address, version: self.event?.id)
        case .regular, .ephemeral:
            return self.event.map { .event($0.id, address: nil) }
        }
    }

    /// What there is, where `k` does not tell: then an `e` beside an address need not be its version.
    private var targetOfAnyKind: Target? {
        if let address = self.address?.0 { return .address(address, version: nil) }
        if let id = self.external?.0.id { return .external(id) }
        return self.event.map { .event($0.id, address: nil) }
    }
}
