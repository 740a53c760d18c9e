package import Nostr

/// What one REQ for stored events brought before its EOSE.
package struct Page: Hashable, Sendable {
    /// Events that matched the filter, copies included.
    package var count = 0
    /// EVENT frames of the answer that could not be read: they have no date that we know, but they fill a page.
    package var refused = 0
    /// Events that the filter does not match, those older than its `since` aside.
    package var mismatched = 0
    package var oldest: Timestamp?
    package var newest: Timestamp?
    /// Whether `created_at` never rose from one event to the next, as NIP-01 asks of relays.
    package var isNewestFirst = true
    /// What the EOSE said (NIP-67).
    package var completeness = Completeness.unstated
    /// Up to ``authorsMax`` authors of events that were not committed yet; only collected for a single second.
    package var authors: Set<PublicKey> = []

    /// A second that is denser than a page is asked for by author; more authors than this would be more REQs than it
    /// is worth.
    package static let authorsMax = 500

    /// Whether the answer is to another question: nothing in it was asked for, and it is too much for an accident.
    package var isOffTopic: Bool { self.size == 0 && self.mismatched >= 20 }

    /// What the relay counted when it cut the page.
    package var size: Int { self.count + self.refused }

    private var last: Timestamp?

    package init() {}

    /// A page as a table of values, for tests of what reads pages.
    package init(
        count: Int, refused: Int = 0, oldest: Timestamp?, newest: Timestamp?, completeness: Completeness = .unstated
    ) {
        self.count = count
        self.refused = refused
        self.oldest = oldest
        self.newest = newest
        self.completeness = completeness
    }

    package mutating func add(_ createdAt: Timestamp) {
        self.count += 1
        self.oldest = self.oldest.map { min($0, createdAt) } ?? createdAt
        self.newest = self.newest.map { max($0, createdAt) } ?? createdAt
        if let last = self.last, createdAt > last { self.isNewestFirst = false }
        self.last = createdAt
    }
}

/// How a request for stored events ended without an answer. Whatever arrived before is stored, and proves nothing.
package enum FetchFailure: Hashable, Sendable {
    /// Neither EOSE nor CLOSED nor an event for too long.
    case timeout
    case closed(ClosedReason)
    case disconnected
    /// The relay answered another question: it ignores a part of the filter.
    case offTopic
    /// The connection has a bound on open requests of its own, and this one would have exceeded it.
    case tooManyRequests

    /// A word for metrics and the ledger.
    package var label: String {
        switch self {
        case .timeout: "timeout"
        case .closed(let reason): reason.prefix == .none ? "closed" : reason.prefix.rawValue
        case .disconnected: "disconnected"
        case .offTopic: "off_topic"
        case .tooManyRequests: "too_many_requests"
        }
    }
}
