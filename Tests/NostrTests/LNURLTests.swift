import Nostr
import Testing

/// LUD-01, LUD-06 and LUD-16; NIP-57, appendix A.
struct LNURLTests {
    static func bech32(_ url: String, prefix: String = "lnurl") -> String {
        String(decoding: InvoiceText.bech32(prefix, InvoiceText.groups(Array(url.utf8))), as: UTF8.self)
    }

    @Test(
        arguments: [
            ("alice@example.com", "https://example.com/.well-known/lnurlp/alice"),
            ("Alice@Example.COM", "https://example.com/.well-known/lnurlp/alice"),
            (" alice@example.com\n", "https://example.com/.well-known/lnurlp/alice"),
            ("a.b-c_d+tag@example.com", "https://example.com/.well-known/lnurlp/a.b-c_d+tag"),
            ("alice@example.com:8443", "https://example.com:8443/.well-known/lnurlp/alice"),
            ("alice@example.com:443", "https://example.com/.well-known/lnurlp/alice"),
            ("alice@example.com.", "https://example.com/.well-known/lnurlp/alice"),
            ("alice@127.0.0.1", "https://127.0.0.1/.well-known/lnurlp/alice"),
        ])
    func `a lightning address is a page of its domain`(text: String, url: String) {
        #expect(LNURL(address: WireText(text))?.description == url)
    }

    @Test(arguments: [
        "", "@", "alice", "alice@", "@example.com", "a@b@example.com", "a b@example.com", "alice@example.com/x",
        "alice@example.com?x", "alice@example.com#x", "../x@example.com", "a/b@example.com", "a%2f@example.com",
        "é@example.com", "alice@é.com", "alice@[::1]", "alice@example.com:0", "alice@example.com:x", "alice@a..b",
        "alice@example.com\\x", "\u{212A}@example.com", String(repeating: "a", count: 65) + "@example.com",
        "alice@" + String(repeating: "a", count: 64) + ".com", "alice@" + String(repeating: "a", count: 65_536),
        "https://example.com/.well-known/lnurlp/alice",
    ])
    func `other text is no lightning address`(text: String) {
        #expect(LNURL(address: WireText(text)) == nil)
    }

    /// The example of LUD-01.
    @Test func `an LNURL is a URL in bech32`() throws {
        let text = """
            LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS
            """
        let url = "https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df"
        for spelled in [text, text.lowercased(), "lightning:" + text, "LIGHTNING:" + text.lowercased()] {
            let lnurl = try #require(LNURL(bech32: WireText(spelled)))
            #expect(lnurl.description == url)
            #expect(lnurl.host == "service.com" && lnurl.port == 443)
        }
        #expect(LNURL(bech32: WireText(text.prefix(80) + text.dropFirst(80).lowercased())) == nil)
    }

    @Test func `an address and its LNURL are one key`() {
        let lnurl = LNURL(bech32: WireText(Self.bech32("HTTPS://Example.com:443/.well-known/lnurlp/alice#x")))
        #expect(lnurl != nil && lnurl == LNURL(address: WireText("alice@example.com")))
        #expect(lnurl?.hashValue == LNURL(address: WireText("alice@example.com"))?.hashValue)
        #expect(lnurl != LNURL(address: WireText("bob@example.com")))
    }

    @Test(arguments: [
        "http://example.com/x", "ftp://example.com/x", "https://", "https:///x", "https://u:p@example.com/x",
        "example.com",
        "https://exa mple.com/", "https://example.com/\u{0}",
        "https://example.com/" + String(repeating: "a", count: 1_100), "",
    ])
    func `an LNURL is an https URL of one host`(url: String) {
        #expect(LNURL(bech32: WireText(Self.bech32(url))) == nil)
    }

    @Test(
        arguments: [
            .exactly(""), .exactly("lnurl1"), .exactly("lnurl"), .exactly("lightning:"), LongText("q", times: 400_000),
            LongText("lnurl1", "q", times: 400_000),
        ] as [LongText])
    func `other text is no LNURL`(text: LongText) {
        #expect(LNURL(bech32: WireText(text.text)) == nil)
    }

    @Test func `another prefix is no LNURL`() {
        #expect(LNURL(bech32: WireText(Self.bech32("https://example.com/"))) != nil)
        #expect(LNURL(bech32: WireText(Self.bech32("https://example.com/", prefix: "lnurlp"))) == nil)
    }

    static let key = String(repeating: "1f", count: 32)

    @Test(
        arguments: [
            (#"{"allowsNostr":true,"nostrPubkey":"KEY","callback":"https://a/","tag":"payRequest"}"#, true),
            (#"{"nostrPubkey":"KEY","allowsNostr":true}"#, true),
            (#" {"allowsNostr":true,"x":[{}],"nostrPubkey":"KEY"} "#, true),
            (#"{"allowsNostr":false,"nostrPubkey":"KEY"}"#, false), (#"{"nostrPubkey":"KEY"}"#, false),
            (#"{"allowsNostr":1,"nostrPubkey":"KEY"}"#, false), (#"{"allowsNostr":"true","nostrPubkey":"KEY"}"#, false),
            (#"{"allowsNostr":true}"#, false), (#"{"allowsNostr":true,"nostrPubkey":null}"#, false),
            (#"{"allowsNostr":true,"nostrPubkey":"KEY0"}"#, false),
            (#"{"allowsNostr":true,"nostrPubkey":"npub1x"}"#, false),
            (#"{"allowsNostr":true,"nostrPubkey":["KEY"]}"#, false),
            (#"[{"allowsNostr":true,"nostrPubkey":"KEY"}]"#, false),
            (#"{"status":"ERROR","reason":"no such user"}"#, false),
            (#"{"allowsNostr":true,"nostrPubkey":"KEY"}x"#, false),
            ("", false), ("<html>", false), (String(repeating: "[", count: 65_536), false),
        ])
    func `a provider's key is in an answer that allows zaps`(answer: String, isThere: Bool) {
        let bytes = Array(answer.replacing("KEY", with: Self.key).utf8)
        let key = LNURL.providerKey(in: bytes.span)
        #expect(key?.description == (isThere ? Self.key : nil))
    }
}
