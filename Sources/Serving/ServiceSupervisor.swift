import Glibc
package import Logging
package import ServiceLifecycle
import Synchronization
import UnixSignals

/// Runs a program's services under the signals of an operator: the first SIGTERM or SIGINT drains, the second ends at once.
package final class ServiceSupervisor: Sendable {
    /// A statement that hangs cannot be cancelled: so long after the drain the process ends nevertheless, before
    /// systemd's `TimeoutStopSec`.
    private static let abandonLimit: Duration = .seconds(8)
    /// Within this a second signal is the first one: timeout(1) sends its signal twice, to the process and to its group.
    package static let sameSignal: Duration = .milliseconds(500)

    private let drainLimit: Duration
    private let logger: Logger
    private let onStopping: @Sendable () -> Void
    /// Whether a signal came.
    private let isStopping = Mutex(false)

    /// - Parameters:
    ///   - drainLimit: what is in flight may end for so long.
    ///   - onStopping: told at the first signal, before any service is.
    package init(drainLimit: Duration, logger: Logger, onStopping: @escaping @Sendable () -> Void) {
        self.drainLimit = drainLimit
        self.logger = logger
        self.onStopping = onStopping
    }

    /// Started in order, stopped in reverse; returns when all have ended, also where the drain had to be cut short: that is how
    /// an operator's stop ends, and no failure.
    package func run(_ services: [ServiceGroupConfiguration.ServiceConfiguration]) async throws {
        // The library's own life is told at debug level only.
        var quiet = self.logger
        quiet.logLevel = max(.error, self.logger.logLevel)
        var configuration = ServiceGroupConfiguration(services: services, logger: quiet)
        configuration.maximumGracefulShutdownDuration = self.drainLimit
        let group = ServiceGroup(configuration: configuration)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let (stop, stopping) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                await self.heed(signals, group, stopping)
                return false
            }
            tasks.addTask {
                for await _ in stop {}
                // Cancelled when the group has ended in time.
                guard (try? await Task.sleep(for: self.drainLimit + Self.abandonLimit)) != nil else { return false }
                self.logger.error("The drain hangs and is abandoned")
                _exit(ProcessStatus.success.rawValue)
            }
            tasks.addTask {
                do {
                    try await group.run()
                } catch is CancellationError where self.isStopping.withLock({ $0 }) {
                    // After a signal it is the group's limit that cancels; before one, something is wrong.
                    self.logger.warning(
                        "The drain took too long; what was in flight is left",
                        metadata: ["limit.seconds": "\(self.drainLimit.components.seconds)"])
                }
                return true
            }
            while let hasEnded = try await tasks.next(), !hasEnded {}
            tasks.cancelAll()
        }
    }

    private func heed(
        _ signals: UnixSignalsSequence, _ group: ServiceGroup, _ stopping: AsyncStream<Void>.Continuation
    ) async {
        var first: ContinuousClock.Instant?
        for await signal in signals {
            guard signal != .sighup else {
                self.logger.warning("The configuration is read at start only; restart to apply a new one")
                continue
            }
            if let first {
                guard ContinuousClock.now - first > Self.sameSignal else { continue }
                self.logger.warning("Second signal; ending at once", metadata: ["signal": "\(signal)"])
                _exit(signal == .sigint ? ProcessStatus.interrupted : ProcessStatus.terminated)
            }
            first = .now
            self.logger.notice("Stopping; another signal ends at once", metadata: ["signal": "\(signal)"])
            self.isStopping.withLock { $0 = true }
            self.onStopping()
            stopping.finish()
            await group.triggerGracefulShutdown()
        }
    }
}
