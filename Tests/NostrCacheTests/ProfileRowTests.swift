import Testing

@testable import NostrCache

struct ProfileRowTests {
    /// Test cases 01-23, 01-24 and 01-31 of the protocol reference, and rule D9.
    @Test(arguments: [
        "not json", "", "null", "[]", "\"text\"", "5", "{\"name\":\"a\"", "{\"name\":\"a\"} x", "{\"a\":1,}",
    ])
    func `content that is no JSON object makes no profile`(content: String) {
        #expect(ProfileRow(content: Array(content.utf8)) == nil)
    }

    static let names: [(String, String?)] = [
        (#"{"name":"fox"}"#, "fox"), (#"{"name":5}"#, nil), (#"{"name":null}"#, nil), ("{}", nil),
        (#"{"name":"a\u0000b"}"#, nil), (#"{"name":"  fox \n"}"#, "fox"), (#"{"name":"f\u0007o\u007f\u0085x"}"#, "fox"),
        (#"{"name":" \t "}"#, nil), (#"{"name":""}"#, nil), (#"{"username":"old"}"#, "old"),
        (#"{"name":"new","username":"old"}"#, "new"), (#"{"name":"","username":"old"}"#, "old"),
        (#"{"name":{},"username":"old"}"#, "old"), (#"{"name":"first","name":"last"}"#, "last"),
        (#"{"name":"\u00a0\u3000fox\u2003"}"#, "fox"), (#"{"NAME":"fox"}"#, nil),
    ]

    @Test(arguments: names)
    func `a name is a string without control characters and without white space around it`(
        content: String, name: String?
    ) {
        #expect(ProfileRow(content: Array(content.utf8))?.name == name)
    }

    @Test func `a wrong type makes one field NULL and leaves the others`() {
        let row = ProfileRow(content: Array(#"{"name":5,"about":null,"picture":"https://x/u"}"#.utf8))
        #expect(row?.name == nil)
        #expect(row?.about == nil)
        #expect(row?.picture == "https://x/u")
    }

    @Test func `U+0000 in one member leaves the others`() {
        let row = ProfileRow(content: Array(#"{"name":"a\u0000b","about":"x"}"#.utf8))
        #expect(row?.name == nil)
        #expect(row?.about == "x")
    }

    @Test func `deprecated members stand in for missing ones`() {
        let row = ProfileRow(content: Array(#"{"displayName":"Fox","nip05":"f@x","lud16":"l@x"}"#.utf8))
        #expect(row?.displayName == "Fox")
        #expect(row?.nip05 == "f@x")
        #expect(row?.lud16 == "l@x")
    }

    @Test(arguments: [
        ("http://x/a.png", true), ("HTTPS://x/a.png", true), ("ftp://x", false), ("data:image/png;base64,", false),
        ("javascript:alert(1)", false), ("https:/x", false), ("u", false),
    ])
    func `a picture is an http URL`(url: String, isKept: Bool) {
        #expect(ProfileRow(content: Array("{\"picture\":\"\(url)\"}".utf8))?.picture == (isKept ? url : nil))
    }

    @Test func `long values are cut between scalars, and a long picture is none`() {
        func row(_ member: String, _ text: String) -> ProfileRow? {
            ProfileRow(content: Array("{\"\(member)\":\"\(text)\"}".utf8))
        }
        #expect(row("name", String(repeating: "a", count: 300))?.name?.utf8.count == 256)
        #expect(row("name", "a" + String(repeating: "é", count: 200))?.name?.utf8.count == 255)
        #expect(row("name", "ab" + String(repeating: "🦊", count: 100))?.name?.utf8.count == 254)
        // A scalar boundary need not be one of a character.
        #expect(row("name", String(repeating: "a", count: 255) + "e\u{301}")?.name?.utf8.count == 256)
        #expect(row("name", String(repeating: "a", count: 255) + " b")?.name?.utf8.count == 255)
        #expect(row("about", String(repeating: "a", count: 5000))?.about?.utf8.count == 4096)
        #expect(row("picture", "https://" + String(repeating: "a", count: 2040))?.picture?.utf8.count == 2048)
        #expect(row("picture", "https://" + String(repeating: "a", count: 2041))?.picture == nil)
    }
}
