import Nostr

/// What the derivation rules need to know of an event's tags, from one pass over them.
///
/// A tag without a value, or with an empty one, counts as absent (rule T0). "First" and "last" follow the order of the
/// event; the order between different names never matters.
struct TagFacts {
    /// First values of these names.
    var rootIdentifier: TagScanner.Piece?
    var parentIdentifier: TagScanner.Piece?
    var rootKind: TagScanner.Piece?
    var parentKind: TagScanner.Piece?
    /// There is an `e` with a value, valid or not.
    var hasE = false
    /// First `E` with a valid id, first `A` with a valid address.
    var rootEvent: Bytes32?
    var rootAddress: TagScanner.Piece?
    /// Of the `e` tags with a valid id.
    var firstEvent: Bytes32?
    var lastEvent: Bytes32?
    /// The same by their NIP-10 marks.
    var firstReply: Bytes32?
    var firstRoot: Bytes32?
    var lastUnmarked: Bytes32?
    var hasMark = false
    /// Some `["L","agent"]`, some `["l","ai","agent"]`.
    var hasAgentNamespace = false
    var hasAILabel = false
    /// Some `l` but the one of agents, some `a` or `A` with a community (NIP-72).
    var hasLabel = false
    var hasCommunity = false
    /// The first `expiration`, whatever its value.
    var expiration: TagScanner.Piece?
    private var hasExpiration = false

    init(_ event: Event) {
        guard event.tagCount > 0 else { return }
        let bytes = event.canonical.span
        var scanner = TagScanner(event.tagsRange)
        while let tag = scanner.next(bytes) {
            guard tag.count >= 1 else { continue }
            if let name = tag.name.character(bytes) {
                guard !tag.value.isEmpty else { continue }
                self.read(name, tag, bytes)
            } else if !self.hasExpiration, tag.name.equals("expiration", bytes) {
                self.hasExpiration = true
                if !tag.value.isEmpty { self.expiration = tag.value }
            }
        }
    }

    @inline(__always)
    private mutating func read(_ name: UInt8, _ tag: TagScanner.RawTag, _ bytes: Span<UInt8>) {
        switch name {
        case UInt8(ascii: "I"): self.rootIdentifier = self.rootIdentifier ?? tag.value
        case UInt8(ascii: "i"): self.parentIdentifier = self.parentIdentifier ?? tag.value
        case UInt8(ascii: "K"): self.rootKind = self.rootKind ?? tag.value
        case UInt8(ascii: "k"): self.parentKind = self.parentKind ?? tag.value
        case UInt8(ascii: "e"): self.readEvent(tag, bytes)
        case UInt8(ascii: "E"):
            if self.rootEvent == nil { self.rootEvent = tag.value.hex32(bytes) }
        case UInt8(ascii: "A"):
            if self.rootAddress == nil, tag.value.isAddress(bytes) { self.rootAddress = tag.value }
            if tag.value.starts(with: "34550:", bytes) { self.hasCommunity = true }
        case UInt8(ascii: "a"):
            if tag.value.starts(with: "34550:", bytes) { self.hasCommunity = true }
        case UInt8(ascii: "L"):
            if tag.value.equals("agent", bytes) { self.hasAgentNamespace = true }
        case UInt8(ascii: "l"):
            if tag.value.equals("ai", bytes), tag.third.equals("agent", bytes) {
                self.hasAILabel = true
            } else {
                self.hasLabel = true
            }
        default: break
        }
    }

    private mutating func readEvent(_ tag: TagScanner.RawTag, _ bytes: Span<UInt8>) {
        self.hasE = true
        guard let id = tag.value.hex32(bytes) else { return }
        if self.firstEvent == nil { self.firstEvent = id }
        self.lastEvent = id
        // The fourth element may also name the author: such a value is none of the marks.
        if tag.fourth.equals("reply", bytes) {
            self.firstReply = self.firstReply ?? id
            self.hasMark = true
        } else if tag.fourth.equals("root", bytes) {
            self.firstRoot = self.firstRoot ?? id
            self.hasMark = true
        } else if tag.fourth.equals("mention", bytes) {
            self.hasMark = true
        } else {
            self.lastUnmarked = id
        }
    }
}

extension TagScanner.Piece {
    /// Whether the text is a coordinate of a replaceable or addressable kind.
    func isAddress(_ bytes: Span<UInt8>) -> Bool { EventAddress.isAddress(bytes, self.range) }
}
