/// A zap receipt (NIP-57), kind 9735, read and checked as far as it can be without asking anybody.
///
/// A receipt with a `fault` proves nothing and is level 0. Without one it agrees with itself, which any key can arrange:
/// what it is worth is told by ``standing(_:)``, from what is known elsewhere.
package struct ZapReceipt: Sendable {
    package enum AmountSource: String, Sendable {
        case invoice = "bolt11"
        case request
        case receipt
    }

    /// Seconds that an invoice may be dated after the receipt of its payment: clocks differ.
    package static let invoiceSecondsAheadMax: Int64 = 900

    package let id: EventID
    package let createdAt: Timestamp
    /// Who signed the receipt and so says that it was paid.
    package let provider: PublicKey
    package let recipient: PublicKey?
    /// Who signed the request; nil if that is nobody known, or if the request does not hold.
    package let sender: PublicKey?
    package let event: EventID?
    package let address: EventAddress?
    package let external: ExternalID?
    /// The number of the receipt's tag that names `external`, from 0; nil if only the request names it.
    package let externalTag: Int?
    package let comment: WireText?
    /// The recipient's lightning address as the sender knew it, in bech32 (``LNURL``): a claim.
    package let lnurl: WireText?
    package let invoice: Bolt11Invoice?
    /// Millisatoshi, for display: of the invoice, else of the request, else of the receipt's own tag. Counted is the
    /// invoice's amount alone.
    package let msats: Int64?
    package let amountSource: AmountSource?
    /// Whether the invoice is for this request; nil if the invoice holds no hash. Providers get it wrong.
    package let hashMatch: Bool?
    /// Whether the preimage is the invoice's; nil if there is none to check. Providers leave it out.
    package let preimageMatch: Bool?
    package let fault: ZapFault?
    package let flags: Flags

    /// Nil unless the event is of kind 9735.
    ///
    /// The verifier checks the request, which costs as much as checking the receipt.
    package init?(_ event: Event, verifier: borrowing EventVerifier) {
        guard event.kind == .zapReceipt else { return nil }
        let tags = ZapTags(event.tags)
        let description = tags.description?.bytes
        var invoice: Bolt11Invoice?
        var request: ZapRequest?
        var fault: ZapFault?
        // Each is read whatever is wrong with the other: a faulty receipt is shown with what it says.
        do throws(ZapFault) {
            invoice = try Self.invoice(in: tags)
        } catch {
            fault = error
        }
        do throws(ZapFault) {
            request = try Self.request(in: description, verifier: verifier)
        } catch {
            fault = fault ?? error
        }
        if fault == nil, let invoice, let request {
            fault = Self.fault(of: event, tags, invoice, request)
        }
        self.id = event.id
        self.createdAt = event.createdAt
        self.provider = event.pubkey
        self.recipient = tags.recipient ?? request?.recipient
        self.event = tags.event ?? request?.tags.event
        self.address = tags.address ?? request?.tags.address
        self.external = tags.external ?? request?.tags.external
        self.externalTag = tags.externalTag
        self.comment = request?.comment
        self.lnurl = request?.tags.lnurl
        self.invoice = invoice
        (self.msats, self.amountSource) = Self.amount(invoice, request, tags)
        self.hashMatch = invoice?.descriptionHash.flatMap { hash in
            description.map { verifier.sha256($0.span) == hash }
        }
        self.preimageMatch = invoice.flatMap { invoice in
            tags.preimage.map { verifier.sha256($0.bytes.span) == invoice.paymentHash }
        }
        self.fault = fault
        self.sender = request.flatMap { $0.anonymity == .none ? $0.pubkey : nil }
        var flags = tags.flags
        if description?.first == Self.percent { flags.insert(.percentEncoded) }
        if let request { flags.formUnion(request.tags.flags.union(Self.flags(of: tags, request))) }
        self.flags = flags
    }

    /// Whether the zap is for a key and not for something that it wrote.
    package var isForProfile: Bool { self.event == nil && self.address == nil && self.external == nil }
}

