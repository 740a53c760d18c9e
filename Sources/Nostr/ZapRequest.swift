/// A zap request (NIP-57): what the sender signed. It is found in the `description` of a receipt and nowhere else.
struct ZapRequest {
    /// The `amount` tag.
    enum Amount: Hashable {
        case unstated
        /// Nil beyond 2^63: no invoice has it.
        case msats(Int64?)
        case invalid
    }

    enum Anonymity {
        case none
        /// The signer is a key made for this zap.
        case anonymous
        /// As before, and who it is stands in cipher for the recipient.
        case `private`
    }

    /// Longer ones are cut: the whole text is in the receipt anyway.
    static let commentBytesMax = 4_096

    let pubkey: PublicKey
    let recipient: PublicKey
    let tags: ZapTags
    let amount: Amount
    let anonymity: Anonymity
    let comment: WireText?

    /// Reads and verifies the request in a description.
    init(_ description: [UInt8], verifier: borrowing EventVerifier) throws(ZapFault) {
        let claimed: Event
        do throws(EventRejection) {
            claimed = try Event(parsing: description.span)
        } catch {
            throw .descriptionInvalid
        }
        if claimed.hasNUL { throw .descriptionInvalid }
        if claimed.kind != .zapRequest { throw .requestKind }
        let event: Event
        do throws(EventRejection) {
            event = try verifier.verify(claimed).event
        } catch {
            throw error == .badID ? .requestBadID : .requestBadSignature
        }
        let tags = ZapTags(event.tags)
        guard tags.recipientCount == 1, let recipient = tags.recipient else { throw .requestRecipientCount }
        if tags.eventCount > 1 { throw .requestEventCount }
        if tags.hasInvalidAddress { throw .requestAddressInvalid }
        self.pubkey = event.pubkey
        self.recipient = recipient
        self.tags = tags
        self.amount = tags.amount.map { Amount($0.bytes) } ?? .unstated
        self.anonymity = tags.anon.map { $0.value == nil ? .anonymous : .private } ?? .none
        self.comment = event.contentRange.isEmpty ? nil : event.contentBytes.wireText(bytesMax: Self.commentBytesMax)
    }
}

extension ZapRequest.Amount {
    /// Millisatoshi as `0|[1-9][0-9]*`.
    init(_ digits: [UInt8]) {
        if digits.allSatisfy(\.isDigit), let first = digits.first, digits.count == 1 || first != UInt8(ascii: "0") {
            self = .msats(digits.count < 20 ? Int64(String(decoding: digits, as: UTF8.self)) : nil)
        } else {
            self = .invalid
        }
    }
}

extension [UInt8] {
    /// UTF-8 text, cut before the first scalar that `bytesMax` bytes do not hold.
    func wireText(bytesMax: Int) -> WireText {
        guard self.count > bytesMax else { return WireText(bytes: self) }
        var end = bytesMax
        while end > 0, self[end] & 0xC0 == 0x80 { end -= 1 }
        return WireText(bytes: Array(self[..<end]))
    }
}
