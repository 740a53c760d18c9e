package import Nostr

/// What became of an event that was offered to the cache; every event has exactly one.
package enum WriteOutcome: Hashable, Sendable {
    /// A new row.
    case written
    /// The same id is already there, in the cache or earlier in the batch.
    case duplicate
    /// A newer version of the same coordinate is already there; ties go to the lowest id.
    case replaced
    /// A deletion or vanish request of its author applies to it.
    case deleted
    /// It may not or cannot be stored.
    case rejected(EventRejection)
}

/// What a committed batch came to.
package struct BatchOutcome: Equatable, Sendable {
    /// One for each event of the batch, that is for each `event` and `quarantine` item, in their order.
    package var outcomes: [WriteOutcome]
    /// Readable kind 0 events that changed a profile.
    package var profilesChanged = 0
    /// Kind 0 events whose content is no JSON object.
    package var profilesUnreadable = 0
    /// Rows that left the cache because a newer version replaced them.
    package var supersededRows = 0
    /// Rows that left the cache because a deletion or vanish request of the batch binds them.
    package var deletedRows = 0
    /// Entries that left a full quarantine.
    package var quarantineDropped = 0
    /// Transactions it took: 1 unless an event could not be stored.
    package var transactions = 0
    /// The highest `ingest_seq` of the batch; nil when it wrote no row.
    package var lastIngestSeq: Int64?
}

/// What travels to the writer, in order.
package enum CacheItem: Sendable {
    /// `seenAt` is the first sighting, in microseconds since 1970.
    case event(VerifiedEvent, relay: RelayID?, seenAt: Int64)
    /// Another relay showed an event that is stored: its copy was recognised by its id and went no further.
    case sighting(EventID, relay: RelayID, seenAt: Int64)
    /// Every event that this advance vouches for is ahead of it.
    indirect case coverage(CoverageAdvance)
    indirect case hole(CoverageHole)
    /// An event that was verified and then refused, and whose bytes are kept.
    ///
    /// Boxed, with the two above: these are rare, and an item should not be larger than its event.
    indirect case quarantine(QuarantinedEvent)
    /// Nothing to store: shows that whatever goes into the queue reaches a database that answers.
    case heartbeat
}

/// A verified event that is not stored, for the bounded table `nostr_quarantine`.
package struct QuarantinedEvent: Sendable {
    package let event: VerifiedEvent
    /// The bytes of the event object as received.
    package let raw: [UInt8]
    package let reason: EventRejection
    package let relay: RelayID?
    /// The SQLSTATE of the refusal, of `unstorable` events.
    package let sqlState: String?
    /// When time may have cured the reason, in microseconds since 1970.
    package let retryAt: Int64?

    package init(
        event: VerifiedEvent, raw: [UInt8], reason: EventRejection, relay: RelayID?, sqlState: String? = nil,
        retryAt: Int64? = nil
    ) {
        self.event = event
        self.raw = raw
        self.reason = reason
        self.relay = relay
        self.sqlState = sqlState
        self.retryAt = retryAt
    }
}

/// Bounds of the writer.
package struct CacheWriterLimits: Hashable, Sendable {
    /// Batches of more new rows than this travel as COPY; below, the second round trip costs more than it saves.
    package var copyRowsMin = 64
    /// Rows that one transaction removes on behalf of vanish requests and expirations; the sweep removes the rest.
    package var removalsMax = 2_000
    /// Entries in quarantine; the oldest leave first.
    package var quarantineRowsMax = 10_000
    /// Raw bytes in quarantine.
    package var quarantineBytesMax = 64 * 1024 * 1024

    package init() {}
}
