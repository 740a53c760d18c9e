package import Nostr
package import NostrCache
package import RelayClient

/// Keeps one stream of one relay complete, without a socket: what to ask next, what is proven, what to give up.
///
/// ```
///            tail opened        its EOSE              nothing left to ask
///  idle ─────────────────▶ opening ──────▶ catchingUp ────────────────▶ live
///                             ▲               │   ▲                       │
///                             │ wait over     │   │ an old look is due    │
///                             └── waiting ◀───┴───┴── CLOSED, time-out ───┘      final CLOSED ──▶ refused
/// ```
///
/// The tail is opened before the catch-up asks, and the catch-up asks for nothing later than the moment of asking: what
/// the relay accepts in between comes over the tail. Invariants: only a window that ended without a failure is reported
/// as covered; `live` coverage grows only while the tail is open, from the moment up to which the catch-up has proven,
/// to a moment at which the connection was shown to be alive, less the grace; every second that is wanted is covered,
/// being asked for, in `wanted`, or in a hole with a reason; what only the tail vouches for is asked for again by the next
/// look, and withdrawn if that is never answered.
package struct StreamFollower: Sendable {
    /// What the caller has to do.
    package enum Action: Equatable, Sendable {
        case openTail(Filter)
        case ask(window: Int, Filter)
        case covered(Range<Timestamp>, CoverageProof)
        /// Not to be had, or vouched for only by a tail that turned out to be deaf: covered no longer.
        case hole(Range<Timestamp>, HoleReason)
        /// The relay does not answer: only a new connection can help.
        case recycle
    }

    package enum State: Equatable, Sendable {
        case idle
        case opening
        case catchingUp
        case live
        /// Asks again at that moment.
        case waiting(until: ContinuousClock.Instant)
        /// The relay will not serve this filter; asked again at that moment in case an operator changed its mind.
        case refused(ClosedReason, until: ContinuousClock.Instant)
    }

    private enum Tail: Equatable {
        case closed
        case opening
        case open
    }

    private struct Window {
        var paging: BackfillWindow
        let span: Range<Timestamp>
        /// What it asked last.
        var filter: Filter
        /// The request failed; it is asked again after a pause. What was answered before stays answered.
        var isWaiting = false
    }

    package let stream: StreamID
    package let name: String
    package let filter: Filter
    private let policy: FollowPolicy

    package private(set) var state = State.idle
    /// What the ledger has, and what was added to it since; a copy that is thrown away with the connection.
    package private(set) var covered: CoverageSet
    /// What is still to be asked for, in ascending order.
    private var wanted: [Range<Timestamp>] = []
    /// Holes that asking again did not fill: left alone until the next deep look.
    private var givenUp = CoverageSet([])
    private var windows: [Int: Window] = [:]
    private var nextWindow = 0
    private var width: Int64
    /// The largest page of this connection. That of an earlier one proves nothing: relays change their caps.
    package private(set) var largestPage = 0

    private var tail = Tail.closed
    /// Up to where the catch-up has asked, and the tail takes over; nil without a tail.
    private var liveFrom: Timestamp?
    /// What the tail alone vouches for, since a request was last answered in full.
    private var unconfirmed: Range<Timestamp>?
    private var backoff: Backoff
    private var timeouts = 0
    /// When recent days are looked at again for events that came late.
    private var nextLook: ContinuousClock.Instant?
    package private(set) var nextDeepLook: ContinuousClock.Instant?
    /// A relay that complains about our pace gets one question at a time.
    private var isSlowed = false

    /// `covered` is what the ledger holds for this relay and stream.
    ///
    /// `width` is that of the first window, in seconds, and `nextDeepLook` when recent days are due, where a connection
    /// before this one has left them.
    package init(
        stream: StreamID, name: String, filter: Filter, covered: CoverageSet, width: Int64? = nil,
        nextDeepLook: ContinuousClock.Instant? = nil, policy: FollowPolicy
    ) {
        self.nextDeepLook = nextDeepLook
        self.stream = stream
        self.name = name
        self.filter = filter
        self.covered = covered
        self.policy = policy
        self.width = width ?? policy.windowSecondsFirst
        self.backoff = Backoff(first: policy.retryFirst, limit: policy.retryLimit)
    }

    /// Seconds that are wanted and neither covered nor given up: asked for now, or to be asked for.
    package var missing: [Range<Timestamp>] {
        (self.wanted + self.windows.values.map(\.span)).sorted { $0.lowerBound < $1.lowerBound }
    }

    /// Whether there is nothing left to ask for.
    package var isDone: Bool { self.wanted.isEmpty && self.windows.isEmpty }

    // MARK: Starting

    /// The connection is up: follow the stream, beginning with the tail.
    package mutating func start() -> [Action] {
        precondition(self.state == .idle, "A follower starts once for each connection")
        return self.open()
    }

    /// Fills the holes of `range` and follows nothing: what an operator's backfill does.
    package mutating func start(
        filling range: Range<Timestamp>, at wall: Timestamp, now: ContinuousClock.Instant
    ) -> [Action] {
        precondition(self.state == .idle, "A follower starts once for each connection")
        self.state = .catchingUp
        let upper = min(range.upperBound, wall)
        if range.lowerBound < upper { self.wanted = self.covered.holes(in: range.lowerBound..<upper) }
        return self.pump(now: now)
    }

    private mutating func open() -> [Action] {
        self.state = .opening
        self.tail = .opening
        return [.openTail(self.filter)]
    }

    /// The tail's EOSE: from here on the relay tells us by itself, so everything before this moment can be asked for.
    package mutating func tailOpened(at wall: Timestamp, now: ContinuousClock.Instant) -> [Action] {
        guard self.tail == .opening else { return [] }
        self.tail = .open
        self.state = .catchingUp
        self.timeouts = 0
        let isDeep = self.nextDeepLook.map { $0 <= now } ?? true
        self.want(at: wall, isDeep: isDeep)
        if isDeep { self.nextDeepLook = now + self.policy.lookDeepEvery }
        self.nextLook = now + self.policy.lookEvery
        return self.pump(now: now)
    }

    /// Everything from the start of the wanted range to `wall` that is not covered, and the newest seconds of what is:
    /// events with an old date may have come while we were away.
    private mutating func want(at wall: Timestamp, isDeep: Bool) {
        let lower = wall - self.policy.lookbackSeconds
        guard lower < wall else { return }
        let overlap = isDeep ? self.policy.overlapDeep : self.policy.overlapShort
        var known = self.covered
        if isDeep { self.givenUp = CoverageSet([]) }
        for second in self.givenUp.ranges { known.insert(second) }
        if let cursor = known.upperBound, overlap > 0 {
            known.subtract(max(Timestamp.zero, min(cursor, wall) - overlap)..<max(cursor, wall))
        }
        for window in self.windows.values { known.insert(window.span) }
        self.wanted = known.holes(in: max(lower, Timestamp.zero)..<wall)
        self.liveFrom = self.tail == .open ? wall : nil
    }

    // MARK: Asking

    private var fetchesMax: Int { self.isSlowed ? 1 : self.policy.fetchesMax }

    /// Starts windows, newest first, as far as the bound on open requests allows.
    private mutating func pump(now: ContinuousClock.Instant) -> [Action] {
        guard case .catchingUp = self.state else { return [] }
        var actions: [Action] = []
        for (number, window) in self.windows.sorted(by: { $0.key < $1.key }) where window.isWaiting {
            self.windows[number]?.isWaiting = false
            actions.append(.ask(window: number, window.filter))
        }
        while self.windows.count < self.fetchesMax, let range = self.wanted.popLast() {
            let lower = max(range.lowerBound, range.upperBound - self.width)
            if lower > range.lowerBound { self.wanted.append(range.lowerBound..<lower) }
            let span = lower..<range.upperBound
            var paging = BackfillWindow(
                self.filter, span: span, limit: self.policy.pageLimit, largestPage: self.largestPage)
            guard case .ask(let filter) = paging.start() else { preconditionFailure("A window begins by asking") }
            self.windows[self.nextWindow] = Window(paging: paging, span: span, filter: filter)
            actions.append(.ask(window: self.nextWindow, filter))
            self.nextWindow += 1
        }
        if self.isDone, self.tail == .open {
            self.state = .live
            self.unconfirmed = nil
        }
        return actions
    }

    /// The answer to what a window asked last.
    package mutating func answered(window number: Int, _ page: Page, now: ContinuousClock.Instant) -> [Action] {
        guard var window = self.windows[number] else { return [] }
        self.timeouts = 0
        self.backoff.succeeded()
        self.largestPage = max(self.largestPage, page.size)
        switch window.paging.received(page) {
        case .ask(let filter):
            window.filter = filter
            self.windows[number] = window
            return [.ask(window: number, filter)]
        case .done(let outcome):
            self.windows[number] = nil
            self.adapt(outcome)
            return self.conclude(outcome) + self.pump(now: now)
        }
    }

    /// A window should take some pages: fewer waste a request on its proof, more lose work when it fails.
    private mutating func adapt(_ outcome: BackfillWindow.Outcome) {
        if outcome.pages <= 2 {
            self.width = min(self.width * 2, self.policy.windowSecondsMax)
        } else if outcome.pages > self.policy.windowPagesMax {
            self.width = max(self.width / 2, self.policy.windowSecondsMin)
        }
    }

    private mutating func conclude(_ outcome: BackfillWindow.Outcome) -> [Action] {
        var proven = CoverageSet([outcome.span])
        var actions: [Action] = []
        for second in outcome.overflowing {
            proven.subtract(second..<(second + 1))
            self.covered.subtract(second..<(second + 1))
            self.givenUp.insert(second..<(second + 1))
            actions.append(.hole(second..<(second + 1), .denseSecond))
        }
        for range in proven.ranges {
            self.covered.insert(range)
            actions.append(.covered(range, outcome.isFinished ? .finish : .exhausted))
        }
        return actions
    }

    // MARK: Failing

    /// A window's request came to nothing: nothing of the window is proven before it was answered.
    package mutating func failed(
        window number: Int, _ failure: FetchFailure, now: ContinuousClock.Instant, random: Double
    ) -> [Action] {
        guard self.windows[number] != nil else { return [] }
        self.windows[number]?.isWaiting = true
        return self.failed(failure, now: now, random: random)
    }

    /// The width to begin with on the next connection: a window that a connection did not outlive was too wide.
    package var widthAfterDisconnect: Int64 {
        self.windows.isEmpty ? self.width : max(self.width / 4, self.policy.windowSecondsMin)
    }

    /// The tail ended: what is published from now on has to be asked for once it is open again.
    package mutating func tailFailed(
        _ failure: FetchFailure, now: ContinuousClock.Instant, random: Double
    ) -> [Action] {
        self.tail = .closed
        self.liveFrom = nil
        return self.failed(failure, now: now, random: random)
    }

    private mutating func failed(_ failure: FetchFailure, now: ContinuousClock.Instant, random: Double) -> [Action] {
        if case .refused = self.state { return [] }
        switch failure {
        case .timeout:
            self.timeouts += 1
            if self.timeouts >= self.policy.timeoutsMax { return self.withdraw() + [.recycle] }
        case .closed(let reason):
            switch reason.prefix {
            case .restricted, .blocked, .authRequired, .invalid, .unsupported, .badRequest:
                return self.refuse(reason, now: now)
            case .rateLimited:
                self.isSlowed = true
            case .error, .none, .pow, .duplicate, .mute:
                break
            }
        case .disconnected:
            return []
        case .offTopic:
            break
        case .tooManyRequests:
            self.isSlowed = true
        }
        self.state = .waiting(until: now + self.backoff.failed(random: random))
        return []
    }

    /// A relay that answers pings and nothing else had a deaf tail, too.
    private mutating func withdraw() -> [Action] {
        guard let span = self.unconfirmed else { return [] }
        self.unconfirmed = nil
        self.covered.subtract(span)
        return [.hole(span, .failing)]
    }

    /// Asking again will not help soon: what is missing becomes a hole with that reason.
    private mutating func refuse(_ reason: ClosedReason, now: ContinuousClock.Instant) -> [Action] {
        self.state = .refused(reason, until: now + self.policy.refusedFor)
        self.tail = .closed
        self.liveFrom = nil
        let missing = self.missing
        self.windows.removeAll()
        self.wanted = missing
        return missing.map { .hole($0, .refused) }
    }

    /// The relay complained about our pace.
    package mutating func slowDown() { self.isSlowed = true }

    // MARK: Time

    /// What is due. `alive` is the latest moment at which the connection was shown to be alive.
    package mutating func timePassed(
        at wall: Timestamp, alive: Timestamp, now: ContinuousClock.Instant
    ) -> [Action] {
        switch self.state {
        case .waiting(let until) where until <= now, .refused(_, let until) where until <= now:
            guard self.tail == .open || self.policy.isFollowing == false else { return self.open() }
            self.state = .catchingUp
            return self.pump(now: now)
        case .live:
            return self.growLive(at: wall, alive: alive) + self.look(at: wall, now: now)
        case .catchingUp:
            return self.pump(now: now)
        case .idle, .opening, .waiting, .refused:
            return []
        }
    }

    private mutating func growLive(at wall: Timestamp, alive: Timestamp) -> [Action] {
        guard let from = self.liveFrom else { return [] }
        let to = min(alive, wall) - self.policy.graceSeconds
        guard to - from >= self.policy.liveStepSeconds else { return [] }
        self.liveFrom = to
        self.covered.insert(from..<to)
        self.unconfirmed = (self.unconfirmed?.lowerBound ?? from)..<to
        return [.covered(from..<to, .live)]
    }

    /// A tail can go deaf while the connection stays up: recent time is asked for again under a fresh id, which proves
    /// the relay and finds what came late.
    private mutating func look(at wall: Timestamp, now: ContinuousClock.Instant) -> [Action] {
        guard let next = self.nextLook, next <= now else { return [] }
        self.nextLook = now + self.policy.lookEvery
        let isDeep = self.nextDeepLook.map { $0 <= now } ?? false
        if isDeep { self.nextDeepLook = now + self.policy.lookDeepEvery }
        self.want(at: wall, isDeep: isDeep)
        self.state = .catchingUp
        return self.pump(now: now)
    }
}
