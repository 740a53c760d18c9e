import ArgumentParser
import Nostr

/// Ratio (a): what an event costs from the bytes of its frame to a `VerifiedEvent`, on one thread.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Parse, hash and verify the frames of a corpus in memory.")

    @Argument(help: "corpus.jsonl")
    var corpus: String

    private struct Unexpected: Error {}

    func run() throws {
        let frames = try Frames(of: self.corpus)
        let verifier = EventVerifier(keys: PublicKeyCache())
        func event(_ frame: Span<UInt8>) throws -> Event {
            guard case .event(_, let event) = try RelayMessage(parsing: frame) else { throw Unexpected() }
            return event
        }
        var tags = 0
        let parse = try frames.measure { tags += try event($0).tagCount }
        var mismatches = 0
        let hash = try frames.measure { frame in
            let event = try event(frame)
            if verifier.sha256(event.canonical.span) != event.id.value { mismatches += 1 }
        }
        // The keys of the C loop are parsed before its clock starts, and so are ours: a first look at one event of each
        // author fills the cache.
        var authors: Set<PublicKey> = []
        for range in frames.ranges {
            let event = try event(frames.bytes.span.extracting(range))
            if authors.insert(event.pubkey).inserted { _ = try verifier.verify(event) }
        }
        let verify = try frames.measure { _ = try verifier.verify(try event($0)) }
        guard mismatches == 0 else { throw Unexpected() }
        Report.write([
            "events": .integer(frames.count), "tags": .integer(tags), "parse_us": .number(parse),
            "parse_hash_us": .number(hash), "verify_us": .number(verify),
        ])
    }
}
