import Nostr
import Testing

/// NIP-57, appendices D to F; nips.md 4.7.
struct ZapReceiptTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let row: ReferenceJSON
        var id: String { self.row["id"]?.text ?? "" }
        var testDescription: String { "\(self.id) \(self.row["note"]?.text ?? "")" }

        func context(_ receipt: ZapReceipt) throws -> ZapContext {
            let facts = self.row["context"]
            var context = ZapContext()
            let trusted = try (facts?["trusted_providers"]?.elements ?? []).map { try Self.key($0) }
            let found = try facts?["lnurl_nostr_pubkey"].map { Set([try Self.key($0)]) }
            context.providerMatch = receipt.isSigned(by: found, trusting: Set(trusted))
            if let author = facts?["target_author"] {
                let tags = (facts?["target_zap_tags"]?.elements ?? []).map { $0.elements.compactMap(\.text) }
                let splits = try ZapSplits(Event.unsigned(tags: tags).tags)
                context.target = (try Self.key(author), Set(splits.splits.map(\.pubkey)))
            }
            context.recipientHasLightningAddress = facts?["recipient_has_lnurl"] == .bool(true)
            return context
        }

        private static func key(_ json: ReferenceJSON) throws -> PublicKey {
            try #require(json.text.flatMap { PublicKey(hex: $0) })
        }
    }

    static let rows = VectorFile.rows("nip57-receipts.json").map(Row.init)

    /// A receipt whose own id and signature hold.
    static func receipt(_ json: ReferenceJSON) throws -> ZapReceipt {
        let verifier = EventVerifier(keys: Pipeline.keys)
        let event = try verifier.verify(Event(json: json.stringified)).event
        let receipt = ZapReceipt(event, verifier: verifier)
        return try #require(receipt)
    }

    @Test func `every case of the design has rows`() {
        #expect(Self.rows.count == 62)
        let numbers = Set(Self.rows.compactMap { Int($0.id.dropFirst(3).prefix { $0.isNumber }) })
        // 57-17 is in `nip57-splits.json`, 57-27 below.
        #expect(numbers == Set(0...26).subtracting([17]))
    }

    @Test(arguments: rows.filter { $0.row["event"] != nil && $0.id != "57-2" })
    func `a receipt is read and checked as its case states`(row: Row) throws {
        let receipt = try Self.receipt(#require(row.row["event"]))
        let expected = try #require(row.row["expected"])
        let standing = try receipt.standing(row.context(receipt))
        let counted: KeyValuePairs<String, ReferenceJSON> = [
            "level": .text("V\(standing.level.rawValue)"), "reason": .text(receipt.fault?.rawValue),
            "counted_msat": Self.integer(standing.countedMsats),
            "counted_msat_verified": Self.integer(standing.verifiedMsats),
        ]
        let read: KeyValuePairs<String, ReferenceJSON> = [
            "amount_msat": Self.integer(receipt.msats), "network": .text(receipt.invoice?.network.rawValue),
            "payment_hash": .text(receipt.invoice?.paymentHash.hex), "sender": .hex(receipt.sender),
            "recipient": .hex(receipt.recipient), "provider": .hex(receipt.provider),
            "event_id": .hex(receipt.event), "address": .address(receipt.address),
            "ext": Self.external(receipt.external), "comment": .text(receipt.comment),
            "hash_match": Self.bool(receipt.hashMatch), "preimage_match": Self.bool(receipt.preimageMatch),
            "provider_match": Self.bool(standing.providerMatch),
            "flags": .flags(receipt.flags.union(standing.flags)),
        ]
        expect(counted, equals: expected, besides: Set(read.map(\.key)))
        if standing.level != .faulty { expect(read, equals: expected, besides: Set(counted.map(\.key))) }
    }

    private static func integer(_ value: Int64?) -> ReferenceJSON {
        value.map { .number(Array(String($0).utf8)) } ?? .null
    }
    private static func bool(_ value: Bool?) -> ReferenceJSON { value.map(ReferenceJSON.bool) ?? .null }
    private static func external(_ id: ExternalID?) -> ReferenceJSON {
        id.flatMap { ReferenceJSON.target(.external($0))["ext"] } ?? .null
    }

    @Test func `57-2, the receipt that NIP-57 prints, has another id than its content`() throws {
        let row = try #require(Self.rows.first { $0.id == "57-2" })
        let event = try Event(json: #require(row.row["event"]).stringified)
        let reason = rejection { () throws(EventRejection) in _ = try EventVerifier(keys: Pipeline.keys).verify(event) }
        #expect(reason?.rawValue == row.row["expected"]?["event_reason"]?.text)
    }

    @Test func `57-1, the receipt that NIP-57 once printed, is consistent`() throws {
        let json = try #require(ReferenceJSON(VectorFile.bytes("nip57-receipt-valid.json")))
        let receipt = try Self.receipt(json)
        #expect(receipt.fault == nil && receipt.msats == 1_000_000 && receipt.amountSource == .invoice)
        #expect(receipt.hashMatch == true && receipt.preimageMatch == true)
        #expect(receipt.standing(ZapContext()).level == .consistent)
    }

    @Test(arguments: rows.filter { $0.row["events"] != nil })
    func `57-13, one payment is counted once in every order`(row: Row) throws {
        let expected = try #require(row.row["expected"])
        let receipts = try #require(row.row["events"]).elements.map { try Self.receipt($0) }
        for order in [receipts, receipts.reversed()] {
            let ranked = try order.map { receipt in
                let standing = try receipt.standing(row.context(receipt))
                return (rank: ZapRank(receipt, standing.level), standing: standing)
            }
            #expect(Set(order.compactMap { $0.invoice?.paymentHash }).count == 1)
            let first = try #require(ranked.min { $0.rank < $1.rank })
            #expect(first.rank.id.description == expected["counted_event_id"]?.text)
            #expect(first.standing.countedMsats == expected["zap_msats"]?.integer)
            #expect(first.standing.verifiedMsats == expected["zap_msats_verified"]?.integer)
        }
    }

    /// nips.md 4.7, 57-27: a request counts in a receipt alone.
    @Test func `57-27, a request that comes from a relay is no receipt`() throws {
        let json = try #require(Self.rows.first?.row["event"])
        let event = try Event(json: json.stringified)
        let description = try #require(event.tags.value(of: "description"))
        let request = try Event(json: description.bytes)
        #expect(request.kind == .zapRequest && EventGate.isNeverStored(request.kind))
        let receipt = ZapReceipt(request, verifier: EventVerifier(keys: Pipeline.keys))
        #expect(receipt == nil)
    }

    @Test func `the reasons have the names of the design, in its order`() {
        let names = """
            bolt11_missing bolt11_invalid description_missing description_invalid request_kind request_bad_id \
            request_bad_sig request_p_count request_e_count request_a_invalid target_mismatch provider_tag_mismatch \
            amount_invalid amount_mismatch invoice_time
            """
        #expect(ZapFault.allCases.map(\.rawValue) == names.split(separator: " ").map(String.init))
    }
}

/// Receipts that nobody in his right mind would sign: the reader does not ask for their signature.
struct ZapReceiptInputTests {
    /// The tags of 57-0, a receipt in which everything matches.
    static let tags = (ZapReceiptTests.rows.first?.row["event"]?["tags"]?.elements ?? []).map {
        $0.elements.compactMap(\.text)
    }

    static func receipt(_ tags: [[String]], createdAt: Int64 = 1_700_000_005) throws -> ZapReceipt {
        let event = try Event.unsigned(kind: 9_735, tags: tags, createdAt: createdAt)
        let receipt = ZapReceipt(event, verifier: EventVerifier(keys: Pipeline.keys))
        return try #require(receipt)
    }

    static func replacing(_ name: String, _ values: [String]?) -> [[String]] {
        self.tags.compactMap { $0.first == name ? values.map { [name] + $0 } : $0 }
    }

    @Test func `the receipt that is damaged below holds`() throws {
        #expect(try Self.receipt(Self.tags).fault == nil)
    }

    @Test(
        arguments: [
            ("description", .exactly("null"), .descriptionInvalid),
            ("description", .exactly("[]"), .descriptionInvalid),
            ("description", .exactly("{}"), .descriptionInvalid), ("description", .exactly("%"), .descriptionInvalid),
            ("description", .exactly("%7B%7D"), .descriptionInvalid),
            ("description", .exactly("%00"), .descriptionInvalid),
            ("description", LongText("[", times: 400_000), .descriptionInvalid),
            ("description", LongText("{\"a\":", times: 60_000), .descriptionInvalid),
            ("description", LongText("%5B", times: 130_000), .descriptionInvalid),
            ("description", LongText("{\"id\":", "[", times: 100_000), .descriptionInvalid),
            ("description", LongText("{\"x\":", "[", times: 100_000, ","), .descriptionInvalid),
            ("bolt11", LongText("1", times: 400_000), .invoiceInvalid),
            ("bolt11", LongText("lnbc1", "q", times: 400_000), .invoiceInvalid),
            ("bolt11", .exactly("\n"), .invoiceInvalid),
        ] as [(String, LongText, ZapFault)])
    func `hostile text is a fault and no more`(name: String, text: LongText, fault: ZapFault) throws {
        #expect(try Self.receipt(Self.replacing(name, [text.text])).fault == fault)
    }

    /// nips.md 2.4: an embedded event that holds U+0000 is none.
    @Test func `U+0000 in the request makes it unreadable`() throws {
        let description = try #require(Self.tags.first { $0.first == "description" }?.last)
        let text = description.replacing("\"Zap!\"", with: "\"Zap\\u0000\"")
        #expect(text != description)
        #expect(try Self.receipt(Self.replacing("description", [text])).fault == .descriptionInvalid)
    }

    @Test func `a faulty receipt is shown with what can be read of it and counts for nothing`() throws {
        let whole = try Self.receipt(Self.tags)
        let unpaid = try Self.receipt(Self.replacing("bolt11", nil))
        #expect(unpaid.fault == .invoiceMissing && unpaid.msats == 21_000 && unpaid.amountSource == .request)
        #expect(unpaid.sender == whole.sender && unpaid.comment == whole.comment && unpaid.hashMatch == nil)
        let unasked = try Self.receipt(Self.replacing("description", ["x"]))
        #expect(unasked.fault == .descriptionInvalid && unasked.msats == 21_000 && unasked.amountSource == .invoice)
        #expect(unasked.sender == nil && unasked.comment == nil && unasked.hashMatch == false)
        #expect(unasked.recipient == whole.recipient && unasked.event == whole.event)
        let neither = try Self.receipt([["bolt11", "x"], ["description", "x"]])
        #expect(neither.fault == .invoiceInvalid && neither.msats == nil && neither.recipient == nil)
        for receipt in [unpaid, unasked, neither] {
            var context = ZapContext()
            context.providerMatch = true
            context.target = whole.recipient.map { ($0, []) }
            let standing = receipt.standing(context)
            #expect(standing.level == .faulty && standing.countedMsats == 0 && standing.verifiedMsats == 0)
        }
    }

    /// D8 of the design: what a receipt says of itself is shown and never counted.
    @Test func `the amount of the receipt's own tag is not counted`() throws {
        let row = try #require(ZapReceiptTests.rows.first { $0.id == "57-11a" })
        let tags = try #require(row.row["event"]?["tags"]).elements.map { $0.elements.compactMap(\.text) }
        let receipt = try Self.receipt(tags + [["amount", "100000000000"]])
        #expect(receipt.msats == 100_000_000_000 && receipt.amountSource == .receipt && receipt.fault == nil)
        #expect(receipt.standing(ZapContext()).countedMsats == 0)
        for amount in ["0", "", "-1", "9223372036854775808", String(repeating: "9", count: 65_536)] {
            let receipt = try Self.receipt(tags + [["amount", amount]])
            #expect(receipt.msats == nil && receipt.amountSource == nil)
        }
    }

    @Test func `a receipt without p takes the recipient of its request`() throws {
        let receipt = try Self.receipt(Self.replacing("p", nil))
        #expect(receipt.fault == nil && receipt.flags == [.pMissing])
        #expect(try receipt.recipient == Self.receipt(Self.tags).recipient)
    }

    @Test(arguments: [899, 900, 901] as [Int64])
    func `an invoice may be dated 900 seconds after its receipt`(seconds: Int64) throws {
        let invoiced = try #require(Self.receipt(Self.tags).invoice?.createdAt.seconds)
        let receipt = try Self.receipt(Self.tags, createdAt: invoiced - seconds)
        #expect(receipt.fault == (seconds > 900 ? .invoiceTime : nil))
    }

    @Test(.timeLimit(.minutes(1)))
    func `ten thousand tags are read once`() throws {
        let many = (0..<9_000).map { [["p", "e", "a", "i", "P", "zap"][$0 % 6], "https://a/\($0)"] }
        let receipt = try Self.receipt(Self.tags + many)
        #expect(receipt.fault == nil)
        #expect(receipt.flags == [.badTag, .senderTagMismatch])
        let front = try Self.receipt(many + Self.tags)
        #expect(front.recipient == receipt.recipient && front.event == receipt.event)
    }
}
