/// A report of a person or of what a person published (NIP-56): kind 1984.
package struct ReportEvent: Sendable {
    package enum Reason: String, CaseIterable, Sendable {
        case nudity, malware, profanity, illegal, spam, impersonation, other

        init?(_ text: WireText) {
            guard let reason = Self.allCases.first(where: { text.bytes.elementsEqual($0.rawValue.utf8) }) else {
                return nil
            }
            self = reason
        }
    }

    /// Who is reported.
    package let pubkey: PublicKey?
    package let event: EventReference?
    /// The SHA-256 of a blob, and where it is.
    package let blob: Bytes32?
    package let server: WireText?
    package let reason: Reason
    package let flags: Flags

    /// Nil where nothing is reported.
    package init?(_ report: Event) {
        var flags: Flags = []
        var pubkey: PublicKey?
        var event: EventReference?
        var blob: Bytes32?
        var server: WireText?
        // A type behind `e` or `x` is more specific than one behind `p`.
        var reasons = (p: WireText?.none, target: WireText?.none)
        for tag in report.tags {
            guard let name = tag[0], let value = tag.value else { continue }
            if name.equals("p") {
                let key = value.hex32.map(PublicKey.init)
                if key == nil { flags.insert(.badTag) } else { reasons.p = reasons.p ?? tag.nonEmpty(2) }
                pubkey = pubkey ?? key
            } else if name.equals("e") {
                let reference = EventReference(tag)
                if reference == nil {
                    flags.insert(.badTag)
                } else {
                    reasons.target = reasons.target ?? tag.nonEmpty(2)
                }
                event = event ?? reference
            } else if name.equals("x") {
                let digest = value.hex32
                if digest == nil { flags.insert(.badTag) } else { reasons.target = reasons.target ?? tag.nonEmpty(2) }
                blob = blob ?? digest
            } else if name.equals("server") {
                server = server ?? value
            }
        }
        guard pubkey != nil || event != nil || blob != nil else { return nil }
        if pubkey == nil { flags.insert(.pMissing) }
        let written = (reasons.target ?? reasons.p).flatMap { Reason($0) }
        if written == nil { flags.insert(.unknownType) }
        self.pubkey = pubkey
        self.event = event
        self.blob = blob
        self.server = server
        self.reason = written ?? .other
        self.flags = flags
    }
}
