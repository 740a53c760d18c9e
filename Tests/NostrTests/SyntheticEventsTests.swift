import Foundation
import Nostr
import Testing

/// Edge cases for which nature gave no example; the verdicts are those of the folder's README.
@Suite(.enabled(if: SharedEvents.isPresent, "There is no shared/data/events: set NOSTR_SHARED"))
struct SyntheticEventsTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: EventRejection?

        init(_ name: String, _ reason: EventRejection? = nil) {
            self.testDescription = name
            self.reason = reason
        }
    }

    static let rows = [
        Row("baseline"),
        Row("control chars U+0001..U+001F, id over \\u00XX escapes (JSON.stringify form)"),
        Row("control chars, id over VERBATIM bytes (literal NIP-01 reading)", .badID),
        Row("NUL U+0000 in content", .nulInText),
        Row("NUL U+0000 in tag value", .nulInText),
        Row("\\b \\f escapes"),
        Row("\\b \\f, id over \\u0008\\u000c", .badID),
        Row("DEL U+007F and C1 U+0085"),
        Row("U+2028 U+2029"),
        Row("U+FFFD U+FEFF U+FFFF noncharacter"),
        Row("bidi override + isolate + zero width"),
        Row("non-NFC (NFD) text must not be normalised"),
        Row("HTML chars < > & (Go encoding/json trap)"),
        Row("id computed with Go HTML escaping", .badID),
        Row("slash escaped as \\/ on the wire"),
        Row("non-ASCII escaped as \\uXXXX on the wire"),
        Row("key escaped on the wire (\"\\u0069d\")"),
        Row("lone high surrogate, id over \\ud83d escape (modern JS)", .badType),
        Row("lone surrogate on wire, id over U+FFFD (old JS TextEncoder)", .badType),
        Row("raw WTF-8 surrogate bytes on wire", .malformedJSON),
        Row("raw invalid UTF-8 byte 0xFF", .malformedJSON),
        Row("uppercase hex id", .badHex),
        Row("uppercase hex sig", .badHex),
        Row("uppercase hex pubkey, id over lowercase", .badHex),
        Row("uppercase hex pubkey, id over UPPERCASE", .badHex),
        Row("sig bit flipped", .badSignature),
        Row("content altered", .badID),
        Row("pubkey not on curve (all ff)", .badPublicKey),
        Row("created_at 0"),
        Row("created_at 2^32", .future),
        Row("created_at 2^53", .createdAtRange),
        Row("created_at 2^63-1", .createdAtRange),
        Row("created_at 2^64-1", .createdAtRange),
        Row("created_at 2^64", .createdAtRange),
        Row("created_at -1", .createdAtRange),
        Row("created_at written 1700000000.0", .badType),
        Row("created_at written 17e8", .badType),
        Row("created_at as string", .badType),
        Row("kind 65535"),
        Row("kind 65536", .kindRange),
        Row("kind -1", .kindRange),
        Row("empty tag array []"),
        Row("tag with empty name"),
        Row("tag [\"\"]"),
        Row("single-element tags"),
        Row("tag element number", .badType),
        Row("tag element null", .badType),
        Row("tag nested array", .badType),
        Row("tags null"),
        Row("duplicate key content (last differs)", .duplicateKey),
        Row("extra unknown field"),
        Row("whitespace and newlines around tokens"),
        Row("trailing garbage", .malformedJSON),
        Row("e tag: uppercase hex / npub / garbage values"),
        Row("2,500 p tags (kind 3)"),
        Row("content 300,000 bytes"),
        Row("JSON nesting depth 10,000 in tags", .malformedJSON),
    ]

    static let wires: [String: [UInt8]] = {
        let lines = (try? SharedEvents.lines("synthetic-edge-cases.jsonl")) ?? []
        let rows = lines.compactMap { ReferenceJSON($0) }.map { row in
            (row["case"]?.text ?? "", [UInt8](Data(base64Encoded: row["raw_b64"]?.text ?? "") ?? Data()))
        }
        return Dictionary(rows) { first, _ in first }
    }()

    @Test func `the table has every row of the file`() {
        #expect(Self.wires.keys.sorted() == Self.rows.map(\.testDescription).sorted())
    }

    @Test(arguments: Self.rows)
    func `an edge case ends in the verdict of the project`(row: Row) throws {
        let wire = try #require(Self.wires[row.testDescription])
        switch Pipeline.verdict(on: wire, now: 1_700_000_600) {
        case .accepted: #expect(row.reason == nil)
        case .rejected(let reason, let isQuarantined):
            #expect(reason == row.reason)
            #expect(isQuarantined == (reason == .nulInText || reason == .future))
        }
    }
}
