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

    private let prefix: String
    private let deadline: Duration
    private var nextNumber = 0
    private var requests = RequestTable()
    /// Of every request in the table, closed ones included.
    private var purposes: [SubscriptionID: Purpose] = [:]

    /// `prefix` distinguishes connections; `deadline` is how long a request may go without a word.
    package init(prefix: String = "n", deadline: Duration = .seconds(30)) {
        self.prefix = prefix
        self.deadline = deadline
    }

    /// Requests that are open now.
    package var openCount: Int { self.requests.open.count }

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
        self.requests.open.insert(
            RequestTable.Entry(filter: filter, isTail: isTail, deadline: now + self.deadline), as: id)
        self.purposes[id] = purpose
        return .request(id, filter)
    }

    // MARK: What the relay says

    package mutating func received(_ message: RelayMessage, now: ContinuousClock.Instant) -> Action {
        switch message {
        case .event(let id, let event):
            switch self.receive(event, under: id, now: now) {
            case .refused(let reason): return .reject(reason)
            case .stored, .live: return .store(event, self.purpose(of: id))
            }

        case .endOfStoredEvents(let id, let completeness):
            guard let index = self.requests.open.index(of: id) else { return .counted(message) }
            let request = self.requests.open[index]
            guard !request.isLive else { return .counted(message) }
            let purpose = self.purpose(of: id)
            if request.isTail {
                self.requests.open[index].isLive = true
                return .live(purpose)
            }
            self.forget(id)
            if request.page.isOffTopic { return .failed(purpose, .offTopic, closing: id) }
            var page = request.page
            page.completeness = completeness
            return .answered(purpose, page, closing: id)

        case .closed(let id, let reason):
            // Some relays send it after the EOSE of a request that we have closed ourselves.
            guard self.requests.open.index(of: id) != nil else { return .counted(message) }
            let purpose = self.purpose(of: id)
            self.forget(id)
            return .failed(purpose, .closed(reason), closing: nil)

        case .challenge(let challenge):
            return .challenged(challenge)

        case .notice(let text):
            return Self.isAboutPace(text) ? .slowDown : .counted(message)

        case .ok, .count, .negentropyMessage, .negentropyError, .unknown:
            return .counted(message)
        }
    }

    /// An event came under `id`: says what it is to us.
    ///
    /// The same as ``received(_:now:)``, for those who need no action to know that an event is to be stored.
    package mutating func receive(
        _ event: Event, under id: SubscriptionID, now: ContinuousClock.Instant
    ) -> EventReceipt {
        self.requests.receive(event, under: id, deadline: now + self.deadline)
    }

    /// A copy of a committed event came under `id`: it was not parsed, but it is part of the answer.
    ///
    /// Returns false when nobody asked for it.
    package mutating func receivedCopy(
        createdAt: Timestamp, under id: SubscriptionID, now: ContinuousClock.Instant
    ) -> Bool {
        self.requests.receiveCopy(createdAt: createdAt, under: id, deadline: now + self.deadline)
    }

    /// An EVENT frame came under `id` that could not be read: it is part of the answer all the same, and a page full of
    /// them is not an empty one.
    package mutating func receivedRefused(under id: SubscriptionID, now: ContinuousClock.Instant) {
        guard let index = self.requests.open.index(of: id) else { return }
        self.requests.open[index].deadline = now + self.deadline
        self.requests.open[index].page.refused += 1
    }

    /// The requests whose deadline has passed.
    package mutating func timePassed(now: ContinuousClock.Instant) -> [Action] {
        self.requests.late(at: now).map { id in
            self.forget(id)
            return .failed(self.purpose(of: id), .timeout, closing: id)
        }
    }

    /// We did not read for a while, so the relay had no way to answer: nobody's deadline ran meanwhile.
    package mutating func didNotRead(for pause: Duration) {
        for index in 0..<self.requests.open.count { self.requests.open[index].deadline += pause }
    }

    /// The connection ended: every open request failed.
    package mutating func disconnected() -> [Purpose] {
        defer { self.requests.open.removeAll() }
        return self.requests.open.ids.map { self.purpose(of: $0) }
    }

    /// Ends the requests with this purpose; nothing more is reported for them.
    package mutating func abandon(_ purpose: Purpose) -> [ClientMessage] {
        let ids = self.requests.open.ids.filter { self.purposes[$0] == purpose }
        for id in ids { self.forget(id) }
        return ids.map(ClientMessage.close)
    }

    private mutating func forget(_ id: SubscriptionID) {
        if let oldest = self.requests.close(id) { self.purposes[oldest] = nil }
    }

    private func purpose(of id: SubscriptionID) -> Purpose {
        guard let purpose = self.purposes[id] else { preconditionFailure("A request without a purpose") }
        return purpose
    }

    /// Whether a NOTICE is about too many or too frequent requests; relays have no better way to say so.
    private static func isAboutPace(_ text: String) -> Bool {
        let lower = text.lowercased()
        return ["rate", "too many", "too fast", "slow down", "concurrent"].contains { lower.contains($0) }
    }
}
