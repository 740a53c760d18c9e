package import Logging
import Metrics
import NIOCore
package import Nostr
import NostrCache
import RelayClient

/// What the relay loops share.
package struct IngestServices: Sendable {
    package let queue: EventQueue
    package let committed: CommittedEvents
    package let keys: PublicKeyCache
    /// Nil where a single relay is asked: nobody else brings copies.
    package let verified: VerifiedSignatures?
    /// Whether events that others hold in their content are stored as well.
    package let takesEmbeds: Bool
    package let accounts: Accounts
    package let status: ServiceStatus
    package let time: IngestTime
    package let logger: Logger

    package init(
        queue: EventQueue, committed: CommittedEvents, keys: PublicKeyCache,
        verified: VerifiedSignatures? = VerifiedSignatures(), takesEmbeds: Bool = false, accounts: Accounts,
        status: ServiceStatus,
        time: IngestTime = .system, logger: Logger
    ) {
        self.queue = queue
        self.committed = committed
        self.keys = keys
        self.verified = verified
        self.takesEmbeds = takesEmbeds
        self.accounts = accounts
        self.status = status
        self.time = time
        self.logger = logger
    }
}

/// One connection's worth of work: drives the session and the followers with what arrives, and does what they say.
///
/// It decides nothing: rules are in ``RelaySession``, ``StreamFollower`` and ``FrameReader``.
struct RelayConversation: ~Copyable {
    /// Why the conversation ended without an error.
    enum End: Equatable, Sendable {
        /// The relay or the network ended the connection.
        case disconnected(DisconnectCause, String)
        /// The relay does not answer; a new connection may help.
        case recycled
        /// Too many of its events are invalid.
        case dishonest
        /// The loop was told to stand down, or a backfill has nothing left to do.
        case done
    }

    private let relay: RelayID
    private let label: String
    private let services: IngestServices
    private let limits: IngestConfiguration.Limits
    /// Asked after every batch; true ends the conversation.
    private let isDone: ([StreamFollower]) -> Bool

    private var session: RelaySession<RequestPurpose>
    private(set) var followers: [StreamFollower]
    private var reader: FrameReader
    private var outgoing: [ClientMessage] = []
    private var advances: [CacheItem] = []
    private var counts = Accounts.FrameCounts()
    /// When the requests for stored events that are open were asked.
    private var askedAt: [RequestPurpose: ContinuousClock.Instant] = [:]
    private var isRecycled = false
    private var alive: Timestamp
    private var honesty = Honesty()

    /// Invalid events among the last thousand or so.
    private struct Honesty {
        var received = 0
        var invalid = 0

        mutating func add(_ counts: Accounts.FrameCounts) {
            if self.received >= 1_000 {
                self.received /= 2
                self.invalid /= 2
            }
            self.received += counts.received
            for (reason, count) in counts.rejected {
                switch reason {
                case .badID, .badPublicKey, .badSignature, .malformedJSON, .notObject, .duplicateKey, .missingField,
                    .badType, .badHex, .kindRange, .createdAtRange, .filterMismatch, .unknownSubscription:
                    self.invalid += count
                case .tooLarge, .tooManyTags, .ephemeral, .policy, .nulInText, .future, .expired, .unstorable:
                    break
                }
            }
        }

        func exceeds(percent: Int) -> Bool { self.received >= 1_000 && self.invalid * 100 > self.received * percent }
    }

    init(
        relay: RelayID, label: String, followers: [StreamFollower], services: IngestServices,
        limits: IngestConfiguration.Limits, connectionNumber: Int, isDone: @escaping ([StreamFollower]) -> Bool
    ) {
        self.relay = relay
        self.label = label
        self.followers = followers
        self.services = services
        self.limits = limits
        self.isDone = isDone
        self.session = RelaySession(
            prefix: "c\(String(connectionNumber % 46_656, radix: 36))-", deadline: limits.requestDeadline)
        self.reader = FrameReader(
            relay: relay, committed: services.committed, keys: services.keys, verified: services.verified,
            limits: limits.event, takesEmbeds: services.takesEmbeds)
        self.alive = services.time.wall
    }

