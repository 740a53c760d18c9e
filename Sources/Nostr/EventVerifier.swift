import CLibCrypto
import CSecp256k1

/// An event whose id and signature have been checked.
///
/// The only way to make one is ``EventVerifier/verify(_:)``, so a function that takes a `VerifiedEvent` cannot be handed
/// a forged one.
package struct VerifiedEvent: Hashable, Sendable {
    package let event: Event

    fileprivate init(_ event: Event) {
        self.event = event
    }
}

/// Checks ids (NIP-01) and signatures (BIP-340).
///
/// Not shared between tasks: it holds a digest context that it uses again for every event. What is worth sharing, the
/// parsed public keys, is in ``PublicKeyCache``.
package struct EventVerifier: ~Copyable {
    private let digest: OpaquePointer
    private let algorithm: OpaquePointer
    private let curve: OpaquePointer
    private let keys: PublicKeyCache
    private let verified: VerifiedSignatures?

    /// Fetching the algorithm once and using one context again halves the price of a digest.
    ///
    /// - Parameter verified: where what was verified is remembered; nil for those who see every event once.
    package init(keys: PublicKeyCache, verified: VerifiedSignatures? = nil) {
        guard let digest = EVP_MD_CTX_new(), let algorithm = EVP_MD_fetch(nil, "SHA256", nil),
            let curve = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE))
        else { preconditionFailure("libcrypto and libsecp256k1 need a few hundred bytes of memory") }
        self.digest = digest
        self.algorithm = algorithm
        self.curve = curve
        self.keys = keys
        self.verified = verified
    }

    deinit {
        EVP_MD_CTX_free(self.digest)
        EVP_MD_free(self.algorithm)
        secp256k1_context_destroy(self.curve)
    }

    /// The event, if its id is the digest of its canonical bytes and its signature is the author's.
    package func verify(_ event: consuming Event) throws(EventRejection) -> VerifiedEvent {
        guard self.sha256(event.canonical.span) == event.id.value else { throw .badID }
        if let verified = self.verified {
            guard !verified.contains(event.sig, over: event.id) else { return VerifiedEvent(event) }
            try self.checkSignature(event.sig, by: event.pubkey, over: event.id)
            verified.insert(event.sig, over: event.id)
        } else {
            try self.checkSignature(event.sig, by: event.pubkey, over: event.id)
        }
        return VerifiedEvent(event)
    }

    /// Says that an event will be verified next: what is known of its author and its signature lies in distant memory.
    package func prefetch(_ event: borrowing Event) {
        self.keys.prefetch(event.pubkey)
        self.verified?.prefetch(event.id)
    }

    /// Throws unless `sig` is a signature by `pubkey` over the 32 bytes of `id` (BIP-340).
    package func checkSignature(
        _ sig: Signature, by pubkey: PublicKey, over id: EventID
    ) throws(EventRejection) {
        guard
            var key = self.keys.parsed(
                pubkey, else: { (bytes, key) in secp256k1_xonly_pubkey_parse(self.curve, &key, bytes) == 1 })
        else { throw .badPublicKey }
        let isValid = sig.withBytes { signature in
            id.value.withBytes { id -> Int32 in
                guard let signature = signature.baseAddress, let id = id.baseAddress else { return 0 }
                return secp256k1_schnorrsig_verify(
                    self.curve, signature.assumingMemoryBound(to: UInt8.self),
                    id.assumingMemoryBound(to: UInt8.self), 32, &key)
            }
        }
        guard isValid == 1 else { throw .badSignature }
    }

    /// The SHA-256 of `bytes`.
    package func sha256(_ bytes: Span<UInt8>) -> Bytes32 {
        var result = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        let isDone = withUnsafeMutableBytes(of: &result) { output in
            bytes.withUnsafeBytes { input in
                EVP_DigestInit_ex2(self.digest, self.algorithm, nil) == 1
                    && EVP_DigestUpdate(self.digest, input.baseAddress, input.count) == 1
                    && EVP_DigestFinal_ex(self.digest, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
                        == 1
            }
        }
        precondition(isDone, "SHA-256 of memory cannot fail")
        return Bytes32(
            UInt64(bigEndian: result.0), UInt64(bigEndian: result.1), UInt64(bigEndian: result.2),
            UInt64(bigEndian: result.3))
    }
}
