package import Nostr
package import NostrCache
import Synchronization

/// The ids that were committed lately, when their events claim to be from, and which relays showed them.
///
/// Asked before a frame is parsed. Only *committed* ids are in it: an id is a claim until its hash is checked, so a set
/// fed with anything else would let one hostile relay, or one crash, hide a real event. The `created_at` is the verified
/// one: paging needs it for copies that are never parsed.
///
/// Half of an id is stored; to collide with a given id on 128 bits of SHA-256 takes 2^128 events.
package final class CommittedEvents: Sendable {
    private struct Entry: RecentEntry {
        let word1: UInt64
        /// Seconds in the lower 40 bits, a bit for each relay that showed the event in the upper 24.
        var bits: UInt64

        func isEntry(of key: Bytes32) -> Bool { self.word1 == key.word1 }

        var createdAt: Timestamp { Timestamp(Int64(self.bits & (1 << CommittedEvents.timeBits - 1))) }
    }

    /// What is known of a copy.
    package struct Copy: Equatable, Sendable {
        package let createdAt: Timestamp
        /// Whether this relay has not shown the event before, as far as is known here.
        package let isSighting: Bool

        package init(createdAt: Timestamp, isSighting: Bool) {
            self.createdAt = createdAt
            self.isSighting = isSighting
        }
    }

    private struct State: ~Copyable {
        var table: RecentTable<Entry>
        /// The relays that have a bit, in the order of their bits.
        var relays: [RelayID] = []

        /// The bit of a relay, made on its first event; 0 for those that came when all were taken.
        mutating func bit(of relay: RelayID?) -> UInt64 {
            guard let relay else { return 0 }
            if let index = self.relays.firstIndex(of: relay) { return 1 << UInt64(CommittedEvents.timeBits + index) }
            guard self.relays.count < CommittedEvents.relaysMax else { return 0 }
            self.relays.append(relay)
            return 1 << UInt64(CommittedEvents.timeBits + self.relays.count - 1)
        }
    }

    /// 2^40 s is the year 36812.
    private static let timeBits = 40
    /// Relays whose sightings are told apart. Those of further ones are recorded only when their copy reaches the writer.
    package static let relaysMax = 64 - CommittedEvents.timeBits

    private let recordsSightings: Bool
    private let state: Mutex<State>

    /// 524,288 ids take 13 MiB: some weeks of a quiet stream, or the last half hour of ten busy relays, whose copies
    /// arrive within seconds of each other.
    package static let capacityDefault = 524_288

    /// - Parameter recordsSightings: whether it matters which relays showed an event.
    package init(capacity: Int = CommittedEvents.capacityDefault, recordsSightings: Bool = true) {
        self.recordsSightings = recordsSightings
        self.state = Mutex(State(table: RecentTable(capacity: capacity)))
    }

    /// For each id what is known of the committed event, or nil; one lock for all of them.
    package func copies(of ids: [EventID?], from relay: RelayID) -> [Copy?] {
        self.state.withLock { state in
            let bit = self.recordsSightings ? state.bit(of: relay) : 0
            let prefetcher = state.table.prefetcher
            for case let id? in ids { prefetcher.prefetch(id.value) }
            return ids.map { id in
                guard let entry = id.flatMap({ state.table.find($0.value) }) else { return nil }
                return Copy(createdAt: entry.pointee.createdAt, isSighting: bit & ~entry.pointee.bits != 0)
            }
        }
    }

    /// Notes that a relay showed committed events.
    package func note(_ ids: [EventID], from relay: RelayID) {
        self.state.withLock { state in
            let bit = state.bit(of: relay)
            for id in ids { state.table.find(id.value)?.pointee.bits |= bit }
        }
    }

    /// Adds events whose transaction has committed.
    package func insert(_ events: [CacheReader.Committed]) {
        self.state.withLock { state in
            let prefetcher = state.table.prefetcher
            for event in events { prefetcher.prefetch(event.id.value) }
            for event in events where event.createdAt.seconds < 1 << Int64(Self.timeBits) {
                let bit = state.bit(of: event.relay)
                if let entry = state.table.find(event.id.value) {
                    entry.pointee.bits |= bit
                } else {
                    let bits = UInt64(event.createdAt.seconds) | bit
                    state.table.insert(Entry(word1: event.id.value.word1, bits: bits), for: event.id.value)
                }
            }
        }
    }
}