    /// Talks until the connection ends, or until there is nothing left to do.
    mutating func run(
        _ inbound: RelayConnection.Inbound, _ outbound: RelayConnection.Outbound,
        start: (inout StreamFollower, Timestamp, ContinuousClock.Instant) -> [StreamFollower.Action]
    ) async throws -> End {
        let now = self.services.time.instant()
        for index in self.followers.indices {
            self.perform(start(&self.followers[index], self.services.time.wall, now), index, now)
        }
        try await self.send(outbound)
        for try await batch in inbound {
            let end = self.read(batch)
            self.timePassed()
            try await self.send(outbound)
            try await self.handOver()
            self.report(batch)
            if let end { return end }
            if self.isRecycled { return .recycled }
            if self.honesty.exceeds(percent: self.limits.invalidPercentMax) { return .dishonest }
            if self.isDone(self.followers) { return .done }
        }
        return .disconnected(.eof, "")
    }

    // MARK: In

    /// The first pass over a batch. Nothing here suspends.
    private mutating func read(_ batch: RelayConnection.Batch) -> End? {
        let now = self.services.time.instant()
        var frames: [ByteBuffer] = []
        frames.reserveCapacity(batch.elements.count)
        var end: End?
        for element in batch.elements {
            switch element {
            case .message(let frame): frames.append(frame)
            case .binary: self.counts.unreadable += 1
            case .pong(let roundTrip):
                Meter(label: "nostr_ingest_relay_ping_rtt_seconds", dimensions: [("relay", self.label)])
                    .set(roundTrip / .seconds(1))
            case .closed(let disconnect): end = .disconnected(disconnect.cause, disconnect.reason)
            }
        }
        if !batch.elements.isEmpty {
            let age = (NIODeadline.now() - batch.receivedAt).nanoseconds / 1_000_000_000
            self.alive = max(self.alive, self.services.time.wall - age)
        }
        self.counts.bytes += batch.byteCount
        for event in self.reader.read(frames, into: &self.session, now: now, counts: &self.counts) {
            self.perform(event, now)
        }
        return end
    }

    private mutating func perform(_ event: FrameReader.Event, _ now: ContinuousClock.Instant) {
        switch event {
        case .answered(let purpose, let page, let id):
            self.outgoing.append(.close(id))
            guard let window = purpose.window else { return }
            if let askedAt = self.askedAt.removeValue(forKey: purpose) {
                Timer(label: "nostr_ingest_relay_eose_duration_seconds", dimensions: [("relay", self.label)])
                    .record(duration: now - askedAt)
            }
            self.services.status.update(relay: self.label) { $0.lastAnswer = self.services.time.wall }
            let actions = self.followers[purpose.follower].answered(window: window, page, now: now)
            self.countFetch(actions)
            self.perform(actions, purpose.follower, now)
        case .failed(let purpose, let failure, let id):
            self.failed(purpose, failure, closing: id, now)
        case .live(let purpose):
            let actions = self.followers[purpose.follower].tailOpened(at: self.services.time.wall, now: now)
            self.perform(actions, purpose.follower, now)
        case .slowDown:
            for index in self.followers.indices { self.followers[index].slowDown() }
        case .challenged:
            // Without a key there is nothing to answer; the CLOSED that follows says what is not served.
            break
        case .notice(let text):
            self.services.logger.debug(
                "Relay notice", metadata: ["relay.url": "\(self.label)", "text": "\(Self.printable(text))"])
        }
    }

    /// A window that ended is complete, or truncated at the seconds that became holes.
    private func countFetch(_ actions: [StreamFollower.Action]) {
        let isTruncated = actions.contains { if case .hole(_, .denseSecond) = $0 { true } else { false } }
        let isComplete = actions.contains { if case .covered = $0 { true } else { false } }
        guard isTruncated || isComplete else { return }
        self.services.status.update(relay: self.label) {
            $0.fetches[isTruncated ? "truncated" : "complete", default: 0] += 1
        }
    }

    private mutating func failed(
        _ purpose: RequestPurpose, _ failure: FetchFailure, closing id: SubscriptionID?, _ now: ContinuousClock.Instant
    ) {
        if let id { self.outgoing.append(.close(id)) }
        self.askedAt[purpose] = nil
        self.services.status.update(relay: self.label) { status in
            status.fetches["failed", default: 0] += 1
            if case .closed(let reason) = failure { status.closed[reason.prefix.rawValue, default: 0] += 1 }
            status.lastError = failure.label
        }
        self.services.logger.debug(
            "Request failed",
            metadata: [
                "relay.url": "\(self.label)", "stream": "\(self.followers[purpose.follower].name)",
                "failure": "\(failure.label)",
            ])
        let random = Double.random(in: 0..<1)
        let actions =
            if let window = purpose.window {
                self.followers[purpose.follower].failed(window: window, failure, now: now, random: random)
            } else {
                self.followers[purpose.follower].tailFailed(failure, now: now, random: random)
            }
        self.perform(actions, purpose.follower, now)
    }

