import Logging
import Metrics
import NIOCore
import Nostr
import NostrCache
import Postgres
import RelayClient

/// Connect, converse, back off, again: one relay, for as long as the daemon runs.
struct RelayLoop: Sendable {
    let relay: IngestConfiguration.Relay
    let configuration: IngestConfiguration
    let services: IngestServices
    let database: CacheDatabase
    let eventLoop: any EventLoop
    /// Nil: the machine's trust roots.
    let tls: RelayTLS?

    private var label: String { self.relay.url.description }

    func run() async throws {
        var backoff = Backoff(first: self.configuration.reconnectFirst, limit: self.configuration.reconnectLimit)
        var connections = 0
        var memory = FollowerMemory()
        while true {
            try await self.standBy()
            connections += 1
            let started = self.services.time.instant()
            var pause: Duration?
            do {
                let end = try await self.converse(connections, &memory)
                pause = self.ended(end)
                if end == .done { continue }
            } catch let error as RelayConnectionError {
                pause = self.failed(error)
            } catch let error as PostgresError {
                self.note("database: \(error)")
            } catch let error as EventQueue.Finished {
                throw error
            } catch {
                // Whatever one relay does, it costs that relay a pause; the end of the task is another matter.
                try Task.checkCancellation()
                self.note("error", "\(error)")
            }
            if self.services.time.instant() - started >= self.configuration.stableAfter { backoff.succeeded() }
            try await self.backOff(max(backoff.failed(random: .random(in: 0..<1)), pause ?? .zero), backoff.failures)
        }
    }

    // MARK: One connection

    private func converse(_ number: Int, _ memory: inout FollowerMemory) async throws -> RelayConversation.End {
        let (end, relay, last) = try await RelayConnection.withConnection(
            to: self.relay.url, options: self.options, on: self.eventLoop, logger: self.services.logger
        ) { inbound, outbound in
            self.connected(inbound.handshake)
            let information = await self.information(&memory)
            let (relay, followers) = try await self.prepare(information, memory)
            var conversation = RelayConversation(
                relay: relay, label: self.label, followers: followers, services: self.services,
                limits: self.configuration.limits, connectionNumber: number,
                isDone: { _ in self.isStoodDown })
            let end = try await conversation.run(inbound, outbound) { follower, _, _ in follower.start() }
            return (end, relay, conversation.followers)
        }
        for follower in last { memory.note(follower) }
        await self.record(relay, end, last)
        return end
    }

    /// Notes in the cache what was learned of the relay; a database that is away is the writer's trouble, not ours.
    private func record(_ relay: RelayID, _ end: RelayConversation.End, _ followers: [StreamFollower]) async {
        let status = self.services.status.snapshot.relays[self.label]
        var observation = RelayObservation()
        observation.lastConnectedAt = status?.lastConnected.map { $0.seconds * 1_000_000 }
        observation.lastEventAt = status?.lastEvent.map { $0.seconds * 1_000_000 }
        observation.lastEOSEAt = status?.lastAnswer.map { $0.seconds * 1_000_000 }
        observation.consecutiveFailures = status.map { Int32(clamping: $0.failures) }
        observation.effectiveLimit = followers.map(\.largestPage).max().flatMap { $0 > 0 ? Int32(clamping: $0) : nil }
        if case .disconnected(let cause, let reason) = end {
            observation.lastError = "\(cause.rawValue) \(reason)"
        }
        let learned = observation
        do {
            try await self.database.read { try await $0.record(learned, of: relay) }
        } catch {
            self.services.logger.debug(
                "Observation not recorded", metadata: ["relay.url": "\(self.label)", "error": "\(error)"])
        }
    }

    /// Coverage is read from the ledger for every connection; what is in memory is thrown away with the old one.
    private func prepare(
        _ information: RelayInformation, _ memory: FollowerMemory
    ) async throws -> (RelayID, [StreamFollower]) {
        let streams = self.configuration.streams
        var policy = self.configuration.follow
        if let limit = information.limitation.maxLimit, limit > 0 { policy.pageLimit = min(policy.pageLimit, limit) }
        let open = min(
            self.configuration.limits.subscriptionsPerRelay, max(2, information.limitation.maxSubscriptions ?? .max))
        policy.fetchesMax = min(policy.fetchesMax, max(1, (open - streams.count) / max(1, streams.count)))
        return try await self.database.followers(of: self.relay, streams: streams, memory: memory, policy: policy)
    }

