package import Nostr

#if canImport(Glibc)
    import Glibc
#endif

/// The clocks of the daemon, as values: rules take time as an argument, and shells take it from here.
package struct IngestTime: Sendable {
    /// Monotonic; for deadlines and intervals.
    package let instant: @Sendable () -> ContinuousClock.Instant
    /// Microseconds since 1970; for policy and for what is written down.
    package let microseconds: @Sendable () -> Int64
    package let sleep: @Sendable (Duration) async throws -> Void

    package init(
        instant: @escaping @Sendable () -> ContinuousClock.Instant, microseconds: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.instant = instant
        self.microseconds = microseconds
        self.sleep = sleep
    }

    /// Seconds since 1970.
    package var wall: Timestamp { Timestamp(max(0, self.microseconds() / 1_000_000)) }

    package static let system = IngestTime(
        instant: { ContinuousClock.now },
        microseconds: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
        },
        sleep: { try await Task.sleep(for: $0) })
}
