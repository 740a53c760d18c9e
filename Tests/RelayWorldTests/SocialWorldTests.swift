import Nostr
import Testing

@testable import RelayWorld

struct SocialWorldTests {
    private static let world = SocialWorld(seed: 7, options: .with { $0.count = 3_000 })

    @Test func `the same seed gives the same bytes, on every machine`() {
        let signer = Signer()
        let first = SocialWorld(seed: 1, options: .with { $0.count = 500 }).jsonl
        #expect(signer.sha256(first).hex == "a5482218179e8adb996a581ddea827986f74d72422f8c3ada97f0f3f24d224bc")
        #expect(SocialWorld(seed: 1, options: .with { $0.count = 500 }).jsonl == first)
        #expect(SocialWorld(seed: 2, options: .with { $0.count = 500 }).jsonl != first)
    }

    @Test func `every event verifies, survives its own JSON, and is there once`() throws {
        let verifier = EventVerifier(keys: PublicKeyCache())
        for event in Self.world.events {
            let json = event.json
            let parsed = try Event(parsing: json.span)
            let verified = try verifier.verify(parsed)
            #expect(verified.event.id == event.id)
        }
        #expect(Set(Self.world.events.map(\.id)).count == 3_000)
    }

    @Test func `every family is there`() {
        let kinds = Set(Self.world.events.map(\.kind.rawValue))
        #expect(kinds == [0, 1, 5, 7, 17, 1111, 1985, 4550, 9735, 10_002, 20_001, 30_023, 34_550])
        let vanishing = SocialWorld(seed: 1, options: .with { ($0.count, $0.shares) = (20, [.vanish: 1]) })
        #expect(vanishing.events.allSatisfy { $0.kind == .vanishRequest })
        let withNUL = SocialWorld(seed: 1, options: .with { ($0.count, $0.shares, $0.nulShare) = (20, [.note: 1], 1) })
        #expect(withNUL.events.allSatisfy { $0.hasNUL })
    }

    @Test func `times lie within the span, and a dense second is as dense as asked`() {
        let options = SocialWorld.Options.with {
            ($0.count, $0.span, $0.densities) = (1_500, 86_400, [.init(events: 1_200)])
            $0.shares = [.note: 1]
        }
        let events = SocialWorld(seed: 5, options: options).events
        var bySecond: [Timestamp: Int] = [:]
        for event in events { bySecond[event.createdAt, default: 0] += 1 }
        // One in fifty is back-dated.
        #expect((1_140...1_200).contains(bySecond.values.max() ?? 0))
        #expect(events.allSatisfy { $0.createdAt <= options.start + options.span })
        #expect(events.allSatisfy { $0.createdAt >= options.start - 40_000 })
    }

    @Test func `comments name their root and their parent`() throws {
        let events = Self.world.events
        let byID = Dictionary(uniqueKeysWithValues: events.map { ($0.id.description, $0) })
        var (posts, replies, nested, agents) = (0, 0, 0, 0)
        for event in events where event.kind == .comment {
            let tags = event.tags
            if tags.contains(where: { $0.isNamed("l") }) { agents += 1 }
            guard let parent = tags.value(of: "e")?.string, tags.value(of: "k")?.string == "1111" else {
                posts += 1
                continue
            }
            replies += 1
            let above = try #require(byID[parent])
            #expect(above.kind == .comment)
            #expect(above.tags.value(of: "I")?.string == tags.value(of: "I")?.string)
            #expect(above.tags.value(of: "A")?.string == tags.value(of: "A")?.string)
            if above.tags.value(of: "e") != nil { nested += 1 }
        }
        #expect(posts > 300)
        #expect(replies > 400)
        #expect(nested > 100)
        #expect(agents > 300)
    }

    @Test func `versions of one coordinate exist, ties among them`() {
        var versions: [String: [Timestamp]] = [:]
        for event in Self.world.events where event.kind.kindClass == .addressable || event.kind == .profile {
            let coordinate = "\(event.kind):\(event.pubkey):\(Hex.string(event.identifier.bytes))"
            versions[coordinate, default: []].append(event.createdAt)
        }
        #expect(versions.values.count { $0.count > 1 } > 20)
        #expect(versions.values.contains { Set($0).count < $0.count })
    }

