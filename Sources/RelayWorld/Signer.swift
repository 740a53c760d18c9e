import CSecp256k1
package import Nostr

/// Whoever signs events: a scalar and the key pair that belongs to it (BIP-340).
package struct SecretKey: Sendable {
    package let publicKey: PublicKey
    fileprivate let pair: secp256k1_keypair

    /// Nil unless `bytes` are 32 and a number from 1 up to the order of the curve.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32, let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
            return nil
        }
        defer { secp256k1_context_destroy(context) }
        self.init(bytes, context)
    }

    fileprivate init?(_ bytes: [UInt8], _ context: OpaquePointer) {
        var pair = secp256k1_keypair()
        var point = secp256k1_xonly_pubkey()
        var x = [UInt8](repeating: 0, count: 32)
        guard secp256k1_keypair_create(context, &pair, bytes) == 1,
            secp256k1_keypair_xonly_pub(context, &point, nil, &pair) == 1,
            secp256k1_xonly_pubkey_serialize(context, &x, &point) == 1, let key = Bytes32(bytes: x)
        else { return nil }
        self.pair = pair
        self.publicKey = PublicKey(key)
    }
}

/// Signs events (NIP-01, BIP-340), always the same way: no auxiliary randomness, so a body has one signature.
///
/// Keys made up for tests; nothing here protects against whoever can measure it.
package struct Signer: ~Copyable {
    private let context: OpaquePointer
    private let digests = EventVerifier(keys: PublicKeyCache(capacity: 4))

    package init() {
        guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
            preconditionFailure("libsecp256k1 needs a few hundred bytes of memory")
        }
        self.context = context
    }

    deinit {
        secp256k1_context_destroy(self.context)
    }

    /// The key whose scalar is the SHA-256 of `text`.
    package func key(named text: String) -> SecretKey {
        guard let key = SecretKey(self.sha256(Array(text.utf8)).bytes, self.context) else {
            preconditionFailure("A digest is no scalar once in 2^128 times")
        }
        return key
    }

    /// The event of `body`, whose author must be the owner of `key`.
    package func sign(_ body: Event.Body, with key: SecretKey) -> Event {
        precondition(body.pubkey == key.publicKey, "An event is signed by its author")
        let id = self.sha256(body.canonical)
        let signature = Signature(bytes: self.signature(of: id, with: key))
        guard let signature, let event = try? Event(body, id: EventID(id), sig: signature) else {
            preconditionFailure("A body of strings is an event")
        }
        return event
    }

    package func sha256(_ bytes: [UInt8]) -> Bytes32 { self.digests.sha256(bytes.span) }

    private func signature(of message: Bytes32, with key: SecretKey) -> [UInt8] {
        var pair = key.pair
        var signature = [UInt8](repeating: 0, count: 64)
        let isSigned = secp256k1_schnorrsig_sign32(self.context, &signature, message.bytes, &pair, nil)
        precondition(isSigned == 1, "A valid key signs every message")
        return signature
    }
}
