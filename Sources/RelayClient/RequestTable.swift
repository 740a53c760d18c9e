package import Nostr

/// What an event is to the requests of a connection.
package enum EventReceipt: Equatable, Sendable {
    /// Part of the answer to a request for stored events, or late under one that was closed.
    case stored
    /// What a relay accepted just now, under an open tail.
    case live
    /// Nobody asked for it.
    case refused(EventRejection)
}

/// What was asked on one connection, by subscription id, and what came of it so far.
///
/// Apart from the purposes, which are the caller's and make ``RelaySession`` generic: what is done for every event finds
/// its entry once, changes it in place, and is no generic code.
struct RequestTable: Sendable {
    struct Entry: Sendable {
        let filter: Filter
        let isTail: Bool
        var page = Page()
        var isLive = false
        var deadline: ContinuousClock.Instant

        init(filter: Filter, isTail: Bool, deadline: ContinuousClock.Instant) {
            self.filter = filter
            self.isTail = isTail
            self.deadline = deadline
        }
    }

    /// The requests that are open now: few, and events come in runs under one of them. Looking there first, and then through
    /// the others, costs less than hashing an id for every event.
    struct Open {
        private var requests: [(id: SubscriptionID, entry: Entry)] = []
        private var last = 0

        var count: Int { self.requests.count }
        /// In a fixed order.
        var ids: [SubscriptionID] { self.requests.map(\.id).sorted { $0.rawValue < $1.rawValue } }

        func index(of id: SubscriptionID) -> Int? { self.requests.firstIndex { $0.id == id } }

        /// The same, for an event.
        mutating func find(_ id: SubscriptionID) -> Int? {
            if self.last < self.requests.count, self.requests[self.last].id == id { return self.last }
            guard let index = self.index(of: id) else { return nil }
            self.last = index
            return index
        }

        subscript(index: Int) -> Entry {
            get { self.requests[index].entry }
            _modify { yield &self.requests[index].entry }
        }

        subscript(id: SubscriptionID) -> Entry? { self.index(of: id).map { self[$0] } }

        mutating func insert(_ entry: Entry, as id: SubscriptionID) { self.requests.append((id, entry)) }

        mutating func remove(_ id: SubscriptionID) -> Entry? {
            self.index(of: id).map { self.requests.remove(at: $0).entry }
        }

        mutating func removeAll() { self.requests.removeAll() }
    }

    var open = Open()
    /// Closed a moment ago: events in flight are no offence, and as good as any other (NIP-01).
    private var closed: [SubscriptionID: Entry] = [:]
    private var closedOrder: [SubscriptionID] = []

    /// How many closed subscriptions are remembered for the events that are still under way.
    private static let closedMax = 32

    /// The requests whose deadline has passed.
    func late(at now: ContinuousClock.Instant) -> [SubscriptionID] {
        self.open.ids.filter { id in self.open[id].map { $0.deadline <= now && !$0.isLive } ?? false }
    }

    /// Moves an open request to the closed ones; returns the one that was forgotten for it.
    mutating func close(_ id: SubscriptionID) -> SubscriptionID? {
        guard let entry = self.open.remove(id) else { return nil }
        self.closed[id] = entry
        self.closedOrder.append(id)
        guard self.closedOrder.count > Self.closedMax else { return nil }
        let oldest = self.closedOrder.removeFirst()
        self.closed[oldest] = nil
        return oldest
    }

    /// Takes in an event, or says why it was not asked for.
    mutating func receive(
        _ event: Event, under id: SubscriptionID, deadline: ContinuousClock.Instant
    ) -> EventReceipt {
        guard let index = self.open.find(id) else {
            guard let entry = self.closed[id] else { return .refused(.unknownSubscription) }
            return entry.filter.matches(event) ? .stored : .refused(.filterMismatch)
        }
        guard self.open[index].receive(event, deadline: deadline) else { return .refused(.filterMismatch) }
        return self.open[index].isLive ? .live : .stored
    }

    /// False when nobody asked for it.
    mutating func receiveCopy(
        createdAt: Timestamp, under id: SubscriptionID, deadline: ContinuousClock.Instant
    ) -> Bool {
        guard let index = self.open.find(id) else { return self.closed[id] != nil }
        self.open[index].receiveCopy(createdAt: createdAt, deadline: deadline)
        return true
    }
}

extension RequestTable.Entry {
    /// False for an event that was not asked for.
    fileprivate mutating func receive(_ event: Event, deadline: ContinuousClock.Instant) -> Bool {
        guard self.filter.matches(event) else {
            // What is older than asked for follows the last event that was asked for: it hides nothing.
            if event.createdAt >= self.filter.since ?? .zero { self.page.mismatched += 1 }
            return false
        }
        self.deadline = deadline
        guard !self.isTail else { return true }
        self.page.add(event.createdAt)
        if let second = self.filter.since, second == self.filter.until, self.page.authors.count < Page.authorsMax {
            self.page.authors.insert(event.pubkey)
        }
        return true
    }

    fileprivate mutating func receiveCopy(createdAt: Timestamp, deadline: ContinuousClock.Instant) {
        if !self.isTail {
            // A copy outside the window was not asked for, and must not move the window.
            if let since = self.filter.since, createdAt < since { return }
            if let until = self.filter.until, createdAt > until {
                self.page.mismatched += 1
                return
            }
            self.page.add(createdAt)
        }
        self.deadline = deadline
    }
}
