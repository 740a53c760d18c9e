/// A reaction (NIP-25): of kind 7 to an event or a coordinate, of kind 17 to something outside Nostr.
package struct Reaction: Sendable {
    package enum Value: Hashable, Sendable {
        case like
        case dislike
        /// One emoji; the key is without the variation selectors, which say how it is drawn and not what it means.
        case emoji(key: WireText)
        /// A `:name:` (NIP-30) and its picture, if the event says where that is.
        case custom(name: WireText, url: WireText?)
        /// Anything else: words, several emoji, a name without colons.
        case other
    }

    /// A target and the number of the tag that names it, from 0.
    package struct Reference: Hashable, Sendable {
        package let target: Target
        package let tag: Int
    }

    /// Longer keys are rubbish or an attack: the longest emoji has 35 bytes.
    package static let keyBytesMax = 128
    package static let urlBytesMax = 2_048
    /// More are no reaction to any of them. The last ones count, for the last is the primary one.
    package static let targetsMax = 20

    package let value: Value
    /// In the order of the tags; the last is the primary one. None: there is nothing to count.
    package let targets: [Reference]
    /// Who wrote the target, as far as the tags say; nil outside Nostr.
    package let targetAuthor: PublicKey?
    package let targetKind: Kind?
    package let flags: Flags

    /// Nil unless the event is of kind 7 or 17.
    package init?(_ event: Event) {
        var tags = ReactionTags(event.tags)
        switch event.kind {
        case .reaction: self.targets = tags.targets()
        case .externalReaction: self.targets = tags.externalTargets()
        default: return nil
        }
        let content = event.contentBytes
        let text = content[...].trimmingSpace()
        self.value = Value(text, tags: tags.emoji)
        self.targetKind = self.targets.last?.target.external == nil ? tags.kind : nil
        switch self.targets.last?.target {
        case .event(_, let address): self.targetAuthor = tags.author ?? tags.event?.reference.author ?? address?.pubkey
        case .address(let address, _): self.targetAuthor = tags.author ?? address.pubkey
        case .external, nil: self.targetAuthor = nil
        }
        var flags = tags.flags
        if !self.targets.isEmpty {
            if text.count < content.count { flags.insert(.trimmed) }
            if case .custom(_, nil) = self.value { flags.insert(.emojiUnresolved) }
            if self.targetAuthor == event.pubkey { flags.insert(.selfReaction) }
        }
        self.flags = flags
    }

    /// What is wrong with the claims about the target, once that is known.
    package func flags(joining kind: Kind, by pubkey: PublicKey) -> Flags {
        var flags: Flags = []
        if let claimed = self.targetKind, claimed != kind { flags.insert(.kMismatch) }
        if let claimed = self.targetAuthor, claimed != pubkey { flags.insert(.authorMismatch) }
        return flags
    }
}

/// What the tags of a reaction say, from one pass over them.
private struct ReactionTags {
    private(set) var event: (reference: EventReference, tag: Int)?
    private var address: (value: EventAddress, tag: Int)?
    private(set) var author: PublicKey?
    private(set) var kind: Kind?
    private(set) var emoji: [Tag] = []
    private(set) var flags: Flags = []
    private var kinds: [WireText] = []
    private var identifiers: [(value: WireText, tag: Int)] = []
    private var pages: [(value: WireText, tag: Int)] = []

    init(_ tags: Tags) {
        for (number, tag) in tags.enumerated() {
            guard let value = tag.value, let name = tag[0] else { continue }
            switch name.letter {
            case UInt8(ascii: "e"): Self.keep(EventReference(tag).map { ($0, number) }, in: &self.event, &self.flags)
            case UInt8(ascii: "a"): Self.keep(EventAddress(value).map { ($0, number) }, in: &self.address, &self.flags)
            case UInt8(ascii: "p"): Self.keep(value.hex32.map(PublicKey.init), in: &self.author, &self.flags)
            case UInt8(ascii: "k"):
                self.kinds.append(value)
                if let kind = Kind(value) { self.kind = kind }
            case UInt8(ascii: "i"): self.identifiers.append((value, number))
            case UInt8(ascii: "r"): self.pages.append((value, number))
            default: if name.equals("emoji") { self.emoji.append(tag) }
            }
        }
    }

    /// The last valid one counts: clients copy the tags of the target in front of their own.
    private static func keep<Value>(_ value: Value?, in slot: inout Value?, _ flags: inout Flags) {
        if let value { slot = value } else { flags.insert(.badTag) }
    }

    /// Of kind 7: the event, else the coordinate, else what a client of kind 17 meant.
    mutating func targets() -> [Reaction.Reference] {
        if let event = self.event {
            return [.init(target: .event(event.reference.id, address: self.address?.value), tag: event.tag)]
        }
        if let address = self.address {
            self.flags.insert(.noEvent)
            return [.init(target: .address(address.value, version: nil), tag: address.tag)]
        }
        let external = self.readings(of: self.identifiers).last
        if external != nil { self.flags.insert(.wrongKind) }
        return external.map { [$0.reference] } ?? []
    }

