import CSecp256k1

/// Public keys in the form in which verification needs them.
///
/// Parsing a key takes 3–5 µs, a tenth of a verification, and most events come from few authors.
package final class PublicKeyCache: Sendable {
    private struct Entry: RecentEntry {
        let key: Bytes32
        let parsed: secp256k1_xonly_pubkey

        func isEntry(of key: Bytes32) -> Bool { self.key == key }
    }

    private let table: RecentTable<Entry>

    /// 32,768 keys take 3.4 MiB; a month of a busy stream has about 20,000 authors.
    package static let capacityDefault = 32_768

    package init(capacity: Int = PublicKeyCache.capacityDefault) {
        self.table = RecentTable(capacity: capacity)
    }

    /// Says that what is known of it will be asked for soon.
    func prefetch(_ key: PublicKey) { self.table.prefetch(key.value) }

    /// The parsed key from the cache, else by `parse`; nil if it is no point of the curve.
    ///
    /// The lock is held for a look at four entries, never while parsing.
    func parsed(
        _ key: PublicKey, else parse: (UnsafePointer<UInt8>, inout secp256k1_xonly_pubkey) -> Bool
    ) -> secp256k1_xonly_pubkey? {
        if let found = self.table.entry(of: key.value)?.parsed { return found }
        var parsed = secp256k1_xonly_pubkey()
        let isPoint = key.value.withBytes { bytes in
            bytes.baseAddress.map { parse($0.assumingMemoryBound(to: UInt8.self), &parsed) } ?? false
        }
        guard isPoint else { return nil }
        self.table.insert(Entry(key: key.value, parsed: parsed), for: key.value)
        return parsed
    }
}