    @Test func `a receipt holds a signed request and an invoice that agrees with it`() throws {
        let verifier = EventVerifier(keys: PublicKeyCache())
        let signer = Signer()
        var (hashes, texts, amounts) = (0, 0, 0)
        for event in Self.world.events where event.kind == .zapReceipt {
            let description = try #require(event.tags.value(of: "description")).bytes
            let request = try verifier.verify(try Event(parsing: description.span)).event
            #expect(request.kind.rawValue == 9734)
            #expect(request.tags.value(of: "p")?.string == event.tags.value(of: "p")?.string)
            #expect(request.tags.value(of: "e")?.string == event.tags.value(of: "e")?.string)
            let bolt11 = try #require(event.tags.value(of: "bolt11")).string
            let invoice = try #require(DecodedInvoice(bolt11))
            if let amount = request.tags.value(of: "amount")?.string {
                #expect(Int(amount) == invoice.msats)
                amounts += 1
            }
            if let hash = invoice.fields["h"] {
                #expect(hash == signer.sha256(description).bytes)
                hashes += 1
            } else {
                #expect(invoice.fields["d"].map { String(decoding: $0, as: UTF8.self) } == "A zap for what you wrote")
                texts += 1
            }
            if let preimage = event.tags.value(of: "preimage")?.string {
                let bytes = try #require(Hex.bytes(Array(preimage.utf8)))
                #expect(invoice.fields["p"] == signer.sha256(bytes).bytes)
            }
            #expect(invoice.createdAt <= event.createdAt.seconds)
        }
        #expect(hashes > 50)
        #expect(texts > 10)
        #expect(amounts > 50)
    }

    @Test(arguments: [
        (1, "lnbc10p1"), (69_420, "lnbc694200p1"), (21_000, "lnbc210n1"), (1_000_000, "lnbc10u1"),
        (2_100_000_000, "lnbc21m1"),
    ])
    func `an amount is written with the largest unit that fits`(msats: Int, prefix: String) throws {
        let invoice = LightningInvoice(
            msats: msats, createdAt: Timestamp(1_700_000_000), paymentHash: Signer().sha256([1]), purpose: .text("x"))
        #expect(invoice.text.hasPrefix(prefix))
        let decoded = try #require(DecodedInvoice(invoice.text))
        #expect(decoded.msats == msats)
        #expect(decoded.createdAt == 1_700_000_000)
        var damaged = Array(invoice.text.utf8)
        damaged[40] = damaged[40] == UInt8(ascii: "q") ? UInt8(ascii: "p") : UInt8(ascii: "q")
        #expect(DecodedInvoice(String(decoding: damaged, as: UTF8.self)) == nil)
    }

    /// Of BIP-173, "Test vectors".
    @Test func `the checksum is that of BIP-173`() {
        #expect(Bech32.text("a", groups: []) == "a12uel5l")
        #expect(Bech32.text("abcdef", groups: Array(0..<32)) == "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw")
    }
}

extension SocialWorld.Options {
    static func with(_ change: (inout SocialWorld.Options) -> Void) -> SocialWorld.Options {
        var options = SocialWorld.Options()
        change(&options)
        return options
    }
}

/// Reads an invoice the other way round, with nothing from ``Bech32``.
private struct DecodedInvoice {
    let msats: Int
    let createdAt: Int64
    let fields: [String: [UInt8]]

    init?(_ text: String) {
        let letters = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l")
        let all = Array(text)
        guard let separator = all.lastIndex(of: "1") else { return nil }
        let prefix = String(all[..<separator])
        let groups = all[(separator + 1)...].compactMap { letters.firstIndex(of: $0) }
        guard groups.count == all.count - separator - 1, groups.count >= 7 + 104 + 6 else { return nil }

        var rest = 1
        let expanded = prefix.utf8.map { Int($0) / 32 } + [0] + prefix.utf8.map { Int($0) % 32 }
        for value in expanded + groups {
            let top = rest >> 25
            rest = ((rest & 0x1FFFFFF) << 5) ^ value
            if top & 1 != 0 { rest ^= 0x3b6a57b2 }
            if top & 2 != 0 { rest ^= 0x26508e6d }
            if top & 4 != 0 { rest ^= 0x1ea119fa }
            if top & 8 != 0 { rest ^= 0x3d4233dd }
            if top & 16 != 0 { rest ^= 0x2a1462b3 }
        }
        guard rest == 1 else { return nil }

        guard prefix.hasPrefix("lnbc"), let unit = prefix.last, let number = Int(prefix.dropFirst(4).dropLast()),
            let tenths = ["m": 1_000_000_000, "u": 1_000_000, "n": 1_000, "p": 1][unit]
        else { return nil }
        self.msats = number * tenths / 10
        self.createdAt = groups[..<7].reduce(Int64(0)) { $0 * 32 + Int64($1) }
        var fields: [String: [UInt8]] = [:]
        var index = 7
        while index + 3 <= groups.count - 110 {
            let (type, count) = (groups[index], groups[index + 1] * 32 + groups[index + 2])
            let data = groups[(index + 3)..<(index + 3 + count)]
            let bits = data.flatMap { group in (0..<5).map { group >> (4 - $0) & 1 } }
            fields[String(letters[type])] = stride(from: 0, to: bits.count / 8 * 8, by: 8).map { start in
                bits[start..<(start + 8)].reduce(0) { $0 * 2 + UInt8($1) }
            }
            index += 3 + count
        }
        self.fields = fields
    }
}