    /// Of kind 17: each `i`, else each `r`, which NIP-25 asked for until August 2025.
    mutating func externalTargets() -> [Reaction.Reference] {
        // Events, keys and coordinates are nothing that kind 17 is about.
        self.flags = []
        let found = self.readings(of: self.identifiers)
        for (reading, _) in found {
            if let flag = reading.kFlag(among: self.kinds) { self.flags.insert(flag) }
        }
        if !found.isEmpty { return found.map(\.reference) }
        let pages = self.readings(of: self.pages).filter { $0.reading.type == .web }
        if !pages.isEmpty { self.flags.insert(.legacyR) }
        return pages.map(\.reference)
    }

    private mutating func readings(
        of values: [(value: WireText, tag: Int)]
    ) -> [(reading: ExternalReading, reference: Reaction.Reference)] {
        var found: [(ExternalReading, Reaction.Reference)] = []
        for (value, tag) in values.reversed() where found.count < Reaction.targetsMax {
            let reading = ExternalReading(value)
            if let id = reading.id {
                found.append((reading, .init(target: .external(id), tag: tag)))
            } else {
                self.flags.insert(.invalid)
            }
        }
        return found.reversed()
    }
}

// MARK: - Value

extension Reaction.Value {
    /// - Parameter text: the content without the white space around it.
    fileprivate init(_ text: ArraySlice<UInt8>, tags: [Tag]) {
        switch text.count {
        case 0: self = .like
        case 1 where text.first == UInt8(ascii: "+"): self = .like
        case 1 where text.first == UInt8(ascii: "-"): self = .dislike
        default:
            if let name = Self.customName(text) {
                self = .custom(name: name, url: Self.url(of: name, tags))
            } else if let key = Self.emojiKey(text) {
                self = .emoji(key: key)
            } else {
                self = .other
            }
        }
    }

    /// What reactions are grouped by; nil for `other`.
    package var key: WireText? {
        switch self {
        case .like: WireText("+")
        case .dislike: WireText("-")
        case .emoji(let key): key
        case .custom(let name, _): WireText(":" + name.string + ":")
        case .other: nil
        }
    }

    /// The word of the column `value_type`.
    package var typeName: String {
        switch self {
        case .like: "like"
        case .dislike: "dislike"
        case .emoji: "emoji"
        case .custom: "custom"
        case .other: "other"
        }
    }

    /// The name in exactly one `:name:` (NIP-30).
    private static func customName(_ text: ArraySlice<UInt8>) -> WireText? {
        let colon = UInt8(ascii: ":")
        guard (3...Reaction.keyBytesMax).contains(text.count), text.first == colon, text.last == colon else {
            return nil
        }
        let name = text.dropFirst().dropLast()
        let isNameByte: (UInt8) -> Bool = { $0.isLetterOrDigit || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
        return name.allSatisfy(isNameByte) ? WireText(bytes: Array(name)) : nil
    }

    private static func url(of name: WireText, _ tags: [Tag]) -> WireText? {
        for tag in tags where tag.value == name {
            guard let url = tag.nonEmpty(2) else { continue }
            let bytes = url.bytes
            if bytes.count <= Reaction.urlBytesMax, WebURL.isCandidate(bytes[...]) { return url }
        }
        return nil
    }

    /// The key of exactly one grapheme cluster that begins with an emoji; an ASCII digit or sign is one only if the
    /// cluster asks to draw it as one.
    private static func emojiKey(_ text: ArraySlice<UInt8>) -> WireText? {
        // Selectors count for nothing, but a value is not all selectors.
        guard text.count <= 4 * Reaction.keyBytesMax else { return nil }
        let string = String(decoding: text, as: UTF8.self)
        guard let first = string.unicodeScalars.first, first.properties.isEmoji,
            string.index(after: string.startIndex) == string.endIndex,
            !first.isASCII || string.unicodeScalars.contains(where: { $0 == "\u{FE0F}" || $0 == "\u{20E3}" })
        else { return nil }
        var key = String.UnicodeScalarView()
        for scalar in string.unicodeScalars where scalar != "\u{FE0E}" && scalar != "\u{FE0F}" { key.append(scalar) }
        let bytes = Array(String(key).utf8)
        return bytes.count <= Reaction.keyBytesMax ? WireText(bytes: bytes) : nil
    }
}

extension ArraySlice<UInt8> {
    /// Without the ASCII white space at both ends, by bytes: CR LF is one `Character`.
    func trimmingSpace() -> ArraySlice<UInt8> {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard let start = self.firstIndex(where: { !isSpace($0) }), let end = self.lastIndex(where: { !isSpace($0) })
        else { return self.prefix(0) }
        return self[start...end]
    }
}
