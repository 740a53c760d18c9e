import Nostr
import Testing

/// BOLT-11; nips.md 4.7, 57-10 to 57-12.
struct Bolt11InvoiceTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let row: ReferenceJSON
        var testDescription: String {
            [self.row["id"]?.text, self.row["note"]?.text].compactMap(\.self).joined(separator: " ")
        }
        var invoice: [UInt8] { self.row["invoice"]?.bytes ?? [] }
    }

    static let synthetic = rows("bolt11-amounts.json")
    static let examples = rows("bolt11-examples.json")

    static func rows(_ name: String) -> [Row] {
        (ReferenceJSON(VectorFile.bytes(name))?["rows"]?.elements ?? []).map(Row.init)
    }

    /// The invoice of 21 satoshi that most cases below damage.
    static let plain = synthetic.first { $0.row["id"]?.text == "57-11.07" }?.invoice ?? []

    @Test func `every row is read`() {
        #expect(Self.synthetic.count == 29 && Self.examples.count == 26)
        #expect(Bolt11Invoice(Self.plain)?.msats == 21_000)
    }

    @Test(arguments: synthetic + examples)
    func `an invoice is read as its row states`(row: Row) throws {
        let expected = try #require(row.row["expected"])
        guard expected["status"]?.text != "reject" else {
            #expect(Bolt11Invoice(row.invoice) == nil)
            return
        }
        let invoice = try #require(Bolt11Invoice(row.invoice))
        let found: KeyValuePairs<String, ReferenceJSON> = [
            "status": .text(invoice.msats == nil ? "no_amount" : "ok"), "network": .text(invoice.network.rawValue),
            "amount_msat": Self.integer(invoice.msats),
            "counted": .bool(invoice.network == .mainnet && invoice.msats != nil),
            "timestamp": Self.integer(invoice.createdAt.seconds), "expiry": Self.integer(invoice.expirySeconds),
            "payment_hash": .text(invoice.paymentHash.hex), "description": .text(invoice.description),
            "description_hash": .text(invoice.descriptionHash?.hex),
            "payment_secret": .text(invoice.paymentSecret?.hex),
        ]
        // Rows state what they are about.
        for (name, value) in found { if let stated = expected[name] { #expect(value == stated, "\(name)") } }
        guard case .object(let members) = expected else { return }
        #expect(Set(members.map { String(decoding: $0.name, as: UTF8.self) }).isSubset(of: found.map(\.key)))
    }

    private static func integer(_ value: Int64?) -> ReferenceJSON {
        value.map { .number(Array(String($0).utf8)) } ?? .null
    }

    @Test func `one changed character makes an invoice unreadable`() {
        for index in Self.plain.indices {
            var damaged = Self.plain
            damaged[index] = damaged[index] == UInt8(ascii: "q") ? UInt8(ascii: "p") : UInt8(ascii: "q")
            #expect(Bolt11Invoice(damaged) == nil, "character \(index)")
        }
        for count in 0..<Self.plain.count { #expect(Bolt11Invoice(Array(Self.plain[..<count])) == nil) }
    }

    @Test(arguments: ["", "1", "ln1", "lnbc", "lnbc1", "lightning:", "lnbc1qqqqqq", "lnbc\u{0}1", "nostr:x", "ＬＮＢＣ１"])
    func `other text is no invoice`(text: String) {
        #expect(Bolt11Invoice(Array(text.utf8)) == nil)
    }

    @Test func `white space, a tail and mixed case make an invoice unreadable`() {
        let text = String(decoding: Self.plain, as: UTF8.self)
        let half = text.prefix(100).uppercased() + text.dropFirst(100)
        for damaged in [
            " " + text, text + " ", text + "\n", text + "q", "lightning:lightning:" + text, "lightning://" + text, half,
        ] {
            #expect(Bolt11Invoice(Array(damaged.utf8)) == nil)
        }
        for spelled in ["LIGHTNING:" + text.uppercased(), "Lightning:" + text, text.uppercased()] {
            #expect(Bolt11Invoice(Array(spelled.utf8)) == Bolt11Invoice(Self.plain))
        }
    }

    /// What an attacker can write behind a right checksum.
    @Test(
        arguments: [
            ("lnbc2100000000000000000p", 210_000_000_000_000_000), ("lnbc21000000u", 2_100_000_000_000),
            ("lnbc21000000000000n", 2_100_000_000_000_000), ("lnbc21000000000000000n", 2_100_000_000_000_000_000),
            ("lnbc21000000000000001n", nil), ("lnbc21000001", nil), ("lnbc21000000001m", nil),
            ("lnbc9223372036854775807n", nil), ("lnbc18446744073709551616p", nil),
            ("lnbc99999999999999999999999p", nil),
            ("lnbc184467440737095517", nil), ("lnbc" + String(repeating: "9", count: 5_000), nil),
            ("lnbc" + String(repeating: "0", count: 5_000) + "1", nil), ("lnbcm", nil), ("lnbc1mm", nil),
            ("lnbc1M", nil),
            ("lnbc1 ", nil), ("lnxx1m", nil), ("bc1m", nil), ("lnbcrt1m", 100_000_000), ("lnsb1m", 100_000_000),
            ("lntbs1m", 100_000_000), ("lnbcr1m", nil), ("lnbc1.5m", nil),
        ] as [(String, Int64?)])
    func `an amount is exact or refused`(prefix: String, msats: Int64?) {
        let text = InvoiceText.text(prefix, InvoiceText.digestField(1))
        #expect(Bolt11Invoice(text)?.msats == msats)
    }

    @Test func `fields end where the signature begins`() throws {
        let hash = InvoiceText.digestField(1)
        for tail in [[13], [13, 0], [13, 0, 1], [13, 31, 31, 0], [1, 1, 20] + Array(repeating: 0, count: 51)]
            as [[UInt8]]
        {
            #expect(Bolt11Invoice(InvoiceText.text("lnbc", hash + tail)) == nil)
        }
        #expect(Bolt11Invoice(InvoiceText.text("lnbc", hash + [13, 0, 0])) != nil)
        // The first field of the right length counts; 60 bits of expiry are more than there is time.
        let short: [UInt8] = [1, 1, 19] + Array(repeating: 1, count: 51)
        let late: [UInt8] = [6, 0, 13] + Array(repeating: 31, count: 13)
        let invoice = try #require(
            Bolt11Invoice(
                InvoiceText.text("lnbc", short + hash + InvoiceText.digestField(1, of: 2) + late + [6, 0, 1, 9])))
        #expect(invoice.paymentHash.bytes == Array(repeating: 0, count: 32))
        #expect(invoice.expirySeconds == 9)
    }

    @Test(.timeLimit(.minutes(1)))
    func `text of any size is looked at once`() throws {
        let fields = (0..<130).flatMap { _ in InvoiceText.digestField(13) }
        #expect(Bolt11Invoice(InvoiceText.text("lnbc", fields)) == nil)
        for filler in ["q", "1", "l", "é", "lightning:"] {
            #expect(Bolt11Invoice(Array(("lnbc1" + String(repeating: filler, count: 400_000)).utf8)) == nil)
        }
        let large = InvoiceText.text("lnbc", InvoiceText.digestField(1) + fields.prefix(55 * 120))
        #expect(large.count <= Bolt11Invoice.textBytesMax && Bolt11Invoice(large) != nil)
    }
}

/// Invoices with fields as wanted and a checksum that is right: bech32 written with nothing of the sources (BIP-173).
enum InvoiceText {
    static func text(_ prefix: String, _ fields: [UInt8]) -> [UInt8] {
        let groups = Array(repeating: 0 as UInt8, count: 7) + fields + Array(repeating: 0, count: 104)
        return self.bech32(prefix, groups)
    }

    /// A field of 256 bits, all zeros but for the first group.
    static func digestField(_ type: UInt8, of first: UInt8 = 0) -> [UInt8] {
        [type, 1, 20, first] + Array(repeating: 0, count: 51)
    }

    static func bech32(_ prefix: String, _ groups: [UInt8]) -> [UInt8] {
        let letters = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
        var rest = 1
        let expanded = prefix.utf8.map { Int($0) / 32 } + [0] + prefix.utf8.map { Int($0) % 32 }
        for value in expanded + groups.map(Int.init) + [0, 0, 0, 0, 0, 0] {
            let top = rest >> 25
            rest = ((rest & 0x1FF_FFFF) << 5) ^ value
            for (bit, factor) in [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3].enumerated()
            where top >> bit & 1 == 1 {
                rest ^= factor
            }
        }
        let checksum = (0..<6).map { (rest ^ 1) >> (5 * (5 - $0)) & 31 }
        return Array(prefix.utf8) + [0x31] + (groups.map(Int.init) + checksum).map { letters[$0] }
    }

    /// Bytes as groups of five bits.
    static func groups(_ bytes: [UInt8]) -> [UInt8] {
        let bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        return stride(from: 0, to: bits.count, by: 5).map { start in
            (0..<5).reduce(0 as UInt8) { $0 << 1 | (start + $1 < bits.count ? bits[start + $1] : 0) }
        }
    }
}
