import CLibCrypto
import CSecp256k1
import Synchronization

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

/// Public keys in the form in which verification needs them.
///
/// Parsing a key takes 3–5 µs, a tenth of a verification, and most events come from few authors. Four-way associative:
/// a key has one set and replaces its oldest entry, so the size is fixed and nothing is ever rehashed.
package final class PublicKeyCache: Sendable {
    private struct Entry {
        var key: PublicKey
        var parsed: secp256k1_xonly_pubkey
    }

    private struct Table {
        /// The first word of each key, apart from the entries: the four of a set share a cache line, and one more is
        /// read only for the entry that is the right one.
        var words: [UInt64]
        var entries: [Entry?]
        var next: [UInt8]
    }

    private static let ways = 4
    private let mask: Int
    private let table: Mutex<Table>

    /// 32,768 keys take 3.3 MB; a month of a busy stream has about 20,000 authors.
    package static let capacityDefault = 32_768

    /// `capacity` is rounded up to a power of two of sets of four.
    package init(capacity: Int = PublicKeyCache.capacityDefault) {
        var sets = 1
        while sets * Self.ways < capacity { sets *= 2 }
        self.mask = sets - 1
        self.table = Mutex(
            Table(
                words: Array(repeating: 0, count: sets * Self.ways),
                entries: Array(repeating: nil, count: sets * Self.ways), next: Array(repeating: 0, count: sets)))
    }

    /// The parsed key from the cache, else by `parse`; nil if it is no point of the curve.
    ///
    /// The lock is held for a look at four entries, never while parsing.
    func parsed(
        _ key: PublicKey, else parse: (UnsafePointer<UInt8>, inout secp256k1_xonly_pubkey) -> Bool
    ) -> secp256k1_xonly_pubkey? {
        let set = Int(truncatingIfNeeded: key.value.word0) & self.mask
        let base = set * Self.ways
        let found = self.table.withLock { table -> secp256k1_xonly_pubkey? in
            for way in base..<(base + Self.ways) where table.words[way] == key.value.word0 {
                if let entry = table.entries[way], entry.key == key { return entry.parsed }
            }
            return nil
        }
        if let found { return found }
        var parsed = secp256k1_xonly_pubkey()
        let isPoint = key.value.withBytes { bytes in
            bytes.baseAddress.map { parse($0.assumingMemoryBound(to: UInt8.self), &parsed) } ?? false
        }
        guard isPoint else { return nil }
        let entry = Entry(key: key, parsed: parsed)
        self.table.withLock { table in
            table.words[base + Int(table.next[set])] = key.value.word0
            table.entries[base + Int(table.next[set])] = entry
            table.next[set] = (table.next[set] + 1) % UInt8(Self.ways)
        }
        return parsed
    }
}