extension ZapReceipt {
    private static func invoice(in tags: ZapTags) throws(ZapFault) -> Bolt11Invoice {
        guard let text = tags.bolt11 else { throw .invoiceMissing }
        // A look at the length first: what is no invoice is not copied.
        guard text.byteCountMax <= 2 * Bolt11Invoice.textBytesMax, let invoice = Bolt11Invoice(text.bytes) else {
            throw .invoiceInvalid
        }
        return invoice
    }

    /// Some providers put the request into the tag as it stood in a URL.
    private static let percent = UInt8(ascii: "%")

    private static func request(
        in description: [UInt8]?, verifier: borrowing EventVerifier
    ) throws(ZapFault) -> ZapRequest {
        guard let description else { throw .descriptionMissing }
        let isEncoded = description.first == Self.percent
        return try ZapRequest(isEncoded ? Percent.decoded(description[...]) : description, verifier: verifier)
    }

    /// What is wrong between a receipt, its invoice and its request, each of which can be read.
    private static func fault(
        of event: Event, _ tags: ZapTags, _ invoice: Bolt11Invoice, _ request: ZapRequest
    ) -> ZapFault? {
        func differ<Value: Equatable>(_ left: Value?, _ right: Value?) -> Bool {
            left != nil && right != nil && left != right
        }
        if differ(tags.recipient, request.recipient) || differ(tags.event, request.tags.event)
            || differ(tags.address, request.tags.address) || differ(tags.external, request.tags.external)
        {
            return .targetMismatch
        }
        if request.tags.signers.contains(where: { $0.hex32 != event.pubkey.value }) { return .providerTagMismatch }
        switch request.amount {
        case .invalid: return .amountInvalid
        case .msats(let msats): if msats == nil || msats != invoice.msats { return .amountMismatch }
        case .unstated: break
        }
        if invoice.createdAt - event.createdAt > Self.invoiceSecondsAheadMax { return .invoiceTime }
        return nil
    }

    private static func amount(
        _ invoice: Bolt11Invoice?, _ request: ZapRequest?, _ tags: ZapTags
    ) -> (Int64?, AmountSource?) {
        if let msats = invoice?.msats { return (msats, .invoice) }
        if case .msats(let msats?) = request?.amount, msats > 0 { return (msats, .request) }
        if case .msats(let msats?) = tags.amount.map({ ZapRequest.Amount($0.bytes) }), msats > 0 {
            return (msats, .receipt)
        }
        return (nil, nil)
    }

    /// What receipt and request say differently without harm.
    private static func flags(of tags: ZapTags, _ request: ZapRequest) -> Flags {
        var flags: Flags = []
        if tags.recipient == nil { flags.insert(.pMissing) }
        if tags.event == nil, request.tags.event != nil { flags.insert(.eventFromRequest) }
        if tags.address == nil, request.tags.address != nil { flags.insert(.addressFromRequest) }
        if tags.external == nil, request.tags.external != nil { flags.insert(.identifierFromRequest) }
        if tags.signers.contains(where: { $0.hex32 != request.pubkey.value }) { flags.insert(.senderTagMismatch) }
        switch request.anonymity {
        case .none: break
        case .anonymous: flags.insert(.anonymous)
        case .private: flags.insert(.private)
        }
        return flags
    }
}

/// Why a receipt proves nothing, in the order in which it is checked (NIP-57, appendices D to F).
///
/// The raw value is what the database stores beside level 0.
package enum ZapFault: String, Error, CaseIterable, Sendable {
    case invoiceMissing = "bolt11_missing"
    case invoiceInvalid = "bolt11_invalid"
    case descriptionMissing = "description_missing"
    case descriptionInvalid = "description_invalid"
    case requestKind = "request_kind"
    case requestBadID = "request_bad_id"
    case requestBadSignature = "request_bad_sig"
    case requestRecipientCount = "request_p_count"
    case requestEventCount = "request_e_count"
    case requestAddressInvalid = "request_a_invalid"
    /// Request and receipt name different recipients, events, addresses or external ids.
    case targetMismatch = "target_mismatch"
    /// The request was made for another provider.
    case providerTagMismatch = "provider_tag_mismatch"
    case amountInvalid = "amount_invalid"
    case amountMismatch = "amount_mismatch"
    /// The invoice is dated after the receipt of its payment.
    case invoiceTime = "invoice_time"
}
