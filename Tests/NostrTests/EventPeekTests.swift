import Nostr
import Testing

struct EventPeekTests {
    static let hex = String(repeating: "0f", count: 32)
    static let other = String(repeating: "e1", count: 32)

    static func peek(_ frame: String) -> EventPeek? { EventPeek(frame: Array(frame.utf8)) }

    @Test(arguments: [
        "{\"id\":\"\(hex)\"}", "{\"id\":\"\(hex)\",\"kind\":1}", "{\"kind\":1,\"id\":\"\(hex)\"}",
        // The order of the alphabet, as relays send that keep what they received in a map.
        "{\"content\":\"a, \\\"id\\\":\\\"\(other)\\\" \\\\\",\"created_at\":1,\"id\":\"\(hex)\",\"kind\":1}",
        "{\"tags\":[[\"id\",\"\(other)\"],[]],\"id\":\"\(hex)\"}", "{\"content\":\"é😀\",\"id\":\"\(hex)\"}",
        "{\"meta\":{\"a\":1,\"id\":\"\(other)\"},\"id\":\"\(hex)\"}",
        "{\"x\":[{\"a\":1,\"id\":\"\(other)\"}],\"id\":\"\(hex)\"}",
        "{\"id\":\"\(hex)\",\"meta\":{\"a\":1,\"id\":\"\(other)\"}}", "{\"ids\":\"\(other)\",\"id\":\"\(hex)\"}",
    ])
    func `the id is that of the event and of nothing inside it`(object: String) throws {
        let frame = "[\"EVENT\",\"sub:1\",\(object)]"
        let peek = try #require(Self.peek(frame))
        #expect(peek.id.description == Self.hex)
        #expect(Array(Array(frame.utf8)[peek.subscription]) == Array("sub:1".utf8))
    }

    @Test(arguments: [
        "", "[", "[\"EVENT\"", "[\"EVENT\",\"", "[\"EVENT\",\"s", "[\"EVENT\",\"s\"", "[\"EVENT\",\"s\",",
        "[\"EVENT\",\"s\",{",
        "[\"EVENT\",\"s\",{\"id\":\"", "[\"EVENT\",\"s\",{\"id\":\"\(hex)",
        "[\"EVENT\",\"s\",{\"id\":\"\(hex.dropLast())\"}]",
        "[\"EVENT\",\"s\",{\"id\":\"\(hex)0\"}]", "[\"EVENT\",\"s\",{\"id\":\"\(hex.uppercased())\"}]",
        "[\"EVENT\",\"s\",{}]", "[\"EVENT\",\"s\",null]", "[\"EVENT\",\"s\",[]]", "[\"EVENT\",1,{\"id\":\"\(hex)\"}]",
        "[\"EVENT\",\"a\\u0062\",{\"id\":\"\(hex)\"}]", "[\"EOSE\",\"s\"]", "{\"id\":\"\(hex)\"}",
        "[\"EVENT\",\"s\",\"id\"]",
        "[\"EVENT\",\"s\",{\"kind\":1}]", "[\"EVENT\",\"s\",{\"a\":{\"id\":\"\(hex)\"}}]",
        "[\"EVENT\",\"s\",{\"kind\":1,",
        "[\"EVENT\",\"s\",{\"a\":{\"b\":1,\"id\":\"\(hex)\"}}]", "[\"EVENT\",\"s\",{\"a\":1,\"id\":\"\(hex)",
        "[\"EVENT\",\"s\",{\"a\":\"\",\"id\":1}]", "[\"event\",\"s\",{\"id\":\"\(hex)\"}]",
    ])
    func `a frame without an id where one belongs is not peeked at`(frame: String) {
        #expect(Self.peek(frame) == nil)
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `a peek sees what the parser will see, however the frame is written`(seed: UInt64) throws {
        var random = SplitMix64(seed: 500 + seed)
        var seen = 0
        for _ in 0..<150 {
            let wire = RandomEvent(using: &random).spelled(using: &random)
            let frame = Array("[\"EVENT\",\"sub:1\",".utf8) + wire + Array("]".utf8)
            guard let peek = EventPeek(frame: frame) else { continue }
            guard case .event(let subscription, let event) = try RelayMessage(frame: frame) else { continue }
            seen += 1
            let isSame = peek.id == event.id && Array(subscription.rawValue.utf8) == Array(frame[peek.subscription])
            #expect(isSame, "seed \(seed): \(String(decoding: frame, as: UTF8.self))")
        }
        #expect(seen > 10)
    }

    @Test func `every prefix of a frame can be peeked at`() throws {
        let row = try EventVector.named("surrogate-pair-escaped")
        let frame = Array("[\"EVENT\",\"s\",".utf8) + row.wire + Array("]".utf8)
        let id = try RelayMessage(frame: frame)
        for count in 0...frame.count {
            guard let peek = EventPeek(frame: Array(frame.prefix(count))) else { continue }
            guard case .event(_, let event) = id else { continue }
            #expect(peek.id == event.id)
        }
    }

    @Test(.enabled(if: SharedEvents.isPresent, "There is no shared/data/events: set NOSTR_SHARED"))
    func `real events are peeked at, in the order of the alphabet as well`() throws {
        for line in try SharedEvents.lines("dev.jsonl") {
            let event = try Event(json: line)
            let sorted =
                "[\"EVENT\",\"s\",{\"content\":\"\(String(decoding: event.canonical[event.contentRange], as: UTF8.self))\","
                + "\"created_at\":\(event.createdAt),\"id\":\"\(event.id)\",\"kind\":\(event.kind)}]"
            let isSame =
                EventPeek(frame: Array("[\"EVENT\",\"s\",".utf8) + line + [0x5D])?.id == event.id
                && Self.peek(sorted)?.id == event.id
            #expect(isSame, "\(event.id)")
        }
    }
}
