/// How long to wait before trying again: exponential, with full jitter.
///
/// Full jitter spreads clients that lost the same relay at the same moment over the whole interval; a fixed pace, or
/// jitter around a fixed pace, sends them back together. Pure: the random number is an argument.
package struct Backoff: Hashable, Sendable {
    private let first: Duration
    private let limit: Duration
    /// Attempts in a row that came to nothing.
    package private(set) var failures = 0

    /// Waits up to `first` after one failure, twice as long after each further one, never longer than `limit`.
    package init(first: Duration = .seconds(1), limit: Duration = .seconds(300)) {
        self.first = first
        self.limit = limit
    }

    /// Counts a failure and returns the wait; `random` is uniform in 0..<1.
    package mutating func failed(random: Double) -> Duration {
        self.failures += 1
        let doublings = min(self.failures - 1, 30)
        let ceiling = min(self.limit, self.first * (1 << doublings))
        // Never nothing at all: a relay that refuses at once would be asked in a hot loop.
        return max(.milliseconds(50), ceiling * min(max(random, 0), 1))
    }

    /// A session that lived long enough, or an answer that came, ends the series.
    package mutating func succeeded() {
        self.failures = 0
    }
}
