import NIOCore

/// Whether a peer is alive, and how fast it may make us work: time is an argument.
///
/// Only a complete message or the answer to one of our own pings is a sign of life: a peer that trickles bytes or sends
/// pongs that nobody asked for (faults.md R21, R22) is none.
struct RelayLife: Sendable {
    enum Action: Hashable, Sendable {
        case none
        case ping
        case close(RelayDisconnect)
    }

    private let pingInterval: TimeAmount
    private let silenceLimit: TimeAmount
    private let messageLimit: TimeAmount
    private let pingAnswersPerSecondMax: Int

    private var lastSign: NIODeadline
    private var nextPing: NIODeadline
    /// Pings without an answer, oldest first; a peer may answer only the last (RFC 6455 section 5.5.3).
    private var pings: [(payload: UInt64, sentAt: NIODeadline)] = []
    /// When the message under way began.
    private var messageStart: NIODeadline?
    private var answersSince: NIODeadline
    private var answers = 0

    /// More unanswered pings than a silent peer can collect before it is left.
    private static let pingsMax = 8

    init(options: RelayConnectionOptions, now: NIODeadline) {
        self.pingInterval = TimeAmount(options.pingInterval)
        self.silenceLimit = TimeAmount(options.silenceLimit)
        self.messageLimit = TimeAmount(options.messageLimit)
        self.pingAnswersPerSecondMax = options.pingAnswersPerSecondMax
        self.lastSign = now
        self.nextPing = now + self.pingInterval
        self.answersSince = now
    }

    /// A ping with this payload leaves now.
    mutating func ping(now: NIODeadline, payload: UInt64) -> ByteBuffer {
        if self.pings.count == Self.pingsMax { self.pings.removeFirst() }
        self.pings.append((payload, now))
        return ByteBuffer(integer: payload)
    }

    /// The time that a pong took; nil if nobody asked for it.
    mutating func roundTrip(of pong: ByteBuffer, now: NIODeadline) -> Duration? {
        guard pong.readableBytes == 8, let payload: UInt64 = pong.getInteger(at: pong.readerIndex),
            let index = self.pings.lastIndex(where: { $0.payload == payload })
        else { return nil }
        let sentAt = self.pings[index].sentAt
        self.pings.removeFirst(index + 1)
        return Duration(now - sentAt)
    }

    /// Whether one more ping of the peer may be answered within this second.
    mutating func mayAnswerPing(now: NIODeadline) -> Bool {
        if now - self.answersSince >= .seconds(1) {
            self.answersSince = now
            self.answers = 0
        }
        self.answers += 1
        return self.answers <= self.pingAnswersPerSecondMax
    }

    /// - Parameters:
    ///   - isSign: a message or an answer to one of our pings was complete.
    ///   - messageEnded: a message was: a pong between its fragments does not give a message more time.
    ///   - isWithinMessage: the burst ended within a frame or between fragments.
    mutating func burstEnded(now: NIODeadline, isSign: Bool, messageEnded: Bool, isWithinMessage: Bool) {
        if isSign { self.lastSign = now }
        if messageEnded { self.messageStart = nil }
        self.messageStart = isWithinMessage ? self.messageStart ?? now : nil
    }

    /// Reading goes on: what the peer sent meanwhile could not be seen, so its time starts anew.
    mutating func resumed(now: NIODeadline, isWithinMessage: Bool) {
        self.lastSign = now
        self.messageStart = isWithinMessage ? now : nil
    }

    /// When `check` is due. A message that begins later is checked at the next ping, up to one interval late.
    var nextCheck: NIODeadline {
        min(
            self.nextPing, self.lastSign + self.silenceLimit,
            self.messageStart.map { $0 + self.messageLimit } ?? .distantFuture)
    }

    /// - Parameter isReading: false while the consumer holds up reading; the peer is then not to blame.
    mutating func check(now: NIODeadline, isReading: Bool) -> Action {
        if !isReading { self.resumed(now: now, isWithinMessage: self.messageStart != nil) }
        if let start = self.messageStart, now >= start + self.messageLimit {
            return .close(RelayDisconnect(cause: .oversized, code: 1009, reason: "message too slow"))
        }
        if now >= self.lastSign + self.silenceLimit {
            return .close(RelayDisconnect(cause: .silence, code: 1001, reason: "silence"))
        }
        guard now >= self.nextPing else { return .none }
        self.nextPing = now + self.pingInterval
        return .ping
    }
}
