import NIOCore
import Nostr
import NostrCache
import RelayClient

/// From raw frames to verified events: steps 2–5 of the line from frame to row, for one connection.
///
/// A batch is read in two passes. The first looks for committed copies, parses the rest and drives the session; the second
/// verifies. In between the caller sends what the session wants to ask, so that the relay works while we verify.
struct FrameReader: ~Copyable {
    /// What the caller has to do after the first pass.
    enum Event: Sendable {
        case answered(RequestPurpose, Page, closing: SubscriptionID)
        case failed(RequestPurpose, FetchFailure, closing: SubscriptionID?)
        case live(RequestPurpose)
        case challenged(String)
        case slowDown
        case notice(String)
    }

    private let committed: CommittedEvents
    private let verifier: BatchVerifier
    private let limits: EventLimits

    private let relay: RelayID
    /// Events of the first pass that wait for verification.
    private var unverified: [Nostr.Event] = []
    /// Committed events that this relay showed for the first time.
    private var sightings: [EventID] = []
    /// What the events of the last batch that a tail delivered claim as their time.
    private(set) var live: [Timestamp] = []

    init(
        relay: RelayID, committed: CommittedEvents, keys: PublicKeyCache, verified: VerifiedSignatures?,
        limits: EventLimits, takesEmbeds: Bool = false
    ) {
        self.relay = relay
        self.committed = committed
        self.verifier = BatchVerifier(
            relay: relay, keys: keys, verified: verified, limits: limits, takesEmbeds: takesEmbeds)
        self.limits = limits
    }

    /// Reads the messages of one batch; what it learned goes to `counts` and to the result, in order.
    mutating func read(
        _ frames: [ByteBuffer], into session: inout RelaySession<RequestPurpose>, now: ContinuousClock.Instant,
        counts: inout Accounts.FrameCounts
    ) -> [Event] {
        let peeks = frames.map { EventPeek($0.readableBytesUInt8Span) }
        let copies = self.committed.copies(of: peeks.map { $0?.id }, from: self.relay)
        var events: [Event] = []
        var received = 0
        self.live.removeAll(keepingCapacity: true)
        for index in frames.indices {
            let frame = frames[index]
            if let peek = peeks[index], let copy = copies[index] {
                let id = SubscriptionID(peek.subscription, of: frame)
                received += 1
                if session.receivedCopy(createdAt: copy.createdAt, under: id, now: now) {
                    counts.duplicates += 1
                    if copy.isSighting { self.sightings.append(peek.id) }
                } else {
                    counts.reject(.unknownSubscription)
                }
                continue
            }
            do throws(RefusedFrame) {
                let message = try RelayMessage(parsing: frame.readableBytesUInt8Span, limits: self.limits)
                guard case .event(let id, let event) = message else {
                    counts.messages[message.label, default: 0] += 1
                    self.perform(session.received(message, now: now), &events, &counts)
                    continue
                }
                received += 1
                switch session.receive(event, under: id, now: now) {
                case .refused(let reason):
                    counts.reject(reason)
                case .live:
                    self.live.append(event.createdAt)
                    self.keep(event, &counts)
                case .stored:
                    self.keep(event, &counts)
                }
            } catch {
                if error.isEvent {
                    received += 1
                    counts.reject(error.rejection)
                    if let id = error.subscription { session.receivedRefused(under: id, now: now) }
                } else {
                    counts.unreadable += 1
                }
            }
        }
        counts.received += received
        if received > 0 { counts.messages["EVENT", default: 0] += received }
        return events
    }

    private mutating func perform(
        _ action: RelaySession<RequestPurpose>.Action, _ events: inout [Event], _ counts: inout Accounts.FrameCounts
    ) {
        switch action {
        case .store(let event, _): self.keep(event, &counts)
        case .reject(let reason): counts.reject(reason)
        case .answered(let purpose, let page, let id): events.append(.answered(purpose, page, closing: id))
        case .failed(let purpose, let failure, let id): events.append(.failed(purpose, failure, closing: id))
        case .live(let purpose): events.append(.live(purpose))
        case .challenged(let challenge): events.append(.challenged(challenge))
        case .slowDown: events.append(.slowDown)
        case .counted(.notice(let text)): events.append(.notice(text))
        case .counted, .none: break
        }
    }

    private mutating func keep(_ event: Nostr.Event, _ counts: inout Accounts.FrameCounts) {
        if let reason = EventGate.refusal(of: event.kind) {
            counts.reject(reason)
        } else {
            self.unverified.append(event)
        }
    }

    /// Events that wait for verification.
    var pendingCount: Int { self.unverified.count }

    /// Verifies what the first pass left, in order of arrival; `microseconds` since 1970.
    mutating func verify(
        at wall: Timestamp, seenAt microseconds: Int64, counts: inout Accounts.FrameCounts
    ) async -> [CacheItem] {
        let verdict = await self.verifier.verify(self.unverified, at: wall, seenAt: microseconds)
        self.unverified.removeAll(keepingCapacity: true)
        counts.add(verdict.counts)
        guard !self.sightings.isEmpty else { return verdict.items }
        // Once for each relay: a sighting that is lost on the way to the row is shown again after a restart.
        self.committed.note(self.sightings, from: self.relay)
        let sightings = self.sightings.map { CacheItem.sighting($0, relay: self.relay, seenAt: microseconds) }
        self.sightings.removeAll(keepingCapacity: true)
        return verdict.items + sightings
    }
}

/// What a request of a session is for.
package struct RequestPurpose: Hashable, Sendable {
    /// The position of the follower among those of the relay.
    let follower: Int
    /// Nil for the tail.
    let window: Int?
}

extension SubscriptionID {
    /// The id that stands at `range` in a frame; ours are ASCII and short, so no memory is allocated for them.
    init(_ range: Range<Int>, of frame: ByteBuffer) {
        let text = frame.getString(at: frame.readerIndex + range.lowerBound, length: range.count) ?? ""
        self.init(rawValue: text)
    }
}
