import Foundation
import Nostr
import Testing

/// Events by real clients, as `shared/data/events` holds them; skipped where that folder is not beside the repository.
@Suite(.enabled(if: SharedEvents.isPresent, "There is no shared/data/events: set NOSTR_SHARED"))
struct RealEventsTests {
    /// Tests of one suite run side by side; the numbers are those of the lines of each.
    static let shards = 4

    @Test(arguments: 0..<Self.shards)
    func `every real event is verified, and reads as Foundation reads it`(shard: Int) throws {
        let lines = try SharedEvents.lines("dev.jsonl")
        #expect(lines.count == 12_560)
        let verifier = EventVerifier(keys: Pipeline.keys)
        for index in stride(from: shard, to: lines.count, by: Self.shards) {
            let line = lines[index]
            let event = try verifier.verify(Event(json: line)).event
            let reference = try #require(FoundationEvent(line))
            let isEqual = reference.equals(event)
            #expect(isEqual, "line \(index + 1)")
        }
    }

    @Test(arguments: 0..<Self.shards)
    func `a real event that is written back reads as itself`(shard: Int) throws {
        let lines = try SharedEvents.lines("dev.jsonl")
        for index in stride(from: shard, to: lines.count, by: Self.shards) {
            let event = try Event(json: lines[index])
            let json = event.json
            let again = try Event(json: json)
            let isEqual = again == event && again.hasNUL == event.hasNUL && again.tagCount == event.tagCount
            // The corpus is in canonical form with its members in the order that we write.
            let isSameText = json == lines[index]
            #expect(isEqual && isSameText, "line \(index + 1)")
        }
    }

    @Test func `events in the bytes of their relays have the ids of the corpus`() throws {
        let ids = Set(try SharedEvents.lines("dev.jsonl").map { try Event(json: $0).id })
        let verifier = EventVerifier(keys: Pipeline.keys)
        let lines = try SharedEvents.lines("dev-raw-wire.jsonl")
        #expect(lines.count == 824)
        for (index, line) in lines.enumerated() {
            let event = try verifier.verify(Event(json: line)).event
            let isKnown = ids.contains(event.id)
            #expect(isKnown, "line \(index + 1)")
            let isEqual = try #require(FoundationEvent(line)).equals(event)
            #expect(isEqual, "line \(index + 1)")
        }
    }

    /// What the folder says is wrong with an event, and the reason with which nips.md 1 refuses it.
    ///
    /// Where several things are wrong the order is that of nips.md 1: shape in the order of the members, then the id,
    /// the key, the signature. So a member that is no hexadecimal hides a wrong id, and a wrong id a wrong key.
    static func reason(_ why: String) throws -> EventRejection? {
        let faults = why.split(separator: ";").map { $0.prefix { $0 != ":" && $0 != "=" } }
        for fault in faults where fault != "id-mismatch" {
            switch fault {
            case "id-not-64hex", "pubkey-not-64hex", "sig-not-128hex": return .badHex
            case "tag-elem-not-string", "tag-not-array", "created_at-float", "type": return .badType
            case "kind>65535": return .kindRange
            case "missing": return .missingField
            default: continue
            }
        }
        switch try #require(faults.first) {
        case "tags-null": return nil
        case "id-mismatch": return .badID
        case "sig-invalid": return .badSignature
        default: throw UnknownFault(why: why)
        }
    }

    struct UnknownFault: Error { let why: String }

    @Test func `every invalid event is refused for what is wrong with it`() throws {
        let lines = try SharedEvents.lines("dev-invalid.jsonl")
        #expect(lines.count == 313)
        let verifier = EventVerifier(keys: Pipeline.keys)
        for (index, line) in lines.enumerated() {
            let why = try #require(ReferenceJSON(line)?["why"]?.text)
            let expected = try Self.reason(why)
            // Without the policy, which comes before the id: some of them have kinds that are never stored.
            let found = rejection { () throws(EventRejection) in _ = try verifier.verify(Event(json: line)) }
            #expect(found == expected, "line \(index + 1): \(why)")
        }
    }
}
