import Nostr
import NostrCache

/// The items of one transaction.
struct WriterBatch {
    /// What is counted and remembered of an event once it is written. Kept beside the items, whose events lie in
    /// distant memory: by then they would have to be fetched again.
    struct Entry {
        let id: EventID
        let createdAt: Timestamp
        let kind: Kind
        let relay: RelayID?
    }

    let items: ArraySlice<CacheItem>
    /// One for each event, in order.
    let entries: [Entry]

    /// Cuts what arrived into transactions, in order.
    static func cut(_ items: [CacheItem], _ limits: IngestConfiguration.Limits) -> [WriterBatch] {
        var batches: [WriterBatch] = []
        var start = items.startIndex
        var entries: [Entry] = []
        entries.reserveCapacity(min(items.count, limits.batchEventsMax))
        var rows = 0
        var bytes = 0
        for index in items.indices {
            switch items[index] {
            case .event(let verified, let relay, _):
                entries.append(Entry(verified.event, relay))
                rows += 1
            case .quarantine(let quarantined):
                entries.append(Entry(quarantined.event.event, quarantined.relay))
                rows += 1
            case .sighting: rows += 1
            case .coverage, .hole, .heartbeat: break
            }
            bytes += items[index].weight
            if rows >= limits.batchEventsMax || bytes >= limits.batchBytesMax {
                batches.append(WriterBatch(items: items[start...index], entries: entries))
                start = index + 1
                entries.removeAll(keepingCapacity: true)
                rows = 0
                bytes = 0
            }
        }
        if start < items.endIndex { batches.append(WriterBatch(items: items[start...], entries: entries)) }
        return batches
    }
}

extension WriterBatch.Entry {
    fileprivate init(_ event: Nostr.Event, _ relay: RelayID?) {
        self.init(id: event.id, createdAt: event.createdAt, kind: event.kind, relay: relay)
    }
}
