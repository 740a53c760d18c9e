/// The subscription and the id of an EVENT frame, read from the raw bytes before anything is parsed.
///
/// With several relays nine in ten frames are copies of events that are committed already: what they cost is this look.
/// The id is a claim until the event is verified, so it may only be compared with *committed* ids; a frame whose
/// claim is a lie was worthless anyway. It is the id that the parser would read: what stands in a string or inside
/// another member is stepped over, or a genuine event that carries an unknown member with an id in it would be taken
/// for a copy of that other event.
package struct EventPeek: Sendable {
    package let id: EventID
    /// Where the subscription id stands in the frame, without its quotes. Frames that escape it are not peeked at.
    package let subscription: Range<Int>

    /// Nil when the frame is not laid out as relays lay them out; it is then parsed like any other.
    package init?(_ frame: Span<UInt8>) {
        guard frame.matches("[\"EVENT\",\"", at: 0) else { return nil }
        let start = 10
        var end = start
        while end < frame.count, frame[end] != UInt8(ascii: "\"") {
            if frame[end] == UInt8(ascii: "\\") { return nil }
            end += 1
        }
        guard frame.matches("\",{", at: end), let digits = Self.digits(frame, from: end + 3),
            let value = Bytes32(hex: frame, at: digits), frame.matches("\"", at: digits + 64)
        else { return nil }
        self.id = EventID(value)
        self.subscription = start..<end
    }

    /// The id in the raw bytes of an event object, as files hold them; nil as above.
    package static func id(ofObject object: Span<UInt8>) -> EventID? {
        guard object.matches("{", at: 0), let digits = Self.digits(object, from: 1),
            let value = Bytes32(hex: object, at: digits), object.matches("\"", at: digits + 64)
        else { return nil }
        return EventID(value)
    }

    /// Where the digits of the member `id` start; `offset` is where the first member does.
    private static func digits(_ frame: Span<UInt8>, from offset: Int) -> Int? {
        var scanner = JSONScanner(at: offset)
        // Relays either put the id first or sort the members: then the content and the time come before it.
        while !scanner.take("\"id\":\"", frame) {
            guard (try? scanner.string(frame)) != nil, (try? scanner.expect(UInt8(ascii: ":"), frame)) != nil,
                (try? scanner.skipValue(frame, depth: 1)) != nil, scanner.take(UInt8(ascii: ","), frame)
            else { return nil }
        }
        return scanner.offset
    }
}
