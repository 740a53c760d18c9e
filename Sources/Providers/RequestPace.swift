/// When the next request may start: evenly spread over all hosts, and slower towards each of them.
///
/// Pure; time is an argument. A host that is asked has one request under way, which its caller sees to.
struct RequestPace {
    private let interval: Duration
    private var next: ContinuousClock.Instant?
    private var hosts: [String: ContinuousClock.Instant] = [:]

    /// Ten new requests a minute to a host (operations.md section 16.1).
    static let hostInterval: Duration = .seconds(6)

    init(perMinute: Int) {
        self.interval = .seconds(60) / max(1, perMinute)
    }

    /// Takes the next turn towards `host`: how long to wait for it.
    mutating func turn(to host: String, now: ContinuousClock.Instant) -> Duration {
        let start = max(now, self.next ?? now, self.hosts[host] ?? now)
        // Waiting for a slow host must not hold up the others: only turns that are taken at once move the common clock.
        self.next = max(now, self.next ?? now) + self.interval
        self.hosts[host] = start + Self.hostInterval
        // What lies in the past holds nobody up any more.
        self.hosts = self.hosts.filter { $0.value > now }
        return start - now
    }
}
