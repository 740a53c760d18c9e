import Nostr
import Testing

/// NIP-19, 21 and 27: references in text, and bech32 (BIP-173, BIP-350).
struct NostrReferenceTests {
    static let npub = "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg"
    static let nprofile =
        "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p"
    static let key = "3bf0c63fcb93463407af97a5e5ee64fa883d107ef9e558472c4eb9aaaefa459d"

    /// 19-1: the examples of NIP-19.
    @Test func `the examples are read`() throws {
        let plain = try #require(NostrReference(Array(Self.npub.utf8)))
        guard case .profile(let pubkey, let none) = plain else {
            Issue.record("An npub is a profile")
            return
        }
        #expect(
            pubkey.description == "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e" && none.isEmpty)
        guard case .profile(let key, let relays) = try #require(NostrReference(Array(Self.nprofile.utf8))) else {
            Issue.record("An nprofile is a profile")
            return
        }
        #expect(key.description == Self.key && relays.map(\.string) == ["wss://r.x.com", "wss://djbas.sadkb.com"])
    }

    /// Bech32 text over bytes, as a writer makes it.
    static func text(_ prefix: String, _ bytes: [UInt8], constant: UInt32 = 1) -> String {
        let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l")
        var bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        while !bits.count.isMultiple(of: 5) { bits.append(0) }
        let groups = stride(from: 0, to: bits.count, by: 5).map { start in
            bits[start..<(start + 5)].reduce(0) { $0 << 1 | $1 }
        }
        let expanded = prefix.utf8.map { $0 >> 5 } + [0] + prefix.utf8.map { $0 & 31 }
        let generator: [UInt32] = [0x3B6A_57B2, 0x2650_8E6D, 0x1EA1_19FA, 0x3D42_33DD, 0x2A14_62B3]
        var rest: UInt32 = 1
        for value in expanded + groups + [0, 0, 0, 0, 0, 0] {
            let top = rest >> 25
            rest = (rest & 0x1FF_FFFF) << 5 ^ UInt32(value)
            for bit in 0..<5 where top >> UInt32(bit) & 1 == 1 { rest ^= generator[bit] }
        }
        rest ^= constant
        let checksum = (0..<6).map { UInt8(rest >> UInt32(5 * (5 - $0)) & 31) }
        return prefix + "1" + String((groups + checksum).map { alphabet[Int($0)] })
    }

    static func read(_ text: String) -> NostrReference? { NostrReference(Array(text.utf8)) }

    static func part(_ type: UInt8, _ value: [UInt8]) -> [UInt8] { [type, UInt8(value.count)] + value }

    static let id = [UInt8](repeating: 0xA1, count: 32)
    static let author = [UInt8](repeating: 0xB2, count: 32)

    /// 19-2 to 19-7, and further ways to be none.
    @Test(
        arguments: [
            ("19-2 mixed case", "N" + npub.dropFirst(), false), ("19-2 upper case", npub.uppercased(), true),
            ("19-3 unknown type", text("nevent", part(9, [1, 2]) + part(0, id) + part(200, [])), true),
            ("19-4 truncated value", text("nevent", part(0, id) + [1, 5, 97]), false),
            ("19-4 no length", text("nevent", part(0, id) + [1]), false),
            ("19-5 longest", text("nprofile", part(0, id) + [UInt8](repeating: 0, count: 3_080)), true),
            ("19-5 too long", text("nprofile", part(0, id) + [UInt8](repeating: 0, count: 3_100)), false),
            ("19-6 empty d", text("naddr", part(0, []) + part(2, author) + part(3, [0, 0, 0x27, 0x12])), true),
            ("19-7 nsec", text("nsec", id), false),
            ("bech32m", text("npub", id, constant: 0x2BC8_30A3), false), ("short key", text("npub", [1, 2]), false),
            ("no event id", text("nevent", part(2, author)), false),
            ("short author", text("nevent", part(0, id) + part(2, [1])), false),
            ("short kind", text("nevent", part(0, id) + part(3, [1])), false),
            ("kind over 65535", text("nevent", part(0, id) + part(3, [0, 1, 0, 0])), false),
            ("no author", text("naddr", part(0, []) + part(3, [0, 0, 0x75, 0x47])), false),
            ("no kind", text("naddr", part(0, []) + part(2, author)), false),
            ("kind without coordinate", text("naddr", part(0, []) + part(2, author) + part(3, [0, 0, 0, 1])), false),
            (
                "identifier that is no text",
                text("naddr", part(0, [0xFF]) + part(2, author) + part(3, [0, 0, 0x75, 0x47])), false
            ),
            ("unknown prefix", text("nrelay", part(0, id)), false), ("empty", "", false),
            ("no separator", "npub", false),
            ("no data", "npub1", false), ("note", text("note", id), true),
        ] as [(String, String, Bool)])
    func `a reference is one or none`(name: String, text: String, isOne: Bool) {
        #expect((Self.read(text) != nil) == isOne)
    }

    /// 19-5 counts characters: one more than allowed would be read otherwise.
    @Test func `the limit is what refuses a long one`() {
        let long = Self.text("nprofile", Self.part(0, Self.id) + [UInt8](repeating: 0, count: 3_080))
        #expect(long.utf8.count <= NostrReference.bytesMax && long.utf8.count > NostrReference.bytesMax - 20)
    }

    @Test func `an event and a coordinate carry what was packed`() throws {
        let bytes =
            Self.part(0, Self.id) + Self.part(1, Array("wss://r".utf8)) + Self.part(2, Self.author)
            + Self.part(3, [0, 0, 4, 0x57])
        guard
            case .event(let id, let relays, let author, let kind) = try #require(Self.read(Self.text("nevent", bytes)))
        else {
            Issue.record("An nevent is an event")
            return
        }
        #expect(id.value.bytes == Self.id && author?.value.bytes == Self.author && kind == .comment)
        #expect(relays == [WireText("wss://r")])
        let parts = Self.part(0, Array("a:é".utf8)) + Self.part(2, Self.author) + Self.part(3, [0, 0, 0x75, 0x47])
        guard case .address(let address, _) = try #require(Self.read(Self.text("naddr", parts))) else {
            Issue.record("An naddr is a coordinate")
            return
        }
        #expect(address == EventAddress(WireText("30023:\(String(repeating: "b2", count: 32)):a:é")))
    }

    /// 19-7 and 19-8.
    @Test(
        arguments: [
            ("nostr:\(npub)", 1), ("see nostr:\(npub), NOSTR:\(npub.uppercased())!", 2), ("nostr:\(npub)\u{301}", 1),
            ("\u{E9}nostr:\(npub)\u{1F600}", 1), ("nostr:nostr:\(npub)", 1), ("(nostr:\(npub))nostr:\(nprofile)\n", 2),
            (npub, 0), ("nostr:\(text("nsec", id))", 0), ("nostr:\(npub)x", 0), ("nostr: \(npub)", 0), ("nostr:", 0),
            ("n", 0),
            ("\u{FF4E}ostr:\(npub)", 0), ("web+nostr:\(npub)", 1),
        ])
    func `references are found in text`(text: String, count: Int) {
        #expect(NostrReference.all(in: Array(text.utf8)).count == count)
    }

    /// BIP-173 and BIP-350.
    @Test(
        arguments: [
            ("A12UEL5L", true),
            ("an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs", true),
            ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", true), ("A1LQFN3A", true), ("?1v759aa", true),
            ("\u{20}1nwldj5", false), ("pzry9x0s0muk", false), ("1pzry9x0s0muk", false), ("x1b4n0q5v", false),
            ("li1dgmt3", false),
            ("A1G7SGD8", false), ("10a06t8", false), ("1qzzfhee", false), ("a12UEL5L", false), ("\u{7F}1axkwrx", false),
        ])
    func `bech32 is text of one case with a right checksum`(text: String, isOne: Bool) {
        #expect((Bech32(Array(text.utf8)) != nil) == isOne)
    }
}
