import Testing

@testable import Nostr

struct RelayURLTests {
    @Test(arguments: [
        ("wss://A.example/", "wss://a.example", "65-1"),
        ("wss://a.example", "wss://a.example", "65-1"),
        ("ws://192.168.0.132:4848", "ws://192.168.0.132:4848", "65-4"),
        ("wss://x.example:443/#a", "wss://x.example", "65-7"),
        ("wss://x.example/path", "wss://x.example/path", "65-8"),
        ("  wss://x.example\r\n", "wss://x.example", "trimmed"),
        ("WSS://X.EXAMPLE", "wss://x.example", "case"),
        ("ws://x.example:80", "ws://x.example", "default port"),
        ("ws://x.example:443", "ws://x.example:443", "the other scheme's port"),
        ("wss://x.example:", "wss://x.example", "empty port"),
        ("wss://x.example:0443", "wss://x.example", "leading zero"),
        ("wss://x.example.", "wss://x.example", "root"),
        ("wss://x.example?a=B", "wss://x.example/?a=B", "query without a path"),
        ("wss://x.example/Path/?a=b#c", "wss://x.example/Path/?a=b", "path keeps case and slash"),
        ("wss://x.example/é", "wss://x.example/%C3%A9", "percent-encoded"),
        ("wss://xn--bcher-kva.example", "wss://xn--bcher-kva.example", "IDN in its ASCII form"),
        ("wss://[2001:DB8:0:0:0:0:0:1]/", "wss://[2001:db8::1]", "IPv6"),
        ("wss://[::ffff:127.0.0.1]:8080", "wss://[::ffff:7f00:1]:8080", "mapped IPv4"),
        ("wss://[1:0:0:2:0:0:0:3]", "wss://[1:0:0:2::3]", "the longer run is compressed"),
        ("wss://[::]", "wss://[::]", "unspecified"),
        ("wss://[1:2:3:4:5:6:0:8]", "wss://[1:2:3:4:5:6:0:8]", "one zero is not compressed"),
    ])
    func `a URL has one canonical form`(text: String, canonical: String, note: String) throws {
        let url = try #require(RelayURL(text))
        #expect(url.description == canonical)
        #expect(RelayURL(url.description) == url)
    }

    @Test(arguments: [
        "https://x.example", "", " ", "wss:x.example", "wss:/x.example", "wss://", "wss:///path", "x.example",
        "wss://user@x.example", "wss://user:secret@x.example", "wss://x.example:0", "wss://x.example:65536",
        "wss://x.example:+80", "wss://x.example:8a", "wss://x.example:000443", "wss://x..example", "wss://.example",
        "wss://x.example/a b", "wss://x.example/\u{0}", "wss://x.example\\@evil.example", "wss://x%2eexample",
        "wss://bücher.example", "wss://\u{212A}.example", "wss://[::1", "wss://[::1]x", "wss://[1::2::3]",
        "wss://[fe80::1%25eth0]", "wss://[1:2:3:4:5:6:7]", "wss://[1:2:3:4:5:6:7:8:9]", "wss://[12345::]",
        "wss://[::-0]", "wss://[::1.2.3]", "wss://[::1.2.3.256]", "wss://[:::]", "wss://[1:]",
        "wss://[1:2:3:4:5:6:7:8::]",
        "wss://" + String(repeating: "a", count: 64) + ".example",
    ])
    func `what is not the URL of a relay is refused, 65-2 and 65-5`(text: String) {
        #expect(RelayURL(text) == nil)
    }

    @Test func `the parts are what the socket needs`() throws {
        let url = try #require(RelayURL(" wss://User.Example:8443/a?b#c "))
        #expect(url.scheme == .wss)
        #expect(url.isSecure)
        #expect(url.host == "user.example")
        #expect(url.port == 8443)
        #expect(url.target == "/a?b")
        #expect(url.authority == "user.example:8443")
        #expect(url.raw == "wss://User.Example:8443/a?b#c")
        let literal = try #require(RelayURL("ws://[::1]"))
        #expect(literal.host == "::1")
        #expect(literal.port == 80)
        #expect(literal.authority == "[::1]")
        #expect(literal.target == "/")
        #expect(!literal.isSecure)
    }

    @Test(arguments: [
        ("wss://x.example/?token=secret", "wss://x.example"), ("wss://x.example/a?token=secret", "wss://x.example/a"),
        ("wss://x.example:1234", "wss://x.example:1234"),
    ])
    func `a label has no query`(text: String, label: String) throws {
        #expect(try #require(RelayURL(text)).label == label)
    }

    @Test func `equal relays are one key, whatever was written`() {
        #expect(Set([RelayURL("wss://A.example/"), RelayURL("wss://a.example:443")]).count == 1)
        #expect(RelayURL("wss://x.example/path") != RelayURL("wss://x.example"))
        #expect(RelayURL("ws://x.example") != RelayURL("wss://x.example"))
    }

    @Test func `at most 1024 bytes are read`() {
        let host = "wss://x.example/"
        #expect(RelayURL(host + String(repeating: "a", count: 1_024 - host.utf8.count)) != nil)
        #expect(RelayURL(host + String(repeating: "a", count: 1_025 - host.utf8.count)) == nil)
        #expect(RelayURL(host + String(repeating: "a", count: 30_000)) == nil)
    }
}
