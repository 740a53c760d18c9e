import Nostr
import Testing

/// Kind 0 with NIP-24 (nips.md 2.11, rule D9 of the cache).
struct ProfileTests {
    static func profile(_ content: String) -> Profile? { Profile(content: Array(content.utf8)) }

    /// 01-23.
    @Test(arguments: [
        "not json", "", "null", "[]", "\"text\"", "5", "{\"name\":\"a\"", "{} x", "{\"a\":1,}", "\u{FEFF}{}",
    ])
    func `content that is no JSON object is no profile`(content: String) {
        #expect(Self.profile(content) == nil)
    }

    /// 01-24. A picture that is no URL of the web is none.
    @Test func `a wrong type makes one field nil and leaves the others`() throws {
        let profile = try #require(
            Self.profile(#"{"name":5,"about":null,"picture":"http://u","bot":"yes","lud16":{}}"#))
        #expect(profile.name == nil && profile.about == nil && profile.isBot == nil && profile.lud16 == nil)
        #expect(profile.picture == "http://u" && profile.flags.isEmpty)
    }

    /// 01-31.
    @Test func `U+0000 makes one field nil, with a flag`() throws {
        let profile = try #require(Self.profile(#"{"name":"a\u0000b","about":"x"}"#))
        #expect(profile.name == nil && profile.about == "x" && profile.flags == [.nulInField])
    }

    @Test func `every field is read`() throws {
        let profile = try #require(
            Self.profile(
                #"""
                {"name":"n","display_name":"d","about":"a","picture":"https://p","banner":"https://b",
                "website":"HTTP://w","nip05":"n@d.example","lud16":"l@d.example","lud06":"lnurl1x","bot":true,
                "birthday":{"year":1999,"month":12,"day":31},"unknown":[[{}]]}
                """#))
        #expect(profile.name == "n" && profile.displayName == "d" && profile.about == "a")
        #expect(profile.picture == "https://p" && profile.banner == "https://b" && profile.website == "HTTP://w")
        #expect(profile.nip05 == "n@d.example" && profile.lud16 == "l@d.example" && profile.lud06 == "lnurl1x")
        #expect(profile.isBot == true && profile.flags.isEmpty)
        #expect(profile.birthday?.year == 1999 && profile.birthday?.month == 12 && profile.birthday?.day == 31)
    }

    @Test(
        arguments: [
            (#"{"year":2000}"#, true), (#"{"month":13,"day":2}"#, true), (#"{"year":"2000"}"#, false), ("{}", false),
            ("\"1999-12-31\"", false), (#"{"day":0}"#, false), (#"{"month":1.0}"#, false), ("[1,2,3]", false),
        ])
    func `a birthday has the parts that could be one`(birthday: String, isKept: Bool) {
        #expect((Self.profile("{\"birthday\":\(birthday)}")?.birthday != nil) == isKept)
    }

    @Test(
        arguments: [
            (#"{"displayName":"old","username":"u"}"#, "u", "old"),
            (#"{"display_name":"new","displayName":"old"}"#, nil, "new"),
            (#"{"name":" \t","username":"u","display_name":"\u0000","displayName":"old"}"#, "u", "old"),
            (#"{"name":"first","name":"last"}"#, "last", nil), (#"{"name":"first","name":5}"#, nil, nil),
            (#"{"NAME":"x","na\u006de":"y"}"#, "y", nil), ("{\"n\u{E4}me\":\"x\",\"nam\u{212F}\":\"x\"}", nil, nil),
        ] as [(String, String?, String?)])
    func `deprecated members stand in, and the last of two counts`(content: String, name: String?, displayName: String?)
    {
        #expect(Self.profile(content)?.name == name && Self.profile(content)?.displayName == displayName)
    }

    @Test func `long texts are cut between scalars, and long URLs are none`() {
        let long = String(repeating: "é", count: 5_000)
        #expect(Self.profile("{\"name\":\"x\(long)\"}")?.name?.utf8.count == 255)
        #expect(Self.profile("{\"about\":\"\(long)\"}")?.about?.utf8.count == 4_096)
        #expect(Self.profile("{\"picture\":\"https://\(long)\"}")?.picture == nil)
        #expect(Self.profile("{\"lud06\":\"\(long)\"}")?.lud06 == nil)
    }
}

/// NIP-05: identifiers.
struct InternetIdentifierTests {
    @Test(
        arguments: [
            ("bob@example.com", "bob@example.com", "https://example.com/.well-known/nostr.json?name=bob"),
            ("_@Example.com", "example.com", "https://example.com/.well-known/nostr.json?name=_"),
            ("example.com", "example.com", "https://example.com/.well-known/nostr.json?name=_"),
            (
                "A-b_c.9@x.example:8443", "a-b_c.9@x.example:8443",
                "https://x.example:8443/.well-known/nostr.json?name=a-b_c.9"
            ),
            ("a@x.example:443", "a@x.example", "https://x.example/.well-known/nostr.json?name=a"),
            ("a@münchen.de", "a@xn--mnchen-3ya.de", "https://xn--mnchen-3ya.de/.well-known/nostr.json?name=a"),
        ])
    func `an identifier has a place where it is confirmed`(text: String, shown: String, url: String) throws {
        let identifier = try #require(InternetIdentifier(text))
        #expect(identifier.shown == shown && identifier.url == url)
    }

    @Test(arguments: [
        "", "@", "a@", "@example.com", "a@localhost", "a@127.0.0.1", "a@[::1]", "a@example.com/x", "a b@example.com",
        "a@exa mple.com", "a@example.com?x", "a@example.com#x", "a%40b@example.com", "a@b@example.com", "é@example.com",
        "\u{212A}@example.com", "a@example.com:0", "a@.com", "a&name=b@example.com", "a@user:pw@example.com:",
        "\(String(repeating: "a", count: 65))@example.com", "a@\(String(repeating: "a.", count: 200))com",
        "https://example.com",
    ])
    func `anything else is none`(text: String) {
        #expect(InternetIdentifier(text) == nil)
    }

    static let key = String(repeating: "a1", count: 32)

    @Test func `a document names keys and their relays`() throws {
        let identifier = try #require(InternetIdentifier("Bob@example.com"))
        let document = Array(
            #"{"names":{"bob":"\#(Self.key)"},"relays":{"\#(Self.key)":["wss://A.example/","x",5]}}"#.utf8)
        let key = try #require(identifier.key(in: document))
        #expect(key.description == Self.key)
        #expect(identifier.relays(of: key, in: document).map(\.description) == ["wss://a.example"])
        #expect(identifier.relays(of: .sample, in: document).isEmpty)
    }

    @Test(arguments: [
        "", "{", "[]", "{\"names\":null}", "{\"names\":{\"Bob\":\"\(key)\"}}",
        "{\"names\":{\"bob\":\"\(key.uppercased())\"}}",
        "{\"names\":{\"bob\":\"npub1x\"}}", "{\"names\":{\"bob\":5}}", String(repeating: "[", count: 100_000),
    ])
    func `a document that does not name the key confirms nothing`(document: String) throws {
        #expect(try #require(InternetIdentifier("bob@example.com")).key(in: Array(document.utf8)) == nil)
    }
}
