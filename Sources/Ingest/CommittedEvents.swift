package import Nostr
package import NostrCache
import Synchronization

/// The ids that were committed lately, when their events claim to be from, and which relays showed them.
///
/// Asked before a frame is parsed. Only *committed* ids are in it: an id is a claim until its hash is checked, so a set
/// fed with anything else would let one hostile relay, or one crash, hide a real event. The `created_at` is the verified
/// one: paging needs it for copies that are never parsed.
package final class CommittedEvents: Sendable {
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

    /// The flags of an id: seconds in the lower 40 bits, a bit for each relay that showed the event in the upper 24.
    private static let timeBits = 40
    /// The first second that no entry can hold, in the year 36812.
    private static let timeLimit = UInt64(1) << UInt64(CommittedEvents.timeBits)
    /// Relays whose sightings are told apart. Those of further ones are recorded only when their copy reaches the writer.
    package static let relaysMax = 64 - CommittedEvents.timeBits

    private let recordsSightings: Bool
    private let ids: RecentIDs
    /// The relays that have a bit, in the order of their bits.
    private let relays = Mutex<[RelayID]>([])

    /// 524,288 ids take 13 MiB: some weeks of a quiet stream, or the last half hour of ten busy relays, whose copies
    /// arrive within seconds of each other.
    package static let capacityDefault = 524_288

    /// - Parameter recordsSightings: whether it matters which relays showed an event.
    package init(capacity: Int = CommittedEvents.capacityDefault, recordsSightings: Bool = true) {
        self.recordsSightings = recordsSightings
        self.ids = RecentIDs(capacity: capacity)
    }

    /// For each id what is known of the committed event, or nil; one lock for all of them.
    package func copies(of ids: [EventID?], from relay: RelayID) -> [Copy?] {
        let bit = self.recordsSightings ? self.relays.withLock { Self.bit(of: relay, in: &$0) } : 0
        return self.ids.flags(of: ids).map { flags in
            flags.map { flags in
                Copy(createdAt: Timestamp(Int64(flags % Self.timeLimit)), isSighting: bit & ~flags != 0)
            }
        }
    }

    /// Notes that a relay showed committed events.
    package func note(_ ids: [EventID], from relay: RelayID) {
        self.ids.add(self.relays.withLock { Self.bit(of: relay, in: &$0) }, to: ids)
    }

    /// Adds events whose transaction has committed.
    package func insert(_ events: [CacheReader.Committed]) {
        let ids = self.relays.withLock { relays in
            events.compactMap { event -> (id: EventID, flags: UInt64)? in
                let seconds = UInt64(event.createdAt.seconds)
                guard seconds < Self.timeLimit else { return nil }
                return (event.id, seconds | (event.relay.map { Self.bit(of: $0, in: &relays) } ?? 0))
            }
        }
        self.ids.insert(ids)
    }

    /// The bit of a relay, made on its first event; 0 for those that came when all were taken.
    private static func bit(of relay: RelayID, in relays: inout [RelayID]) -> UInt64 {
        if let index = relays.firstIndex(of: relay) { return Self.timeLimit << UInt64(index) }
        guard relays.count < Self.relaysMax else { return 0 }
        relays.append(relay)
        return Self.timeLimit << UInt64(relays.count - 1)
    }
}
