/// What to tell systemd, and when: the table of operations.md section 3, without a socket and without a clock.
package struct NotifyState {
    /// What the program looks like now.
    package struct Observation: Equatable {
        /// Whether the start is over.
        package var isReady = false
        package var isDraining = false
        /// What a drain waits for, such as `12 events`: how many, and of what.
        package var inFlight = 0
        package var unit = ""
        /// When each loop last came round; nil before its first time.
        package var ticks: [ContinuousClock.Instant?] = []
        package var status = ""

        package init(
            isReady: Bool, isDraining: Bool, inFlight: Int, unit: String, ticks: [ContinuousClock.Instant?],
            status: String
        ) {
            self.isReady = isReady
            self.isDraining = isDraining
            self.inFlight = inFlight
            self.unit = unit
            self.ticks = ticks
            self.status = status
        }
    }

    /// While the drain makes progress systemd is asked for so much more time.
    package static let extensionMicroseconds = 10_000_000

    private let watchdogInterval: Duration?
    private var hasSaidReady = false
    private var hasSaidStopping = false
    private var lastStatus = ""
    private var lastInFlight: Int?
    private var nextKeepAlive: ContinuousClock.Instant?

    package init(watchdogInterval: Duration?) {
        self.watchdogInterval = watchdogInterval
    }

    /// The datagrams to send, in order; called about once a second.
    package mutating func datagrams(_ seen: Observation, at now: ContinuousClock.Instant) -> [String] {
        var datagrams: [String] = []
        if seen.isDraining {
            datagrams += self.draining(seen)
        } else if seen.isReady, !self.hasSaidReady {
            self.hasSaidReady = true
            self.lastStatus = seen.status
            datagrams.append("READY=1\nSTATUS=\(seen.status)")
        } else if seen.status != self.lastStatus {
            self.lastStatus = seen.status
            datagrams.append("STATUS=\(seen.status)")
        }
        if let interval = self.watchdogInterval, now >= self.nextKeepAlive ?? now, self.isAlive(seen, at: now) {
            self.nextKeepAlive = now + interval
            datagrams.append("WATCHDOG=1")
        }
        return datagrams
    }

    private mutating func draining(_ seen: Observation) -> [String] {
        let progresses = self.lastInFlight.map { seen.inFlight < $0 } ?? true
        self.lastInFlight = seen.inFlight
        var lines: [String] = []
        if !self.hasSaidStopping {
            self.hasSaidStopping = true
            lines.append("STOPPING=1")
        }
        if progresses {
            lines.append("STATUS=draining \(seen.inFlight) \(seen.unit)")
            lines.append("EXTEND_TIMEOUT_USEC=\(Self.extensionMicroseconds)")
        }
        return lines.isEmpty ? [] : [lines.joined(separator: "\n")]
    }

    /// Tied to real progress: every loop came round within the time that systemd waits.
    private func isAlive(_ seen: Observation, at now: ContinuousClock.Instant) -> Bool {
        guard let interval = self.watchdogInterval else { return false }
        return seen.ticks.allSatisfy { tick in
            // Before the first tick the start itself is timed by TimeoutStartSec.
            tick.map { now - $0 <= interval * 2 } ?? !self.hasSaidReady
        }
    }
}
