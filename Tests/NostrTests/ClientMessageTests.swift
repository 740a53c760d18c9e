import Nostr
import Testing

struct ClientMessageTests {
    static func text(_ message: ClientMessage) -> String { String(decoding: message.json, as: UTF8.self) }

    static func parsed(_ text: String) -> ClientMessage? {
        let bytes = Array(text.utf8)
        return ClientMessage(parsing: bytes.span)
    }

    @Test func `a request is written with its filter`() throws {
        var filter = Filter(kinds: [Kind(1), Kind(7)])
        filter.tags = [Filter.TagCondition(name: UInt8(ascii: "t"), values: ["a\"b"])]
        filter.since = Timestamp(5)
        filter.limit = 0
        let message = ClientMessage.request(SubscriptionID(rawValue: "s\"1"), filter)
        #expect(Self.text(message) == ##"["REQ","s\"1",{"kinds":[1,7],"#t":["a\"b"],"since":5,"limit":0}]"##)
        #expect(Self.parsed(Self.text(message)) == message)
    }

    @Test func `a close is written with its subscription`() {
        let message = ClientMessage.close(SubscriptionID(rawValue: "s"))
        #expect(Self.text(message) == #"["CLOSE","s"]"#)
        #expect(Self.parsed(Self.text(message)) == message)
    }

    /// nips.md 3.2: the answer to a challenge is an event of kind 22242.
    @Test func `an event and an answer to a challenge carry the event as it is stored`() throws {
        let event = try Event.unsigned(
            kind: 22_242, tags: [["relay", "wss://r.example/"], ["challenge", "a\"b"]], content: "é\n")
        for (message, label) in [(ClientMessage.event(event), "EVENT"), (.authenticate(event), "AUTH")] {
            #expect(message.json == Array("[\"\(label)\",".utf8) + event.json + Array("]".utf8))
            #expect(Self.parsed(Self.text(message)) == message)
        }
    }

    @Test(arguments: [
        "", "{}", "[]", "[1]", #"["REQ"]"#, #"["REQ","s"]"#, #"["REQ",1,{}]"#, #"["REQ","s",{"x":1}]"#,
        #"["REQ","s",[]]"#,
        #"["CLOSE"]"#, #"["CLOSE",1]"#, #"["EVENT",{}]"#, #"["EVENT"]"#, #"["AUTH","challenge"]"#, #"["OTHER","s"]"#,
        #"["req","s",{}]"#, #"["CLOSE","s""#,
    ])
    func `what is none of the four messages is nil`(text: String) {
        #expect(Self.parsed(text) == nil)
    }
}
