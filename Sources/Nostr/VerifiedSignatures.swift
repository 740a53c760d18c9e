/// Signatures that were verified lately, so that the copies of other relays cost no second verification.
///
/// Several relays deliver an event within moments, long before it is committed. A copy whose id is the digest of its bytes
/// and whose signature is the very one that was verified is verified as well: it takes part in everything that follows, and
/// nothing is dropped on the strength of this.
package final class VerifiedSignatures: Sendable {
    private struct Entry: RecentEntry {
        let id: Bytes32
        let sig: Signature

        func isEntry(of key: Bytes32) -> Bool { self.id == key }
    }

    private let table: RecentTable<Entry>

    /// 16,384 take 1.7 MiB: more than the queue holds, which is how far relays that are read at the same time drift apart.
    package static let capacityDefault = 16_384

    package init(capacity: Int = VerifiedSignatures.capacityDefault) {
        self.table = RecentTable(capacity: capacity)
    }

    /// Says that what is known of it will be asked for soon.
    func prefetch(_ id: EventID) { self.table.prefetch(id.value) }

    /// Whether this signature over this id was verified. The id determines the author, who is part of its digest.
    func contains(_ sig: Signature, over id: EventID) -> Bool {
        self.table.entry(of: id.value)?.sig == sig
    }

    /// Remembers a signature that was verified just now; of two over the same id the later one.
    func insert(_ sig: Signature, over id: EventID) {
        self.table.insert(Entry(id: id.value, sig: sig), for: id.value)
    }
}
