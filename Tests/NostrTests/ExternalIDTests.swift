import Nostr
import Testing

/// NIP-73, and the canonical form of URLs (RFC 3986).
struct ExternalIDTests {
    static let vectors = ReadingVector.all("nip73-external-ids.json")

    @Test func `the file has every row`() {
        #expect(Self.vectors.count == 40)
    }

    @Test(arguments: vectors)
    func `an external id is read as the vectors expect`(vector: ReadingVector) throws {
        let tags = vector.event.tags
        let reading = ExternalReading(try #require(tags.value(of: "i")))
        var flags = reading.flags
        if let flag = reading.kFlag(among: tags.filter { $0.isNamed("k") }.compactMap(\.value)) { flags.insert(flag) }
        let read = ReferenceJSON.members([
            "valid": .bool(reading.id != nil), "type": .text(reading.type.name),
            "canonical": .text(reading.id?.canonical), "flags": .flags(flags),
        ])
        #expect(read == vector.expected)
    }

    @Test(
        arguments: [
            // RFC 3986 section 5.2.4, and dots that are encoded.
            ("http://e.com/a/b/c/./../../g", "http://e.com/a/g"), ("http://e.com/../..", "http://e.com/"),
            ("http://e.com/a/.", "http://e.com/a/"), ("http://e.com/a/..", "http://e.com/"),
            ("http://e.com/%2e%2E/a", "http://e.com/a"), ("http://e.com//a//", "http://e.com//a//"),
            ("http://e.com/a/...", "http://e.com/a/..."), ("http://e.com", "http://e.com/"),
            // Section 6.2.2.1 and 2: case and encoding.
            ("HTTP://E.COM/%41%2f%zz%", "http://e.com/A%2F%25zz%25"),
            ("http://e.com/a b\"<>\\^`{|}", "http://e.com/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D"),
            ("http://e.com/[x]?[y]", "http://e.com/%5Bx%5D?%5By%5D"), ("http://e.com/\r\n", "http://e.com/%0D%0A"),
            ("http://e.com/!$&'()*+,;=:@", "http://e.com/!$&'()*+,;=:@"),
            // Section 6.2.3: ports, and queries that stay.
            ("http://e.com:80/", "http://e.com/"), ("https://e.com:80/", "https://e.com:80/"),
            ("http://e.com:/", "http://e.com/"),
            ("http://e.com?", "http://e.com/?"), ("http://e.com?a/../b?c#d?e", "http://e.com/?a/../b?c"),
            ("http://e.com#/a", "http://e.com/"), ("http://e.com./", "http://e.com/"),
            ("http://User:P%41@e.com/", "http://User:PA@e.com/"),
            ("http://[2001:DB8::0:1]:80/x", "http://[2001:db8::1]/x"),
            ("http://%65.com/", "http://e.com/"), ("http://192.168.0.1/", "http://192.168.0.1/"),
            // RFC 5891 and RFC 3492: names outside ASCII, in either normalisation and in either case.
            ("http://mu\u{308}nchen.de/", "http://xn--mnchen-3ya.de/"),
            ("http://M\u{DC}NCHEN.de/", "http://xn--mnchen-3ya.de/"),
            ("http://m%C3%BCnchen.de/", "http://xn--mnchen-3ya.de/"),
            ("http://例え.テスト/", "http://xn--r8jz45g.xn--zckzah/"),
            ("http://例え。テスト/", "http://xn--r8jz45g.xn--zckzah/"), ("http://straße.de/", "http://xn--strae-oqa.de/"),
            ("http://правда.рф/", "http://xn--80aafi6cg.xn--p1ai/"), ("http://☃.net/", "http://xn--n3h.net/"),
            ("http://ليهمابتكلموشعربي؟.com/", "http://xn--egbpdaj6bu4bxfgehfvwxn.com/"),
            ("http://他们为什么不说中文.com/", "http://xn--ihqwcrb4cv8a8dqg056pqjye.com/"),
            ("http://XN--MNCHEN-3YA.de/", "http://xn--mnchen-3ya.de/"),
        ])
    func `a URL has one canonical form, and that is its own`(written: String, canonical: String) throws {
        let url = try #require(WebURL(Array(written.utf8)))
        #expect(String(decoding: url.bytes, as: UTF8.self) == canonical)
        #expect(WebURL(url.bytes)?.bytes == url.bytes)
    }

    @Test(arguments: [
        "https://", "https:///x", "https://?x", "https://#", "http://:80/", "http://e.com:0/", "http://e.com:65536/",
        "http://e.com:8a/", "http://a..b/", "http://a b/", "http://a%20b/", "http://e%2Fcom/", "http://[::1/",
        "http://[::1%25eth0]/",
        "http://a%00.com/", "http://ｅ.com/", "http://ﬁ.com/", "http://a\u{AD}b\u{E9}.com/", "http://a\u{202E}.com/",
        "http://%ff.com/",
        "http://\(String(repeating: "a", count: 64)).com/", "http://\(String(repeating: "ü", count: 60)).com/",
        "http://\(String(repeating: "a.", count: 127)).com/",
    ])
    func `a URL without a host that could exist is invalid`(written: String) {
        let reading = ExternalReading(WireText(written))
        #expect(reading.id == nil && reading.type == .web && reading.flags == [.invalid])
    }

    @Test(
        arguments: [
            ("isan:0000-0000-401A-0000", "isan:0000-0000-401A-0000"),
            ("isan:0000-0000-401a-0000-0000-0001", "isan:0000-0000-401A-0000"),
            ("isan:0000-0000-401A-0000-7-0000", nil), ("isan:0000-0000-401G-0000-7", nil), ("isan:", nil),
            ("isbn:978-0-7653-8203-X", nil), ("isbn:X804429571", nil), ("isbn:", nil), ("geo:", nil),
            ("geo:ezs42e44yx963", nil),
            ("iso3166:U", nil), ("iso3166:us-", nil), ("iso3166:us-cali", nil), ("iso3166:us_ca", nil),
            ("iso3166:gb-eng", "iso3166:GB-ENG"),
            ("doi:", nil), ("podcast:guid:", nil), ("podcast:guid:podcast:guid:X", "podcast:guid:podcast:guid:X"),
            ("#", nil),
            ("#İSTANBUL", "#i\u{307}stanbul"), ("##", "##"),
        ] as [(String, String?)])
    func `a value of a known type is valid or none`(written: String, canonical: String?) {
        let reading = ExternalReading(WireText(written))
        #expect(reading.id?.canonical == canonical.map { WireText($0) })
        #expect(reading.flags.contains(.invalid) == (canonical == nil) && reading.type != .other)
    }

    @Test(
        arguments: [
            ("bitcoin:tx:", "other"), ("Bitcoin:tx:ab", "other"), (":tx:ab", "other"), ("bitcoin::tx:ab", "other"),
            ("a:b:c:d", "other"),
            ("ISBN:9780765382030", "other"), (" https://e.com", "other"), ("https:e.com", "other"), ("tx:ab", "other"),
            ("", "other"),
            ("a:tx:tx:b", "a:tx"), ("a:tx:address:b", "a:address"), ("a:tx:b:c", "a:tx"),
            ("a-1:x:address:b:c", "a-1:address"),
        ])
    func `a type follows from the value alone`(written: String, type: String) {
        #expect(ExternalReading(WireText(written)).type.name == type)
    }

    @Test(
        arguments: [
            // BIP-173 and BIP-350 in upper case, a wrong checksum, base58 that has no letter in lower case.
            ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", true),
            ("BC1P0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQZK5JJ0", true),
            ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T5", false),
            ("bC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", false),
            ("1AGNA15ZQXZUGFIQDVZC2P1YJ7XYQZYQZ", false), ("0XD8DA", true), ("0x", false), ("D8DA", false),
        ])
    func `an address loses its case only where it has none`(address: String, isLowered: Bool) throws {
        let id = try #require(ExternalReading(WireText("bitcoin:address:" + address)).id)
        #expect(id.canonical == WireText("bitcoin:address:" + (isLowered ? address.lowercased() : address)))
    }

    @Test func `ids are equal when type and canonical form are`() throws {
        let ids = ["https://e.com", "HTTPS://E.com/#x", "#A", "#a"].compactMap { ExternalReading(WireText($0)).id }
        #expect(ids[0] == ids[1] && ids[2] == ids[3] && ids[0] != ids[2] && Set(ids).count == 2)
        #expect(ids[1].raw == WireText("HTTPS://E.com/#x"))
    }

    @Test(
        arguments: [
            (["isbn"], Flag.kMismatch), (["isbn", "web"], nil), (["https://e.com"], .legacyK),
            (["HTTPS://E.COM:443"], .legacyK),
            (["https://e.com/"], .legacyK), (["http://e.com"], .kMismatch), (["https://e.com/a"], .kMismatch),
            (["isbn", "https://e.com"], .legacyK),
            (["Web"], .kMismatch), ([], .kMissing),
        ] as [([String], Flag?)])
    func `any k beside a page may be the one that fits`(values: [String], flag: Flag?) {
        #expect(ExternalReading(WireText("https://e.com/a")).kFlag(among: values.map { WireText($0) }) == flag)
    }
}
