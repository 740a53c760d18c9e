/// When the keys of the auth service are fetched, and whether a set of them may be used; without a clock and a socket.
///
/// ```
/// empty ──fetched──▶ fresh ──refresh──▶ due ──fetched──▶ fresh
///   │                                    │
///   └── failed: unavailable              └── failed: the known keys serve on, until they are a day old
/// ```
struct KeyCache<Keys: Sendable>: Sendable {
    enum Action {
        case use(Keys)
        /// Fetch first, then ask again.
        case fetch
        /// The keys are known, and this one is not among them.
        case unknownKey
        /// No keys are known.
        case unavailable
    }

    /// A token with an unknown `kid` costs its sender nothing; a fetch costs us and the auth service something.
    static var attemptInterval: Duration { .seconds(60) }
    /// A key that the auth service withdrew is believed for no longer, while the service answers.
    static var refreshInterval: Duration { .seconds(600) }
    /// What was fetched last serves for so long when the auth service does not answer.
    static var staleLimit: Duration { .seconds(24 * 3_600) }

    private var latest: (keys: Keys, at: ContinuousClock.Instant)?
    private var attemptedAt: ContinuousClock.Instant?

    func action(at now: ContinuousClock.Instant, knows: (Keys) -> Bool) -> Action {
        let mayFetch = self.attemptedAt.map { now - $0 >= Self.attemptInterval } ?? true
        guard let latest = self.latest, now - latest.at < Self.staleLimit else {
            return mayFetch ? .fetch : .unavailable
        }
        if now - latest.at >= Self.refreshInterval, mayFetch { return .fetch }
        if knows(latest.keys) { return .use(latest.keys) }
        return mayFetch ? .fetch : .unknownKey
    }

    mutating func attempted(at now: ContinuousClock.Instant) {
        self.attemptedAt = now
    }

    mutating func fetched(_ keys: Keys, at now: ContinuousClock.Instant) {
        self.latest = (keys, now)
    }
}
