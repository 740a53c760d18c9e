import Nostr

/// Writes the messages of a relay, the genuine and the other ones.
struct FrameComposer: ~Copyable {
    private let signer = Signer()
    /// Whoever signs the events of the year 2100.
    private let stranger: SecretKey
    private var malformedNext = 0
    private var futureNext: Int64 = 0

    /// The year 2100, for every clock that will run this.
    private static let future = Timestamp(4_102_444_800)

    init() {
        guard let stranger = SecretKey(bytes: Array(repeating: 7, count: 32)) else {
            preconditionFailure("Any number below the order of the curve is a key")
        }
        self.stranger = stranger
    }

    // MARK: Messages

    static func message(_ elements: JSONValue...) -> [UInt8] {
        var json: [UInt8] = []
        JSONValue.array(elements).append(to: &json)
        return json
    }

    static func eventPrefix(_ subscription: SubscriptionID) -> [UInt8] {
        var json = Array("[\"EVENT\",".utf8)
        JSONText.appendString(subscription.rawValue, to: &json)
        json.append(UInt8(ascii: ","))
        return json
    }

    static func event(_ subscription: SubscriptionID, _ json: [UInt8]) -> [UInt8] {
        self.eventPrefix(subscription) + json + [UInt8(ascii: "]")]
    }

    static func notice(_ text: String) -> [UInt8] { self.message(.string("NOTICE"), .string(text)) }

    static func closed(_ subscription: SubscriptionID, _ text: String) -> [UInt8] {
        self.message(.string("CLOSED"), .string(subscription.rawValue), .string(text))
    }

    // MARK: Forgeries

    /// The event with one bit of its signature turned.
    func forgedSignature(_ event: Event) -> [UInt8] {
        var bytes = event.sig.bytes
        bytes[63] ^= 1
        let json = event.json
        guard let start = json.firstRange(of: Array("\"sig\":\"".utf8))?.upperBound else { return json }
        return Array(json[..<start]) + Array(Hex.string(bytes).utf8) + Array(json[(start + 128)...])
    }

    /// Another content under the id, the author and the signature of `event`.
    func forgedBody(_ event: Event) -> [UInt8] {
        let body = Event.Body(
            pubkey: event.pubkey, createdAt: event.createdAt, kind: event.kind, tags: event.tags.strings,
            content: "never written by its author")
        guard let forged = try? Event(body, id: event.id, sig: event.sig) else { return event.json }
        return forged.json
    }

    /// An event like `event`, validly signed by a stranger, of the year 2100.
    mutating func futureDated(_ event: Event) -> [UInt8] {
        self.futureNext += 1
        let body = Event.Body(
            pubkey: self.stranger.publicKey, createdAt: Self.future + self.futureNext, kind: event.kind,
            tags: event.tags.strings, content: "greetings from the future")
        return self.signer.sign(body, with: self.stranger).json
    }

    // MARK: Malformed frames

    /// The next of `shapes`.
    mutating func malformed(
        _ shapes: [MalformedFrame], _ subscription: SubscriptionID, _ json: [UInt8]
    ) -> OutgoingFrame? {
        guard !shapes.isEmpty else { return nil }
        let shape = shapes[self.malformedNext % shapes.count]
        self.malformedNext += 1
        let opcode: FrameWriter.Opcode = shape == .binary ? .binary : .text
        return OutgoingFrame(Self.malformed(shape, subscription, json), opcode: opcode, fault: .malformedFrame)
    }

    private static func malformed(_ shape: MalformedFrame, _ subscription: SubscriptionID, _ json: [UInt8]) -> [UInt8] {
        let prefix = self.eventPrefix(subscription)
        let text = String(decoding: json, as: UTF8.self)
        func changed(_ member: String, to replacement: String) -> [UInt8] {
            guard let range = json.firstRange(of: Array(member.utf8)) else { return prefix + json }
            return prefix + json[..<range.lowerBound] + replacement.utf8 + json[range.upperBound...] + "]".utf8
        }
        switch shape {
        case .truncatedEvent: return prefix + json.prefix(40)
        case .notJSON: return Array("EVENT \(subscription) {".utf8)
        case .notAnArray: return Array("{\"EVENT\":\(text)}".utf8)
        case .emptyArray: return Array("[]".utf8)
        case .unknownLabel: return self.message(.string("HELLO"), .string(subscription.rawValue), .number("1"))
        case .wrongTypes: return changed("\"created_at\":", to: "\"created_at\":\"1\",\"was\":")
        case .duplicateKey: return changed("\"content\":", to: "\"content\":\"evil\",\"content\":")
        case .upperCaseHex: return changed("{\"id\":\"", to: "{\"id\":\"ABCDEF")
        case .numberInTag: return changed("\"tags\":[", to: "\"tags\":[[\"k\",1111],")
        case .binary: return prefix + json + "]".utf8
        }
    }
}
