import Nostr
import Testing

struct EventVerifierTests {
    private var verifier: EventVerifier { EventVerifier(keys: Pipeline.keys) }

    @Test func `every row of BIP-340 is read`() {
        #expect(SignatureVector.all.map(\.index) == Array(0...18))
    }

    @Test(arguments: SignatureVector.all.filter { $0.message.count == 32 })
    func `a signature is as valid as BIP-340 says`(row: SignatureVector) throws {
        let pubkey = PublicKey(try #require(Bytes32(bytes: row.pubkey)))
        let sig = try #require(Signature(bytes: row.sig))
        let id = EventID(try #require(Bytes32(bytes: row.message)))
        // Rows 5 and 14: the key is no point of the curve.
        let expected: EventRejection? = row.isValid ? nil : [5, 14].contains(row.index) ? .badPublicKey : .badSignature
        let verifier = EventVerifier(keys: PublicKeyCache(capacity: 64))
        // Twice: the second time the key comes from the cache.
        for _ in 0..<2 {
            let found = rejection { () throws(EventRejection) in
                try verifier.checkSignature(sig, by: pubkey, over: id)
            }
            #expect(found == expected)
        }
    }

    /// An id has 32 bytes, so the rows with messages of 0, 1, 17 and 100 bytes do not apply to events.
    @Test(arguments: SignatureVector.all.filter { $0.message.count != 32 })
    func `a message that is not 32 bytes long is no id and its row is skipped`(row: SignatureVector) {
        #expect(row.index >= 15)
        #expect(Bytes32(bytes: row.message) == nil)
    }

    /// FIPS 180-4, and the lengths at which the padding moves into another block.
    @Test(arguments: [
        ("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
        ("a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
        ("a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
        ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func `a digest is SHA-256`(text: String, times: Int, digest: String) {
        let bytes = Array(String(repeating: text, count: times).utf8)
        let verifier = self.verifier
        // The context is used again: what came before must not matter.
        for _ in 0..<2 { #expect(verifier.sha256(bytes.span).hex == digest) }
    }

    /// nips.md 1, steps 6 and 7: the id is looked at first.
    @Test func `a wrong id is named before a wrong signature`() throws {
        let row = try EventVector.named("plain")
        let event = try Event(json: row.wire)
        let forged = try Event(
            Event.Body(
                pubkey: event.pubkey, createdAt: event.createdAt, kind: event.kind, tags: [], content: "other"),
            id: event.id, sig: Signature(r: event.sig.s, s: event.sig.r))
        #expect(self.reason(against: forged) == .badID)
        #expect(self.reason(against: event) == nil)
    }

    @Test(arguments: 0..<512)
    func `a signature with one bit flipped is bad`(bit: Int) throws {
        let event = try Event(json: EventVector.named("plain").wire)
        var bytes = event.sig.bytes
        bytes[bit / 8] ^= 1 << (bit % 8)
        let sig = try #require(Signature(bytes: bytes))
        #expect(throws: EventRejection.badSignature) {
            try self.verifier.checkSignature(sig, by: event.pubkey, over: event.id)
        }
    }

    @Test(arguments: 0..<256)
    func `an id with one bit flipped is bad`(bit: Int) throws {
        let text = try String(decoding: EventVector.named("plain").wire, as: UTF8.self)
        let event = try Event(json: Array(text.utf8))
        var bytes = event.id.value.bytes
        bytes[bit / 8] ^= 1 << (bit % 8)
        let forged = text.replacing(event.id.description, with: Hex.string(bytes))
        #expect(self.reason(against: try Event(json: Array(forged.utf8))) == .badID)
    }

    private func reason(against event: Event) -> EventRejection? {
        rejection { () throws(EventRejection) in _ = try self.verifier.verify(event) }
    }
}

struct PublicKeyCacheTests {
    /// Points of the curve: the keys of the signed vectors and of BIP-340.
    static let points = SignatureVector.all.filter(\.isValid).compactMap { Bytes32(bytes: $0.pubkey) }.map(
        PublicKey.init)

    @Test func `a cache of one set still verifies every author`() throws {
        let verifier = EventVerifier(keys: PublicKeyCache(capacity: 1))
        let rows = SignatureVector.all.filter { $0.isValid && $0.message.count == 32 }
        for row in rows + rows.reversed() {
            try verifier.checkSignature(
                try #require(Signature(bytes: row.sig)), by: PublicKey(try #require(Bytes32(bytes: row.pubkey))),
                over: EventID(try #require(Bytes32(bytes: row.message))))
        }
    }

    @Test(arguments: [0, UInt64.max])
    func `a key that is no point is refused, by an empty cache too`(word: UInt64) throws {
        let verifier = EventVerifier(keys: PublicKeyCache(capacity: 64))
        let row = try #require(SignatureVector.all.first { $0.isValid && $0.message.count == 32 })
        let sig = try #require(Signature(bytes: row.sig))
        let id = EventID(try #require(Bytes32(bytes: row.message)))
        #expect(throws: EventRejection.badPublicKey) {
            try verifier.checkSignature(sig, by: PublicKey(Bytes32(word, word, word, word)), over: id)
        }
    }

    @Test func `a cached key of one author never vouches for another`() throws {
        let verifier = EventVerifier(keys: PublicKeyCache(capacity: 1))
        let row = try #require(SignatureVector.all.first { $0.isValid && $0.message.count == 32 })
        let sig = try #require(Signature(bytes: row.sig))
        let id = EventID(try #require(Bytes32(bytes: row.message)))
        let author = PublicKey(try #require(Bytes32(bytes: row.pubkey)))
        for other in Set(Self.points) where other != author {
            try verifier.checkSignature(sig, by: author, over: id)
            #expect(throws: EventRejection.badSignature) { try verifier.checkSignature(sig, by: other, over: id) }
        }
    }

    /// Half of all x coordinates are on the curve, so about half of these keys get into the cache beside the author's.
    @Test(arguments: 0..<256)
    func `a key that differs in one bit is another author`(bit: Int) throws {
        let verifier = EventVerifier(keys: PublicKeyCache(capacity: 1))
        let row = try #require(SignatureVector.all.first { $0.isValid && $0.message.count == 32 })
        let sig = try #require(Signature(bytes: row.sig))
        let id = EventID(try #require(Bytes32(bytes: row.message)))
        let author = PublicKey(try #require(Bytes32(bytes: row.pubkey)))
        var bytes = row.pubkey
        bytes[bit / 8] ^= 1 << (bit % 8)
        let other = PublicKey(try #require(Bytes32(bytes: bytes)))
        for _ in 0..<2 {
            try verifier.checkSignature(sig, by: author, over: id)
            #expect(throws: EventRejection.self) { try verifier.checkSignature(sig, by: other, over: id) }
        }
    }
}
