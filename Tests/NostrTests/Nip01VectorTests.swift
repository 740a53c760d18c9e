import Nostr
import Testing

/// The pipeline of nips.md 1 over the vectors of NIP-01, a row at a time.
struct Nip01VectorTests {
    @Test func `every row of the vector files is read`() {
        #expect(EventVector.events.count == 27)
        #expect(EventVector.wires.count == 75)
    }

    @Test(arguments: EventVector.events + EventVector.wires)
    func `a row ends in the verdict that it states`(row: EventVector) {
        #expect(Pipeline.verdict(on: row.wire, now: row.now) == row.verdict)
    }

    @Test(arguments: EventVector.events.filter(\.isStringified))
    func `the canonical bytes are those that the id was computed over`(row: EventVector) throws {
        guard row.verdict != .rejected(.createdAtRange, isQuarantined: false),
            row.verdict != .rejected(.kindRange, isQuarantined: false)
        else { return }
        let event = try Event(json: row.wire)
        #expect(event.canonical == row.canonical)
        #expect(EventVerifier(keys: Pipeline.keys).sha256(event.canonical.span) == event.id.value)
    }

    @Test(arguments: EventVector.events.filter { !$0.isStringified })
    func `an id over another form of the text is not tried a second time`(row: EventVector) throws {
        let event = try Event(json: row.wire)
        #expect(event.canonical != row.canonical)
        let verifier = EventVerifier(keys: Pipeline.keys)
        let canonical = try #require(row.canonical)
        #expect(verifier.sha256(canonical.span) == event.id.value)
        #expect(verifier.sha256(event.canonical.span) != event.id.value)
    }

    @Test(arguments: EventVector.wires.filter { if case .accepted = $0.verdict { true } else { false } })
    func `an accepted event is written back as an event that is accepted and equal`(row: EventVector) throws {
        let event = try Event(json: row.wire)
        let json = event.json
        #expect(try Event(json: json) == event)
        #expect(Pipeline.verdict(on: json, now: row.now) == row.verdict)
    }

    /// nips.md 2.12, the rows that state an id.
    @Test(arguments: [
        ("01-1", "seven-escapes", "a3551cd1"), ("01-3", "slash-not-escaped", "10619858"), ("01-4", "nfc", "d9158fed"),
        ("01-4", "nfd", "72a2c5f6"), ("01-5", "c0-no-nul-verbatim", "f28c6f3f"), ("01-6", "del-verbatim", "af044b0f"),
        ("01-6", "del-escaped", "d046b4c9"), ("01-7", "escaped-slash", "10619858"),
        ("01-7", "unicode-escape", "10619858"),
    ])
    func `a numbered case has the id that the rules give`(number: String, name: String, id: String) throws {
        let row = try EventVector.named(name)
        #expect(row.testDescription == "\(number) \(name)")
        #expect(try Event(json: row.wire).id.description.hasPrefix(id))
    }

    /// nips.md 2.12, 01-4: `String` calls the two contents equal.
    @Test func `composed and decomposed text are two events`() throws {
        let composed = try Event(json: EventVector.named("nfc").wire)
        let decomposed = try Event(json: EventVector.named("nfd").wire)
        #expect(composed.content == decomposed.content)
        #expect(composed.contentBytes != decomposed.contentBytes)
        #expect(composed != decomposed)
    }

    /// nips.md 2.12, 01-2: CR LF is one `Character`.
    @Test func `a carriage return before a line feed is escaped for itself`() throws {
        let event = try Event(json: EventVector.named("crlf").wire)
        #expect(event.contentBytes == Array("a\r\nb\r\n".utf8))
        #expect(
            String(decoding: event.canonical, as: UTF8.self).utf8.elementsEqual(
                "[0,\"\(event.pubkey)\",1700000000,1,[],\"a\\r\\nb\\r\\n\"]".utf8))
    }

    /// nips.md 2.12, 01-13.
    @Test func `an empty tag is kept and names nothing`() throws {
        let event = try Event(json: EventVector.named("empty-tags-inner").wire)
        #expect(event.tags.strings == [[], [""]])
        #expect(event.tagCount == 2)
        #expect(event.tags.allSatisfy { $0.value == nil && $0[0]?.letter == nil })
    }
}
