/// The labels that an event gives (NIP-32): a kind 1985 to others, every other kind to itself.
package struct Labels: Sendable {
    package struct Label: Hashable, Sendable {
        /// Position among the labels of the event and among its targets, from 0.
        package let labelNumber, targetNumber: Int
        package let namespace: WireText
        package let label: WireText
        package let target: Target
        package let flags: Flags

        /// The tag that the label stands for, if its namespace is `#` and the tag's name.
        package var tag: WireText? {
            let bytes = self.namespace.bytes
            return bytes.first == UInt8(ascii: "#") && bytes.count > 1 ? WireText(bytes: Array(bytes.dropFirst())) : nil
        }
    }

    package enum Target: Hashable, Sendable {
        case event(EventID)
        case pubkey(PublicKey)
        case address(EventAddress)
        case relay(WireText)
        case url(WireText)
        case topic(WireText)
        /// The event itself, in all its versions if it has a coordinate that is not too long.
        case itself(EventAddress?)
    }

    /// Labels times targets. One event must not become a million rows.
    package static let rowsMax = 500
    /// Of a namespace and of a label; longer ones are passed over, for each is written once per target.
    package static let textBytesMax = 1_024
    /// Of an address, a URL or a topic.
    package static let valueBytesMax = 2_048
    /// The namespace of labels without a mark.
    package static let userGenerated = WireText("ugc")

    package let labels: [Label]
    /// Whether an AI agent says that it wrote the event: some `["L", "agent"]` and some `["l", "ai", "agent"]`, byte for
    /// byte. The labels of a kind 1985 are about others.
    package let isAI: Bool
    package let flags: Flags

    package init(_ event: Event) {
        let isAboutOthers = event.kind == .label
        var namespaces: Set<WireText> = []
        var marked: [(label: WireText, mark: WireText?)] = []
        var targets: [Target] = []
        var hasAILabel = false
        var flags: Flags = []
        for tag in event.tags {
            guard let value = tag.value else { continue }
            switch tag[0]?.letter {
            case UInt8(ascii: "L"): namespaces.insert(value)
            case UInt8(ascii: "l"):
                let mark = tag.nonEmpty(2)
                if value.equals("ai"), mark?.equals("agent") == true { hasAILabel = true }
                if value.byteCountMax > Self.textBytesMax || (mark?.byteCountMax ?? 0) > Self.textBytesMax {
                    flags.insert(.badTag)
                } else if marked.count < Self.rowsMax {
                    marked.append((value, mark))
                }
            case let letter? where isAboutOthers && "epart".utf8.contains(letter) && targets.count < Self.rowsMax:
                if let target = Target(letter, value) { targets.append(target) } else { flags.insert(.badTag) }
            default: break
            }
        }
        if !isAboutOthers {
            let address = event.address
            targets = [.itself((address?.identifier.byteCountMax ?? 0) <= Self.valueBytesMax ? address : nil)]
        }
        var labels: [Label] = []
        for (labelNumber, (label, mark)) in marked.enumerated() {
            var marks: Flags = []
            if let mark, !namespaces.isEmpty, !namespaces.contains(mark) { marks.insert(.namespaceUndeclared) }
            if mark == nil, !namespaces.isEmpty { marks.insert(.unmarkedWithNamespace) }
            for (targetNumber, target) in targets.enumerated() where labels.count < Self.rowsMax {
                labels.append(
                    Label(
                        labelNumber: labelNumber, targetNumber: targetNumber, namespace: mark ?? Self.userGenerated,
                        label: label, target: target, flags: marks))
            }
        }
        self.labels = labels
        self.isAI = !isAboutOthers && hasAILabel && namespaces.contains(WireText("agent"))
        self.flags = flags
    }
}

extension Labels.Target {
    /// The target in a tag `e`, `p`, `a`, `r` or `t` of a kind 1985; nil if it cannot be read.
    fileprivate init?(_ letter: UInt8, _ value: WireText) {
        guard value.byteCountMax <= Labels.valueBytesMax else { return nil }
        switch letter {
        case UInt8(ascii: "e"):
            guard let id = value.hex32 else { return nil }
            self = .event(EventID(id))
        case UInt8(ascii: "p"):
            guard let key = value.hex32 else { return nil }
            self = .pubkey(PublicKey(key))
        case UInt8(ascii: "a"):
            guard let address = EventAddress(value) else { return nil }
            self = .address(address)
        case UInt8(ascii: "t"):
            self = .topic(value)
        default:
            self = value.isRelay ? .relay(value) : .url(value)
        }
    }

    /// The word of the column `target_type`.
    package var typeName: String {
        switch self {
        case .event: "event"
        case .pubkey: "pubkey"
        case .address: "address"
        case .relay: "relay"
        case .url: "url"
        case .topic: "topic"
        case .itself: "self"
        }
    }
}

extension WireText {
    /// Bytes of the JSON text, which is as long as the text or longer.
    var byteCountMax: Int { self.withSpan { _, range in range.count } }

    /// Whether the text begins with `ws://` or `wss://`; a scheme has no case (RFC 3986 section 3.1).
    fileprivate var isRelay: Bool {
        let start = self.bytes.prefix(6).map(\.lowercasedASCII)
        return start.starts(with: "ws://".utf8) || start.starts(with: "wss://".utf8)
    }
}
