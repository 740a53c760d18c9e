import Nostr
import NostrCache
import RelayWorld
import Testing

@testable import Ingest

struct WriterBatchTests {
    static let relay = RelayID(1)

    /// `e` an event, `q` one for quarantine, `s` a sighting, `c` coverage, `h` a heartbeat.
    static func items(_ letters: String) throws -> [CacheItem] {
        let signer = Signer()
        let key = signer.key(named: "author")
        let verifier = EventVerifier(keys: PublicKeyCache(capacity: 4))
        return try letters.enumerated().map { number, letter in
            let event = try verifier.verify(
                signer.sign(
                    Event.Body(
                        pubkey: key.publicKey, createdAt: Timestamp(Int64(number)), kind: .note, tags: [], content: ""),
                    with: key))
            return switch letter {
            case "e": .event(event, relay: Self.relay, seenAt: 1)
            case "q": .quarantine(QuarantinedEvent(event: event, raw: [], reason: .future, relay: nil))
            case "s": .sighting(event.event.id, relay: Self.relay, seenAt: 1)
            case "c":
                .coverage(
                    CoverageAdvance(
                        relay: Self.relay, stream: StreamID(1), span: Timestamp(0)..<Timestamp(1), proof: .exhausted))
            default: .heartbeat
            }
        }
    }

    /// Everything that becomes a row fills a transaction; coverage follows the events ahead of it.
    @Test(arguments: [
        (items: "", batches: []), ("h", ["h"]), ("eee", ["eee"]), ("eeec", ["eee", "c"]), ("ececec", ["ecece", "c"]),
        ("sssse", ["sss", "se"]), ("qseq", ["qse", "q"]), ("cch", ["cch"]),
    ])
    func `three rows fill a transaction of three`(letters: String, batches: [String]) throws {
        let items = try Self.items(letters)
        var limits = IngestConfiguration.Limits()
        limits.batchEventsMax = 3
        let cut = WriterBatch.cut(items, limits)
        #expect(cut.map(\.items.count) == batches.map(\.count))
        #expect(cut.map(\.entries.count) == batches.map { $0.count { "eq".contains($0) } })
        let times = letters.enumerated().filter { "eq".contains($0.element) }.map { Timestamp(Int64($0.offset)) }
        #expect(cut.flatMap(\.entries).map(\.createdAt) == times)
        #expect(
            cut.flatMap(\.entries).map(\.relay)
                == letters.filter { "eq".contains($0) }.map { $0 == "e" ? Self.relay : nil })
    }

    @Test func `bytes fill a transaction as rows do`() throws {
        let items = try Self.items("eeee")
        var limits = IngestConfiguration.Limits()
        limits.batchBytesMax = items[0].weight + 1
        #expect(WriterBatch.cut(items, limits).map(\.items.count) == [2, 2])
    }
}
