import CSecp256k1
import Nostr

/// Signs events with small secret scalars, and verifies them: the only way to a `VerifiedEvent`.
final class TestSigner {
    private let context: OpaquePointer
    private let verifier = EventVerifier(keys: PublicKeyCache(capacity: 64))
    private var pairs: [UInt8: secp256k1_keypair] = [:]

    init() {
        guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
            preconditionFailure("libsecp256k1 needs a few hundred bytes of memory")
        }
        self.context = context
    }

    deinit {
        secp256k1_context_destroy(self.context)
    }

    /// - Parameter author: the secret scalar, 1 … 255.
    func event(
        _ kind: UInt16 = 1, by author: UInt8 = 1, at createdAt: Int64 = 1_700_000_000, tags: [[String]] = [],
        _ content: String = ""
    ) -> VerifiedEvent {
        let body = Event.Body(
            pubkey: self.key(author), createdAt: Timestamp(createdAt), kind: Kind(kind), tags: tags, content: content)
        let id = self.verifier.sha256(body.canonical.span)
        do {
            return try self.verifier.verify(Event(body, id: EventID(id), sig: self.sign(id, by: author)))
        } catch {
            preconditionFailure("A test event is refused: \(error)")
        }
    }

    /// An event as a vector file holds it.
    func verify(_ json: [UInt8]) throws -> VerifiedEvent {
        try self.verifier.verify(Event(parsing: json.span))
    }

    func sha256(_ bytes: [UInt8]) -> Bytes32 { self.verifier.sha256(bytes.span) }

    func key(_ author: UInt8) -> PublicKey {
        var pair = self.pair(author)
        var key = secp256k1_xonly_pubkey()
        var bytes = [UInt8](repeating: 0, count: 32)
        guard secp256k1_keypair_xonly_pub(self.context, &key, nil, &pair) == 1,
            secp256k1_xonly_pubkey_serialize(self.context, &bytes, &key) == 1, let value = Bytes32(bytes: bytes)
        else { preconditionFailure("A key pair has a public key") }
        return PublicKey(value)
    }

    private func sign(_ id: Bytes32, by author: UInt8) -> Signature {
        var pair = self.pair(author)
        var bytes = [UInt8](repeating: 0, count: 64)
        guard secp256k1_schnorrsig_sign32(self.context, &bytes, id.bytes, &pair, nil) == 1,
            let signature = Signature(bytes: bytes)
        else { preconditionFailure("A key pair can sign") }
        return signature
    }

    private func pair(_ author: UInt8) -> secp256k1_keypair {
        if let pair = self.pairs[author] { return pair }
        var pair = secp256k1_keypair()
        let scalar = [UInt8](repeating: 0, count: 31) + [author]
        guard secp256k1_keypair_create(self.context, &pair, scalar) == 1 else {
            preconditionFailure("1 … 255 are valid scalars")
        }
        self.pairs[author] = pair
        return pair
    }
}

/// A generator whose numbers are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
