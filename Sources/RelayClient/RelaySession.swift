package import Nostr

/// The conversation with one relay over one connection, without a socket.
///
/// ```
///            ask                EOSE
///  (nothing) ───▶ pages: asked ───────▶ answered(page)      CLOSED, deadline, end ──▶ failed
///            tail                EOSE
///  (nothing) ───▶ tails: opening ─────▶ live ───────────── CLOSED, deadline ───────▶ failed
/// ```
///
/// Invariants: a subscription id is never used twice; every request for stored events has a deadline, which moves only
/// when an event of that subscription arrives; an outcome is reported exactly once for each request; an event is handed
/// on only if it matches the filter that was asked under its subscription id.
///
/// `Purpose` is whatever the caller needs to recognise its request again.
package struct RelaySession<Purpose: Hashable & Sendable>: Sendable {
    /// What the caller has to do.
    package enum Action: Equatable, Sendable {
        case none
        /// Verify and keep it: it is what was asked for.
        case store(Event, Purpose)
        case reject(EventRejection)
        /// The relay's stored events are exhausted up to what the page says; say CLOSE.
        case answered(Purpose, Page, closing: SubscriptionID)
        /// From here on the subscription delivers what the relay accepts.
        case live(Purpose)
        /// The request is over and proves nothing. CLOSE is said where the relay may still think it open.
        case failed(Purpose, FetchFailure, closing: SubscriptionID?)
        /// The relay wants to know who we are (NIP-42).
        case challenged(String)
        /// The relay complains about our pace.
        case slowDown
        /// Nothing to do but count it.
        case counted(RelayMessage)
    }

    private struct Request: Sendable {
        let purpose: Purpose
        var question: Question
    }

    private let prefix: String
    private let deadline: Duration
    private var nextNumber = 0
    private var requests: [SubscriptionID: Request] = [:]
    /// Closed a moment ago: events in flight are no offence, and as good as any other (NIP-01).
    private var closed: [SubscriptionID: Request] = [:]
    private var closedOrder: [SubscriptionID] = []

    /// How many closed subscriptions are remembered for the events that are still under way.
    private static var closedMax: Int { 32 }

    /// `prefix` distinguishes connections; `deadline` is how long a request may go without a word.
    package init(prefix: String = "n", deadline: Duration = .seconds(30)) {
        self.prefix = prefix
        self.deadline = deadline
    }

    /// Requests that are open now.
    package var openCount: Int { self.requests.count }

    // MARK: What we ask

    /// Asks for stored events; the outcome comes as `answered` or `failed`.
    package mutating func ask(_ purpose: Purpose, _ filter: Filter, now: ContinuousClock.Instant) -> ClientMessage {
        self.open(purpose, filter, isTail: false, now: now)
    }

    /// Subscribes to what the relay accepts from now on: no stored events, and no `since`, so that events with an old
    /// date arrive as well.
    package mutating func tail(_ purpose: Purpose, _ filter: Filter, now: ContinuousClock.Instant) -> ClientMessage {
        var filter = filter
        filter.since = nil
        filter.until = nil
        filter.limit = 0
        return self.open(purpose, filter, isTail: true, now: now)
    }

    private mutating func open(
        _ purpose: Purpose, _ filter: Filter, isTail: Bool, now: ContinuousClock.Instant
    ) -> ClientMessage {
        // Some relays ignore a request whose id they once closed: every id is fresh.
        let id = SubscriptionID(rawValue: "\(self.prefix)\(self.nextNumber)")
        self.nextNumber += 1
        self.requests[id] = Request(
            purpose: purpose, question: Question(filter: filter, isTail: isTail, deadline: now + self.deadline))
        return .request(id, filter)
    }

    // MARK: What the relay says

    package mutating func received(_ message: RelayMessage, now: ContinuousClock.Instant) -> Action {
        switch message {
        case .event(let id, let event):
            return self.received(event, under: id, now: now)

        case .endOfStoredEvents(let id, let completeness):
            guard var request = self.requests[id], !request.question.isLive else { return .counted(message) }
            if request.question.isTail {
                request.question.isLive = true
                self.requests[id] = request
                return .live(request.purpose)
            }
            self.forget(id)
            request.question.page.completeness = completeness
            return .answered(request.purpose, request.question.page, closing: id)

        case .closed(let id, let reason):
            // Some relays send it after the EOSE of a request that we have closed ourselves.
            guard let request = self.requests[id] else { return .counted(message) }
            self.forget(id)
            return .failed(request.purpose, .closed(reason), closing: nil)

        case .challenge(let challenge):
            return .challenged(challenge)

        case .notice(let text):
            return Self.isAboutPace(text) ? .slowDown : .counted(message)

        case .ok, .count, .negentropyMessage, .negentropyError, .unknown:
            return .counted(message)
        }
    }

    private mutating func received(_ event: Event, under id: SubscriptionID, now: ContinuousClock.Instant) -> Action {
        // Found once and changed in place: this is done for every event.
        guard let index = self.requests.index(forKey: id) else {
            guard let request = self.closed[id] else { return .reject(.unknownSubscription) }
            return request.question.filter.matches(event) ? .store(event, request.purpose) : .reject(.filterMismatch)
        }
        guard self.requests.values[index].question.received(event, deadline: now + self.deadline) else {
            return .reject(.filterMismatch)
        }
        return .store(event, self.requests.values[index].purpose)
    }

    /// A copy of a committed event came under `id`: it was not parsed, but it is part of the answer.
    ///
    /// Returns false when nobody asked for it.
    package mutating func receivedCopy(
        createdAt: Timestamp, under id: SubscriptionID, now: ContinuousClock.Instant
    ) -> Bool {
        guard let index = self.requests.index(forKey: id) else { return self.closed[id] != nil }
        self.requests.values[index].question.receivedCopy(createdAt: createdAt, deadline: now + self.deadline)
        return true
    }

    /// The requests whose deadline has passed.
    package mutating func timePassed(now: ContinuousClock.Instant) -> [Action] {
        let late = self.requests.filter { $0.value.question.deadline <= now && !$0.value.question.isLive }
        return late.sorted { $0.key.rawValue < $1.key.rawValue }.map { id, request in
            self.forget(id)
            return .failed(request.purpose, .timeout, closing: id)
        }
    }

    /// We did not read for a while, so the relay had no way to answer: nobody's deadline ran meanwhile.
    package mutating func didNotRead(for pause: Duration) {
        for id in self.requests.keys { self.requests[id]?.question.deadline += pause }
    }

    /// The connection ended: every open request failed.
    package mutating func disconnected() -> [Purpose] {
        defer { self.requests.removeAll() }
        return self.requests.sorted { $0.key.rawValue < $1.key.rawValue }.map(\.value.purpose)
    }

    /// Ends the requests with this purpose; nothing more is reported for them.
    package mutating func abandon(_ purpose: Purpose) -> [ClientMessage] {
        let ids = self.requests.filter { $0.value.purpose == purpose }.map(\.key).sorted { $0.rawValue < $1.rawValue }
        for id in ids { self.forget(id) }
        return ids.map(ClientMessage.close)
    }

    private mutating func forget(_ id: SubscriptionID) {
        guard let request = self.requests.removeValue(forKey: id) else { return }
        self.closed[id] = request
        self.closedOrder.append(id)
        if self.closedOrder.count > Self.closedMax { self.closed[self.closedOrder.removeFirst()] = nil }
    }

    /// Whether a NOTICE is about too many or too frequent requests; relays have no better way to say so.
    private static func isAboutPace(_ text: String) -> Bool {
        let lower = text.lowercased()
        return ["rate", "too many", "too fast", "slow down", "concurrent"].contains { lower.contains($0) }
    }
}

/// What was asked under one subscription id, and what came of it so far.
///
/// Apart from the purpose, which is the caller's: what is done for every event is then no generic code.
private struct Question: Sendable {
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

    /// False, and nothing changes, for an event that was not asked for.
    mutating func received(_ event: Event, deadline: ContinuousClock.Instant) -> Bool {
        guard self.filter.matches(event) else { return false }
        self.deadline = deadline
        guard !self.isTail else { return true }
        self.page.add(event.createdAt)
        if let second = self.filter.since, second == self.filter.until, self.page.authors.count < Page.authorsMax {
            self.page.authors.insert(event.pubkey)
        }
        return true
    }

    mutating func receivedCopy(createdAt: Timestamp, deadline: ContinuousClock.Instant) {
        if !self.isTail {
            // A copy outside the window was not asked for, and must not move the window.
            if let since = self.filter.since, createdAt < since { return }
            if let until = self.filter.until, createdAt > until { return }
            self.page.add(createdAt)
        }
        self.deadline = deadline
    }
}
