import Testing

@testable import Nostr

struct VerifiedSignaturesTests {
    /// The signed vectors that are accepted.
    static let events = EventVector.events.filter { if case .accepted = $0.verdict { true } else { false } }
        .compactMap { try? Event(json: $0.wire) }

    @Test func `a copy with the signature that was verified is verified, from a small memory too`() throws {
        #expect(Self.events.count > 10)
        for capacity in [1, 8, 1_024] {
            let verifier = EventVerifier(
                keys: PublicKeyCache(capacity: 64), verified: VerifiedSignatures(capacity: capacity))
            for event in Self.events + Self.events.reversed() { #expect(try verifier.verify(event).event == event) }
        }
    }

    /// The signature of another event by the same author, and one with a bit that differs.
    @Test func `a copy with any other signature is checked and refused`() throws {
        let memory = VerifiedSignatures(capacity: 64)
        let verifier = EventVerifier(keys: PublicKeyCache(capacity: 64), verified: memory)
        let event = try #require(Self.events.first)
        _ = try verifier.verify(event)
        #expect(memory.contains(event.sig, over: event.id))
        for bit in [0, 77, 511] {
            var bytes = event.sig.bytes
            bytes[bit / 8] ^= 1 << (bit % 8)
            let sig = try #require(Signature(bytes: bytes))
            let text = String(decoding: event.json, as: UTF8.self).replacing("\(event.sig)", with: "\(sig)")
            let forged = try Event(json: Array(text.utf8))
            #expect(throws: EventRejection.badSignature) { try verifier.verify(forged) }
        }
        // What was refused is not remembered, and does not displace what was verified.
        #expect(memory.contains(event.sig, over: event.id))
    }

    @Test func `a body that the id does not stand for is refused however often its id was verified`() throws {
        let verifier = EventVerifier(
            keys: PublicKeyCache(capacity: 64), verified: VerifiedSignatures(capacity: 64))
        let event = try #require(Self.events.first)
        _ = try verifier.verify(event)
        let body = Event.Body(
            pubkey: event.pubkey, createdAt: event.createdAt, kind: event.kind, tags: [], content: "another")
        let forged = try Event(body, id: event.id, sig: event.sig)
        #expect(throws: EventRejection.badID) { try verifier.verify(forged) }
    }
}
