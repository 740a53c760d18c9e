import Nostr
import Testing

/// NIP-01, 42, 45, 67 and 77; nips.md 2.8.
struct RelayMessageTests {
    static let hex = String(repeating: "0f", count: 32)
    static let id = EventID(
        Bytes32(0x0F0F_0F0F_0F0F_0F0F, 0x0F0F_0F0F_0F0F_0F0F, 0x0F0F_0F0F_0F0F_0F0F, 0x0F0F_0F0F_0F0F_0F0F))
    static let s = SubscriptionID(rawValue: "s")

    static func message(_ text: String) throws(RefusedFrame) -> RelayMessage {
        try RelayMessage(frame: Array(text.utf8))
    }

    @Test(
        arguments: [
            (#"["EOSE","s"]"#, .endOfStoredEvents(s, .unstated)), (#"["EOSE"]"#, .unknown(label: "EOSE")),
            (#"["EOSE",1]"#, .unknown(label: "EOSE")),
            (#"["CLOSED","s","auth-required: x"]"#, .closed(s, ClosedReason("auth-required: x"))),
            (#"["CLOSED","s"]"#, .closed(s, ClosedReason(""))), (#"["CLOSED","s",null]"#, .closed(s, ClosedReason(""))),
            (#"["CLOSED"]"#, .unknown(label: "CLOSED")),
            ("[\"OK\",\"\(hex)\",true,\"\"]", .ok(id, accepted: true, ClosedReason(""))),
            ("[\"OK\",\"\(hex)\",false,\"blocked: x\"]", .ok(id, accepted: false, ClosedReason("blocked: x"))),
            ("[\"OK\",\"\(hex)\",true]", .ok(id, accepted: true, ClosedReason(""))),
            ("[\"OK\",\"\(hex)\",\"true\",\"\"]", .unknown(label: "OK")),
            ("[\"OK\",\"ab\",true,\"\"]", .unknown(label: "OK")),
            ("[\"OK\",\"\(hex)\"]", .unknown(label: "OK")),
            (#"["NOTICE","too many"]"#, .notice("too many")), (#"["NOTICE"]"#, .notice("")),
            (#"["NOTICE",{"a":1}]"#, .notice("")),
            (#"["AUTH","challenge"]"#, .challenge("challenge")), (#"["AUTH"]"#, .unknown(label: "AUTH")),
            (#"["AUTH",1]"#, .unknown(label: "AUTH")),
            (#"["COUNT","s",{"count":5,"approximate":true}]"#, .count(s, 5)),
            (#"["COUNT","s",{"count":-1}]"#, .unknown(label: "COUNT")),
            (#"["COUNT","s",{}]"#, .unknown(label: "COUNT")), (#"["COUNT","s",5]"#, .unknown(label: "COUNT")),
            (#"["NEG-MSG","s","61"]"#, .negentropyMessage(s, "61")), (#"["NEG-MSG","s"]"#, .unknown(label: "NEG-MSG")),
            (#"["NEG-ERR","s","blocked: x",1000000]"#, .negentropyError(s, ClosedReason("blocked: x"))),
            (#"["NEG-ERR","s"]"#, .negentropyError(s, ClosedReason(""))), (#"["NEG-ERR"]"#, .unknown(label: "NEG-ERR")),
            (#"["WHATEVER",1,[2]]"#, .unknown(label: "WHATEVER")), (#"[""]"#, .unknown(label: "")),
            (#"["eose","s"]"#, .unknown(label: "eose")), (#"["EOSE ","s"]"#, .unknown(label: "EOSE ")),
            (#"["\u0045OSE","s"]"#, .endOfStoredEvents(s, .unstated)),
            ("[\"CLOSED\",\"s\",\"é\\n\"]", .closed(s, ClosedReason("é\n"))),
            // White space and trailing elements.
            (" [ \"EOSE\" , \"s\" ] \n", .endOfStoredEvents(s, .unstated)),
            (#"["EOSE","s",["x"],{"a":[1]},null]"#, .endOfStoredEvents(s, .unstated)),
            (#"["CLOSED","s","blocked: x","more",1]"#, .closed(s, ClosedReason("blocked: x"))),
            (#"["NOTICE","a","b"]"#, .notice("a")), (#"["AUTH","c",1]"#, .challenge("c")),
            ("[\"OK\",\"\(hex)\",true,\"\",5]", .ok(id, accepted: true, ClosedReason(""))),
            (#"["NEG-MSG","s","61",0]"#, .negentropyMessage(s, "61")),
        ] as [(String, RelayMessage)])
    func `a message is read by its label`(text: String, message: RelayMessage) throws {
        #expect(try Self.message(text) == message)
    }

    /// `String` calls KELVIN SIGN and K equal.
    @Test func `a label is compared by bytes`() throws {
        let message = try Self.message("[\"O\u{212A}\",\"\(Self.hex)\",true,\"\"]")
        guard case .unknown(let label) = message else {
            Issue.record("\(message)")
            return
        }
        #expect(label.utf8.elementsEqual("O\u{212A}".utf8))
    }

    /// nips.md 3.7, 67-1 to 67-7.
    @Test(
        arguments: [
            (#"["EOSE","s"]"#, .unstated), (#"["EOSE","s",["finish"]]"#, .finish), (#"["EOSE","s",["more"]]"#, .more),
            (#"["EOSE","s",[]]"#, .unstated), (#"["EOSE","s",["auth","x"]]"#, .unstated),
            (#"["EOSE","s","finish"]"#, .unstated),
            (#"["EOSE","s",["finish","more"]]"#, .more), (#"["EOSE","s",["more","finish"]]"#, .more),
            (#"["EOSE","s",["x","finish"]]"#, .finish), (#"["EOSE","s",["Finish"]]"#, .unstated),
            (#"["EOSE","s",[["finish"]]]"#, .unstated), (#"["EOSE","s",[null,1,"finish"]]"#, .finish),
            (#"["EOSE","s",{"finish":true}]"#, .unstated), (#"["EOSE","s",null]"#, .unstated),
        ] as [(String, Completeness)])
    func `an EOSE is complete only where it says so in its list of hints`(text: String, completeness: Completeness)
        throws
    {
        #expect(try Self.message(text) == .endOfStoredEvents(Self.s, completeness))
    }

    @Test(arguments: [
        (#"["EVENT","s",E]"#, "s"), (" [ \"EVENT\" , \"s\" , E ] ", "s"),
        (#"["EVENT","s",E,"more",{"a":[1]},null]"#, "s"),
        (#"["\u0045VENT","s",E]"#, "s"), (#"["EVENT","a\u0062\"c",E]"#, "ab\"c"), (#"["EVENT","",E]"#, ""),
        (#"["EVENT","é",E]"#, "é"), ("[\"EVENT\",\t\"s\",\r\nE\n]", "s"),
    ])
    func `an event is read with its subscription`(text: String, subscription: String) throws {
        let json = EventParserTests.json(tags: #"[["e","x"]]"#, content: #""[\"EVENT\"]""#)
        let body = String(decoding: json, as: UTF8.self)
        let end = try #require(text.lastIndex(of: "E"))
        let message = try Self.message(text[..<end] + body + text[text.index(after: end)...])
        #expect(try message == .event(SubscriptionID(rawValue: subscription), Event(json: json)))
        #expect(message.label == "EVENT")
    }

    /// What a refused frame says: the reason, whether an event was lost, and whose it was.
    @Test(
        arguments: [
            ("", .malformedJSON, false, nil), ("not json", .malformedJSON, false, nil),
            ("{}", .malformedJSON, false, nil),
            ("[]", .malformedJSON, false, nil), ("[1]", .malformedJSON, false, nil),
            ("[null,\"s\"]", .malformedJSON, false, nil),
            (#"["EOSE","s""#, .malformedJSON, false, nil), (#"["EOSE","s"]]"#, .malformedJSON, false, nil),
            (#"["EOSE","s",]"#, .malformedJSON, false, nil), (#"["EVENT"]"#, .malformedJSON, true, nil),
            (#"["EVENT",]"#, .malformedJSON, true, nil), (#"["EVENT","s"]"#, .malformedJSON, true, "s"),
            (#"["EVENT","s",]"#, .malformedJSON, true, "s"), (#"["EVENT",1,{}]"#, .badType, true, nil),
            (#"["EVENT",null,{}]"#, .badType, true, nil), (#"["EVENT",{},{}]"#, .badType, true, nil),
            (#"["EVENT","s",null]"#, .notObject, true, "s"), (#"["EVENT","s",[]]"#, .notObject, true, "s"),
            (#"["EVENT","s","{}"]"#, .notObject, true, "s"), (#"["EVENT","s",{}]"#, .missingField, true, "s"),
            (#"["EVENT","s",{"kind":"x"}]"#, .badType, true, "s"),
            (#"["EVENT","s",{"kind":1,}]"#, .malformedJSON, true, "s"),
            (#"["EVENT","s",{}"#, .missingField, true, "s"), (#"["EVENT","s",{"#, .malformedJSON, true, "s"),
        ] as [(String, EventRejection, Bool, String?)])
    func `a refused frame says why, and whose event it was`(
        text: String, reason: EventRejection, isEvent: Bool, subscription: String?
    ) {
        let error = #expect(throws: RefusedFrame.self) { try Self.message(text) }
        #expect(error?.rejection == reason)
        #expect(error?.isEvent == isEvent)
        #expect(error?.subscription == subscription.map(SubscriptionID.init(rawValue:)))
    }

    @Test(arguments: ["", "]x", "]]", ",]", ",1", " ,1,]", "}"])
    func `what follows an event must end the message`(end: String) {
        let frame = Array("[\"EVENT\",\"s\",".utf8) + EventParserTests.json() + Array(end.utf8)
        let error = #expect(throws: RefusedFrame.self) { try RelayMessage(frame: frame) }
        #expect(error?.rejection == .malformedJSON)
        #expect(error?.subscription == Self.s)
    }

    @Test func `every message has a label of a fixed set`() throws {
        let texts = [
            #"["EOSE","s"]"#, #"["CLOSED","s"]"#, "[\"OK\",\"\(Self.hex)\",true]", #"["NOTICE",""]"#, #"["AUTH",""]"#,
            #"["COUNT","s",{"count":0}]"#, #"["NEG-MSG","s",""]"#, #"["NEG-ERR","s"]"#, #"["<script>"]"#,
        ]
        let labels = ["EOSE", "CLOSED", "OK", "NOTICE", "AUTH", "COUNT", "NEG-MSG", "NEG-ERR", "unknown"]
        #expect(try texts.map { try Self.message($0).label } == labels)
    }
}