    private mutating func perform(_ actions: [StreamFollower.Action], _ index: Int, _ now: ContinuousClock.Instant) {
        let stream = self.followers[index].stream
        for action in actions {
            switch action {
            case .openTail(let filter):
                let purpose = RequestPurpose(follower: index, window: nil)
                self.outgoing += self.session.abandon(purpose)
                self.outgoing.append(self.session.tail(purpose, filter, now: now))
            case .ask(let window, let filter):
                let purpose = RequestPurpose(follower: index, window: window)
                self.askedAt[purpose] = now
                self.outgoing.append(self.session.ask(purpose, filter, now: now))
            case .covered(let span, let proof):
                self.advances.append(
                    .coverage(CoverageAdvance(relay: self.relay, stream: stream, span: span, proof: proof)))
            case .hole(let span, let reason):
                self.advances.append(
                    .hole(CoverageHole(relay: self.relay, stream: stream, span: span, reason: reason)))
            case .recycle:
                self.isRecycled = true
            }
        }
    }

    private mutating func timePassed() {
        let now = self.services.time.instant()
        for action in self.session.timePassed(now: now) {
            if case .failed(let purpose, let failure, let id) = action {
                self.failed(purpose, failure, closing: id, now)
            }
        }
        let wall = self.services.time.wall
        for index in self.followers.indices {
            let actions = self.followers[index].timePassed(at: wall, alive: self.alive, now: now)
            self.perform(actions, index, now)
        }
    }

    // MARK: Out

    private mutating func send(_ outbound: RelayConnection.Outbound) async throws {
        guard !self.outgoing.isEmpty else { return }
        let messages = self.outgoing.map { ByteBuffer(bytes: $0.json) }
        self.outgoing.removeAll(keepingCapacity: true)
        try await outbound.send(texts: messages)
    }

    /// The second pass: verifies, settles, and hands events over with the coverage that vouches for them behind.
    private mutating func handOver() async throws {
        let start = self.services.time.instant()
        let microseconds = self.services.time.microseconds()
        let pending = self.reader.pendingCount
        var items = await self.reader.verify(
            at: Timestamp(microseconds / 1_000_000), seenAt: microseconds, counts: &self.counts)
        items += self.advances
        self.advances.removeAll(keepingCapacity: true)
        let counts = self.counts
        self.counts = Accounts.FrameCounts()
        self.honesty.add(counts)
        self.services.accounts.settle(counts, from: self.label)
        let verified = self.services.time.instant()
        if pending > 0 {
            Timer(label: "nostr_ingest_verify_duration_seconds").record(duration: (verified - start) / pending)
        }
        do {
            try await self.services.queue.send(items)
        } catch {
            self.services.accounts.abandon(counts.queued)
            throw error
        }
        let sent = self.services.time.instant()
        FloatingPointCounter(label: "nostr_ingest_backpressure_seconds_total").increment(
            by: (sent - verified) / .seconds(1))
        // The relay cannot answer faster than we read.
        let pause = sent - start
        if pause > .milliseconds(100) { self.session.didNotRead(for: pause) }
    }

    private func report(_ batch: RelayConnection.Batch) {
        let wall = self.services.time.wall
        let followers = self.followers.map(ServiceStatus.Stream.init)
        let hasEvent = batch.elements.contains { if case .message = $0 { true } else { false } }
        let lag = Recorder(label: "nostr_ingest_event_lag_seconds")
        for createdAt in self.reader.live { lag.record(max(0, wall.seconds - createdAt.seconds)) }
        let subscriptions = self.session.openCount
        self.services.status.update(relay: self.label) { status in
            status.subscriptions = subscriptions
            status.streams = followers
            if !batch.elements.isEmpty { status.lastMessage = wall }
            if hasEvent { status.lastEvent = wall }
        }
    }

    /// What a relay sends is cut and stripped before it is shown (operations.md section 15).
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(256).filter { $0.value >= 0x20 && $0.isASCII }))
    }
}

extension ServiceStatus.Stream {
    init(_ follower: StreamFollower) {
        self.init(
            name: follower.name, phase: Phase(follower.state), cursor: follower.covered.upperBound,
            missingSeconds: follower.missing.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) })
    }
}