    private var options: RelayConnectionOptions {
        self.configuration.connection.options(for: self.relay, tls: self.tls)
    }

    /// Hints only: a relay that has no document, or a wrong one, is asked all the same. Asked for once an hour, and only
    /// while the relay is there.
    private func information(_ memory: inout FollowerMemory) async -> RelayInformation {
        let now = self.services.time.instant()
        if let (information, expires) = memory.information, now < expires { return information }
        let fetched = try? await RelayInformation.fetch(
            from: self.relay.url, options: self.options, on: self.eventLoop)
        let information = fetched ?? .absent
        memory.information = (information, now + Self.informationLifetime)
        return information
    }

    /// NIP-11 documents change with a relay's configuration, that is rarely.
    private static let informationLifetime: Duration = .seconds(3_600)

    // MARK: Standing by

    /// A fallback waits until a primary needs it.
    private func standBy() async throws {
        while self.isStoodDown {
            self.services.status.update(relay: self.label) { $0.phase = .standby }
            try await self.services.time.sleep(.milliseconds(500))
        }
        try Task.checkCancellation()
        self.services.status.update(relay: self.label) { $0.phase = .connecting }
    }

    private var isStoodDown: Bool {
        self.relay.role == .fallback && !self.services.status.isActive(fallback: self.label)
    }

    private func backOff(_ wait: Duration, _ failures: Int) async throws {
        self.services.status.update(relay: self.label) { status in
            status.phase = .backingOff
            status.failures = failures
            status.nextAttempt = self.services.time.wall + Int64(wait / .seconds(1))
        }
        try await self.services.time.sleep(wait)
    }

    // MARK: Reporting

    private func connected(_ handshake: RelayConnection.Handshake) {
        self.services.logger.info("Relay connected", metadata: ["relay.url": "\(self.label)"])
        let relay = [("relay", self.label)]
        Timer(label: "nostr_ingest_relay_connect_duration_seconds", dimensions: relay)
            .record(duration: handshake.duration)
        if let theirs = handshake.serverDate {
            Meter(label: "nostr_ingest_relay_clock_skew_seconds", dimensions: relay)
                .set(theirs - self.services.time.wall.seconds)
        }
        self.services.status.update(relay: self.label) { status in
            status.phase = .connected
            status.connects += 1
            status.servingSince = self.services.time.instant()
            status.downSince = nil
            status.lastConnected = self.services.time.wall
            status.nextAttempt = nil
        }
    }

    /// Returns how long to stay away at least.
    private func ended(_ end: RelayConversation.End) -> Duration? {
        switch end {
        case .disconnected(let cause, let reason):
            self.note("\(cause.rawValue)", reason)
            self.down(cause.rawValue)
            return nil
        case .recycled:
            self.note("unanswered")
            self.down(DisconnectCause.silence.rawValue)
            return nil
        case .dishonest:
            self.note("too many invalid events")
            self.down(DisconnectCause.policy.rawValue)
            return self.configuration.limits.invalidBreak
        case .done:
            self.down(DisconnectCause.idle.rawValue)
            return nil
        }
    }

    private func failed(_ error: RelayConnectionError) -> Duration? {
        self.note("\(error.result.rawValue)", "\(error)")
        self.services.status.update(relay: self.label) { status in
            status.connectFailures[error.result.rawValue, default: 0] += 1
            if status.downSince == nil { status.downSince = self.services.time.instant() }
            status.servingSince = nil
        }
        guard case .upgradeRefused(let refusal) = error else { return nil }
        switch refusal.status {
        case 401, 403: return .seconds(900)
        default: return refusal.retryAfter
        }
    }

    private func down(_ cause: String) {
        self.services.status.update(relay: self.label) { status in
            status.disconnects[cause, default: 0] += 1
            status.servingSince = nil
            status.subscriptions = 0
            if status.downSince == nil { status.downSince = self.services.time.instant() }
        }
    }

    private func note(_ what: String, _ detail: String = "") {
        self.services.logger.info(
            "Relay lost",
            metadata: ["relay.url": "\(self.label)", "cause": "\(what)", "detail": "\(detail.prefix(256))"])
        self.services.status.update(relay: self.label) { $0.lastError = what }
    }
}
