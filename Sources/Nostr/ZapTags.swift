/// What the tags of a zap request or of a receipt say, from one pass over them; of each name the first that can be read.
struct ZapTags {
    private(set) var recipient: PublicKey?
    private(set) var event: EventID?
    private(set) var address: EventAddress?
    private(set) var external: ExternalID?
    private(set) var externalTag: Int?
    /// Tags `p`, `e` and `a` with a value, readable or not.
    private(set) var recipientCount = 0
    private(set) var eventCount = 0
    private(set) var hasInvalidAddress = false
    /// Values of `P`: in a receipt the sender, in a request the provider.
    private(set) var signers: [WireText] = []
    private(set) var bolt11: WireText?
    private(set) var description: WireText?
    private(set) var preimage: Bytes32?
    private(set) var anon: Tag?
    private(set) var lnurl: WireText?
    /// An empty `amount` is one that cannot be read, not an absent one.
    private(set) var amount: WireText?
    private(set) var flags: Flags = []

    init(_ tags: Tags) {
        for (number, tag) in tags.enumerated() {
            guard let name = tag[0] else { continue }
            if let value = tag.value {
                self.read(name, value, number)
            } else if name.equals("amount") {
                self.amount = self.amount ?? tag[1]
            }
            if self.anon == nil, name.equals("anon") { self.anon = tag }
        }
    }

    private mutating func read(_ name: WireText, _ value: WireText, _ number: Int) {
        switch name.letter {
        case UInt8(ascii: "p"):
            self.recipientCount += 1
            Self.keep(value.hex32.map(PublicKey.init), in: &self.recipient, &self.flags)
        case UInt8(ascii: "e"):
            self.eventCount += 1
            Self.keep(value.hex32.map(EventID.init), in: &self.event, &self.flags)
        case UInt8(ascii: "a"):
            let address = EventAddress(value)
            if address == nil { self.hasInvalidAddress = true }
            Self.keep(address, in: &self.address, &self.flags)
        case UInt8(ascii: "i"):
            // Reading a URL is work, and only the first one counts.
            guard self.external == nil else { return }
            self.external = ExternalReading(value).id
            if self.external == nil { self.flags.insert(.invalid) } else { self.externalTag = number }
        case UInt8(ascii: "P"): self.signers.append(value)
        case nil:
            if name.equals("bolt11") { self.bolt11 = self.bolt11 ?? value }
            if name.equals("description") { self.description = self.description ?? value }
            if name.equals("preimage") { self.preimage = self.preimage ?? value.hex32 }
            if name.equals("amount") { self.amount = self.amount ?? value }
            if name.equals("lnurl") { self.lnurl = self.lnurl ?? value }
        default: break
        }
    }

    private static func keep<Value>(_ value: Value?, in slot: inout Value?, _ flags: inout Flags) {
        if value == nil { flags.insert(.badTag) } else if slot == nil { slot = value }
    }
}
