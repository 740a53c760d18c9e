import Synchronization

/// Signatures that were verified lately, so that the copies of other relays cost no second verification.
///
/// Several relays deliver an event within moments, long before it is committed. A copy whose id is the digest of its bytes
/// and whose signature is the very one that was verified is verified as well: it takes part in everything that follows, and
/// nothing is dropped on the strength of this. Four-way associative and of fixed size, like ``PublicKeyCache``.
package final class VerifiedSignatures: Sendable {
    private struct Entry {
        let id: EventID
        let sig: Signature
    }

    private struct Table {
        /// The first word of each id, apart from the entries: the four of a set share a cache line.
        var words: [UInt64]
        var entries: [Entry?]
        var next: [UInt8]
    }

    private static let ways = 4
    private let mask: Int
    private let table: Mutex<Table>

    /// 16,384 take 1.8 MiB: more than the queue holds, which is how far relays that are read at the same time drift apart.
    package static let capacityDefault = 16_384

    /// `capacity` is rounded up to a power of two of sets of four.
    package init(capacity: Int = VerifiedSignatures.capacityDefault) {
        var sets = 1
        while sets * Self.ways < capacity { sets *= 2 }
        self.mask = sets - 1
        self.table = Mutex(
            Table(
                words: Array(repeating: 0, count: sets * Self.ways),
                entries: Array(repeating: nil, count: sets * Self.ways), next: Array(repeating: 0, count: sets)))
    }

    /// Whether this signature over this id was verified. The id determines the author, who is part of its digest.
    func contains(_ sig: Signature, over id: EventID) -> Bool {
        let base = (Int(truncatingIfNeeded: id.value.word0) & self.mask) * Self.ways
        return self.table.withLock { table in
            for way in base..<(base + Self.ways) where table.words[way] == id.value.word0 {
                if let entry = table.entries[way], entry.id == id { return entry.sig == sig }
            }
            return false
        }
    }

    /// Remembers a signature that was verified just now.
    func insert(_ sig: Signature, over id: EventID) {
        let set = Int(truncatingIfNeeded: id.value.word0) & self.mask
        self.table.withLock { table in
            let way = set * Self.ways + Int(table.next[set])
            table.words[way] = id.value.word0
            table.entries[way] = Entry(id: id, sig: sig)
            table.next[set] = (table.next[set] + 1) % UInt8(Self.ways)
        }
    }
}
