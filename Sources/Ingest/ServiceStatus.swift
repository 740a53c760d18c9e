package import Nostr
package import NostrCache
import Synchronization

/// What the service is doing, for those who ask: health, metrics, `status`, the notify protocol.
///
/// Written by the loops, read by anybody; a picture, on which nothing in the loops depends but which fallback serves.
package final class ServiceStatus: Sendable {
    package struct Stream: Equatable, Sendable {
        package enum Phase: String, Sendable {
            case idle, opening, catchingUp = "catching_up", live, waiting, refused
        }

        package var name: String
        package var phase = Phase.idle
        /// The upper end of coverage.
        package var cursor: Timestamp?
        /// Seconds that are wanted and not covered.
        package var missingSeconds: Int64 = 0
    }

    package struct Relay: Equatable, Sendable {
        package enum Phase: String, Sendable {
            case standby, connecting, connected, backingOff = "backing_off", stopped
        }

        package var role: RelayRole
        package var phase = Phase.connecting
        package var servingSince: ContinuousClock.Instant?
        package var downSince: ContinuousClock.Instant?
        package var failures = 0
        package var connects = 0
        package var lastConnected: Timestamp?
        package var lastMessage: Timestamp?
        package var lastEvent: Timestamp?
        package var lastAnswer: Timestamp?
        package var lastError: String?
        package var nextAttempt: Timestamp?
        /// Requests that are open now.
        package var subscriptions = 0
        package var streams: [Stream] = []
        package var fetches: [String: Int] = [:]
        package var closed: [String: Int] = [:]
        package var disconnects: [String: Int] = [:]
        package var connectFailures: [String: Int] = [:]
    }

    package struct Writer: Equatable, Sendable {
        package enum Phase: String, Sendable {
            /// No connection to PostgreSQL.
            case disconnected
            /// Another daemon writes; this one is ready to take over.
            case standby
            case writing
            /// The database has no room or no memory: nothing is written, nothing is dropped.
            case paused
        }

        package var phase = Phase.disconnected
        package var lastTick: ContinuousClock.Instant?
        /// The last batch that held an event.
        package var lastCommit: Timestamp?
        package var lastPing: ContinuousClock.Instant?
        package var connects = 0
        package var commits = 0
        /// Commits of a batch that an earlier attempt had failed to write.
        package var retried = 0
        /// Commits of a batch that was cut because PostgreSQL refused an event of it.
        package var bisected = 0
        /// Failed attempts.
        package var retries = 0
        package var lastError: String?
    }

    /// What the clock made necessary, since the start.
    package struct Maintenance: Equatable, Sendable {
        /// Rows whose expiration passed.
        package var expired = 0
        /// Rows of keys that asked to vanish, beyond what the writer removed at once.
        package var vanished = 0
        /// Entries that left quarantine by another attempt.
        package var requeued = 0
        /// Entries in quarantine at the last pass.
        package var quarantined: Int?
        /// Holes in the ledger at the last pass.
        package var holes: [HoleCount] = []
        package var lastPass: Timestamp?
    }

    package struct Picture: Equatable, Sendable {
        package var relays: [String: Relay] = [:]
        package var writer = Writer()
        package var maintenance = Maintenance()
        package var fleetTick: ContinuousClock.Instant?
        package var isDraining = false
        package var activeFallbacks: Set<String> = []
        package var fallbackSwitches = 0
        package var startedAt: ContinuousClock.Instant?

        package init() {}
    }

    private let picture = Mutex(Picture())

    package init() {}

    package var snapshot: Picture { self.picture.withLock { $0 } }

    package func update(_ change: (inout Picture) -> Void) {
        self.picture.withLock { change(&$0) }
    }

    func update(relay: String, _ change: (inout Relay) -> Void) {
        self.picture.withLock { picture in
            guard var status = picture.relays[relay] else { return }
            change(&status)
            picture.relays[relay] = status
        }
    }

    func isActive(fallback relay: String) -> Bool {
        self.picture.withLock { $0.activeFallbacks.contains(relay) }
    }
}

extension ServiceStatus.Stream.Phase {
    init(_ state: StreamFollower.State) {
        self =
            switch state {
            case .idle: .idle
            case .opening: .opening
            case .catchingUp: .catchingUp
            case .live: .live
            case .waiting: .waiting
            case .refused: .refused
            }
    }
}
