import Logging
import NIOCore
package import NIOPosix
package import Nostr
package import NostrCache
import Postgres
import RelayClient

/// Fills the holes of a range, relay by relay and stream by stream, and ends.
///
/// It is the daemon's own machinery without the tail: the same paging, the same proof, the same queue and writer. What
/// the ledger covers already is not asked for, so running it again after any interruption continues where it stopped, and
/// running it beside the daemon does no harm.
package struct Backfill: Sendable {
    /// What an operator asks for.
    package struct Order: Sendable {
        package var range: Range<Timestamp>
        package var relays: [IngestConfiguration.Relay]
        package var streams: [IngestConfiguration.Stream]

        package init(
            range: Range<Timestamp>, relays: [IngestConfiguration.Relay], streams: [IngestConfiguration.Stream]
        ) {
            self.range = range
            self.relays = relays
            self.streams = streams
        }
    }

    /// What is to be done, or what is left, for one relay and stream.
    package struct Part: Equatable, Sendable {
        package let relay: String
        package let stream: String
        /// Not covered yet, in ascending order.
        package var missing: [Range<Timestamp>]
        /// Given up, with the reason the ledger names.
        package var holes: [RecordedHole]

        package var missingSeconds: Int64 { self.missing.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) } }
    }

    private let order: Order
    private let configuration: IngestConfiguration
    private let services: IngestServices
    private let database: CacheDatabase
    private let group: MultiThreadedEventLoopGroup

    package init(
        _ order: Order, configuration: IngestConfiguration, services: IngestServices, database: CacheDatabase,
        group: MultiThreadedEventLoopGroup = .singleton
    ) {
        self.order = order
        self.configuration = configuration
        self.services = services
        self.database = database
        self.group = group
    }

    /// Connections in a row that may fail before a relay is left alone.
    private static let attemptsMax = 5

    /// What the ledger says is missing now; changes nothing.
    package func plan() async throws -> [Part] {
        var parts: [Part] = []
        for relay in self.order.relays {
            for stream in self.order.streams { parts.append(try await self.part(relay, stream)) }
        }
        return parts
    }

    /// Works through the order; `progress` is called about once a second for each relay.
    ///
    /// Returns what is left, as the ledger says once the queue has been written: the caller finishes the queue, waits for
    /// the writer and asks ``plan()`` again for the final state. Throws only when the task is cancelled or the ledger
    /// cannot be read.
    package func run(
        progress: @escaping @Sendable (_ relay: String, _ stream: String, _ missingSeconds: Int64) -> Void
    ) async throws -> [String: String] {
        for relay in self.order.relays {
            self.services.accounts.register(relay.url.description)
            self.services.status.update {
                $0.relays[relay.url.description] = ServiceStatus.Relay(role: relay.role)
            }
        }
        return try await withThrowingTaskGroup(of: (String, String?).self) { tasks in
            for relay in self.order.relays {
                tasks.addTask { (relay.url.description, try await self.fill(relay, progress)) }
            }
            var errors: [String: String] = [:]
            for try await (relay, error) in tasks { errors[relay] = error }
            return errors
        }
    }

    /// Returns why the relay was left before everything was asked for, if it was.
    private func fill(
        _ relay: IngestConfiguration.Relay, _ progress: @escaping @Sendable (String, String, Int64) -> Void
    ) async throws -> String? {
        var backoff = Backoff(first: self.configuration.reconnectFirst, limit: .seconds(30))
        var connections = 0
        var error: String?
        while backoff.failures < Self.attemptsMax {
            connections += 1
            do {
                switch try await self.converse(relay, connections, progress) {
                case .done: return nil
                case .disconnected(let cause, let reason): error = reason.isEmpty ? cause.rawValue : reason
                case .recycled: error = "no answer"
                case .dishonest: return "too many invalid events"
                }
            } catch let failure as RelayConnectionError {
                error = "\(failure)"
                if failure.result == .policy { return error }
            }
            try await self.services.time.sleep(backoff.failed(random: .random(in: 0..<1)))
        }
        return error
    }

    private func converse(
        _ relay: IngestConfiguration.Relay, _ number: Int,
        _ progress: @escaping @Sendable (String, String, Int64) -> Void
    ) async throws -> RelayConversation.End {
        var policy = self.configuration.follow
        policy.isFollowing = false
        let (id, followers) = try await self.database.followers(
            of: relay, streams: self.order.streams, policy: policy)
        let label = relay.url.description
        let options = self.configuration.connection.options(
            for: relay, tls: try self.configuration.connection.tls())
        return try await RelayConnection.withConnection(
            to: relay.url, options: options, on: self.group.next(), logger: self.services.logger
        ) { inbound, outbound in
            var conversation = RelayConversation(
                relay: id, label: label, followers: followers, services: self.services,
                limits: self.configuration.limits, connectionNumber: number,
                isDone: { followers in
                    for follower in followers {
                        progress(
                            label, follower.name,
                            follower.missing.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) })
                    }
                    return followers.allSatisfy { $0.isDone || $0.isRefused }
                })
            return try await conversation.run(inbound, outbound) { follower, wall, now in
                follower.start(filling: self.order.range, at: wall, now: now)
            }
        }
    }

    private func part(_ relay: IngestConfiguration.Relay, _ stream: IngestConfiguration.Stream) async throws -> Part {
        let range = self.order.range
        let upper = min(range.upperBound, self.services.time.wall)
        return try await self.database.read { reader in
            let (relayID, streamID) = try await reader.identify(relay, stream)
            let covered = try await reader.coverage(of: relayID, stream: streamID)
            return Part(
                relay: relay.url.description, stream: stream.name,
                missing: range.lowerBound < upper ? covered.holes(in: range.lowerBound..<upper) : [],
                holes: try await reader.holes(of: relayID, stream: streamID).filter { $0.span.overlaps(range) })
        }
    }
}

extension StreamFollower {
    /// Whether the relay will not serve the stream.
    var isRefused: Bool {
        if case .refused = self.state { true } else { false }
    }
}
