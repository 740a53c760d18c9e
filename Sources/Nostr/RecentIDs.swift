/// The ids of events that were met lately, each with 64 flags whose meaning is the caller's.
///
/// Half of an id is stored; to collide with a given id on 128 bits of SHA-256 takes 2^128 events.
package final class RecentIDs: Sendable {
    private struct Entry: RecentEntry {
        let word1: UInt64
        var flags: UInt64

        func isEntry(of key: Bytes32) -> Bool { self.word1 == key.word1 }
    }

    private let table: RecentTable<Entry>

    /// Room for `capacity` ids, 26 bytes each.
    package init(capacity: Int) {
        self.table = RecentTable(capacity: capacity)
    }

    /// For each id its flags; nil where it is not known. One lock for all of them.
    package func flags(of ids: [EventID?]) -> [UInt64?] {
        for case let id? in ids { self.table.prefetch(id.value) }
        return self.table.withLock { sets in
            ids.map { id in id.flatMap { sets.find($0.value)?.pointee.flags } }
        }
    }

    /// Adds flags to those of the ids that are known.
    package func add(_ flags: UInt64, to ids: [EventID]) {
        for id in ids { self.table.prefetch(id.value) }
        self.table.withLock { sets in
            for id in ids { sets.find(id.value)?.pointee.flags |= flags }
        }
    }

    /// Remembers ids; one that is known keeps its flags and gets the others beside them.
    package func insert(_ ids: [(id: EventID, flags: UInt64)]) {
        for (id, _) in ids { self.table.prefetch(id.value) }
        self.table.withLock { sets in
            for (id, flags) in ids {
                if let entry = sets.find(id.value) {
                    entry.pointee.flags |= flags
                } else {
                    sets.insert(Entry(word1: id.value.word1, flags: flags), for: id.value)
                }
            }
        }
    }
}
