/// What an event of any kind says about itself in tags that belong to no kind.
package struct Marks: Sendable {
    /// Whether it asks to be hidden until somebody wants to see it (NIP-36); also where only a label says so.
    package let isSensitive: Bool
    package let sensitiveReason: WireText?
    /// Whether there is the tag of NIP-36 itself, not just a label in its name space (NIP-32).
    package let hasContentWarning: Bool
    /// What it says to people whose client does not know its kind (NIP-31): plain text.
    package let alt: WireText?
    /// Where it comes from outside Nostr (NIP-48).
    package let proxy: Proxy?

    package struct Proxy: Hashable, Sendable {
        package let id: WireText
        package let proto: WireText
    }

    package init(_ event: Event) {
        var warning: Tag?
        var isLabelled = false
        var alt: WireText?
        var proxy: Proxy?
        for tag in event.tags {
            guard let name = tag[0] else { continue }
            if name.equals("content-warning") {
                warning = warning ?? tag
            } else if name.equals("l") {
                isLabelled = isLabelled || tag.value != nil && tag[2]?.equals("content-warning") ?? false
            } else if name.equals("alt") {
                alt = alt ?? tag.value
            } else if name.equals("proxy"), proxy == nil, let id = tag.value, let proto = tag.nonEmpty(2) {
                proxy = Proxy(id: id, proto: proto)
            }
        }
        self.hasContentWarning = warning != nil
        self.isSensitive = warning != nil || isLabelled
        self.sensitiveReason = warning?.value
        self.alt = alt
        self.proxy = proxy
    }
}
