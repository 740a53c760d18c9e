package import Nostr
import Synchronization

/// The ids that were committed lately, and when their events claim to be from.
///
/// Asked before a frame is parsed. Only *committed* ids are in it: an id is a claim until its hash is checked, so a set
/// fed with anything else would let one hostile relay, or one crash, hide a real event. The `created_at` is the verified
/// one: paging needs it for copies that are never parsed.
///
/// Four-way associative and of fixed size: an id has one set and replaces its oldest entry. Half of an id is stored; to
/// collide with a given id on 128 bits of SHA-256 takes 2^128 events.
package final class CommittedEvents: Sendable {
    private struct Entry {
        var word0: UInt64 = 0
        var word1: UInt64 = 0
        /// Seconds, plus one; zero is an empty entry.
        var createdAt: Int64 = 0
    }

    private struct Table {
        var entries: [Entry]
        var next: [UInt8]
    }

    private static let ways = 4
    private let mask: Int
    private let table: Mutex<Table>

    /// 524,288 ids take 12.5 MiB: some weeks of a quiet stream, or the last half hour of ten busy relays, whose copies
    /// arrive within seconds of each other.
    package static let capacityDefault = 524_288

    /// `capacity` is rounded up to a power of two of sets of four.
    package init(capacity: Int = CommittedEvents.capacityDefault) {
        var sets = 1
        while sets * Self.ways < capacity { sets *= 2 }
        self.mask = sets - 1
        self.table = Mutex(
            Table(entries: Array(repeating: Entry(), count: sets * Self.ways), next: Array(repeating: 0, count: sets)))
    }

    /// For each id the `created_at` of the committed event, or nil; one lock for all of them.
    package func createdAt(of ids: [EventID?]) -> [Timestamp?] {
        self.table.withLock { table in
            ids.map { id in id.flatMap { self.find($0, table) } }
        }
    }

    private func find(_ id: EventID, _ table: borrowing Table) -> Timestamp? {
        let base = (Int(truncatingIfNeeded: id.value.word0) & self.mask) * Self.ways
        for way in base..<(base + Self.ways) {
            let entry = table.entries[way]
            if entry.createdAt != 0, entry.word0 == id.value.word0, entry.word1 == id.value.word1 {
                return Timestamp(entry.createdAt - 1)
            }
        }
        return nil
    }

    /// Adds events whose transaction has committed.
    package func insert(_ events: some Sequence<(id: EventID, createdAt: Timestamp)>) {
        self.table.withLock { table in
            for event in events where self.find(event.id, table) == nil {
                let set = Int(truncatingIfNeeded: event.id.value.word0) & self.mask
                let way = Int(table.next[set])
                table.entries[set * Self.ways + way] = Entry(
                    word0: event.id.value.word0, word1: event.id.value.word1,
                    createdAt: event.createdAt.seconds + 1)
                table.next[set] = UInt8((way + 1) % Self.ways)
            }
        }
    }
}
