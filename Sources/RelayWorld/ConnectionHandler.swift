import NIOCore
import NIOWebSocket
import Nostr

/// One client of a ``WorldRelay``: its subscriptions, and what is still to be sent to it.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame

    /// Bytes composed before they are written: large enough to make writes rare, small enough to share the loop.
    static let chunkBytes = 128 * 1024

    let relay: RelayState
    var subscriptions: [SubscriptionID: Subscription] = [:]
    private var usedSubscriptions: Set<SubscriptionID> = []
    private var challenge: String?
    private var isAuthenticated = false

    /// What is to be sent; everything before `nextItem` has been.
    var items: [OutgoingItem] = []
    var nextItem = 0
    /// The frames of the event at hand, when they are not written straight away.
    var frames: [OutgoingFrame] = []
    var nextFrame = 0
    var isPumpScheduled = false
    /// Waiting for the time before the next frame.
    var isDelayed = false
    var eventFrames = 0

    private(set) var number = 0
    private var context: ChannelHandlerContext?
    /// Frames are written by hand, past NIO's encoder.
    private var encoder: ChannelHandlerContext?
    private var end: WorldRelay.ConnectionEnd?

    init(relay: RelayState) {
        self.relay = relay
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.encoder = try? context.pipeline.syncOperations.context(handlerType: WebSocketFrameEncoder.self)
        self.number = self.relay.opened(self)
        // A connection that was accepted before the relay went away, and asked for its upgrade after.
        guard self.relay.isListening else { return self.drop() }
        if self.relay.personality.authentication == .challengeOnConnect { self.sendChallenge() }
        self.personalityChanged()
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.finish() }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.schedulePump()
        context.fireChannelWritabilityChanged()
    }

    /// Whether nothing more will be sent.
    var isEnding: Bool { self.end != nil || self.context == nil }

    /// Whether the socket takes more.
    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    private func finish() {
        guard self.context != nil else { return }
        self.context = nil
        self.encoder = nil
        for item in self.items[self.nextItem...] {
            if case .answer = item { self.relay.ended(.cut) }
        }
        self.items = []
        self.nextItem = 0
        self.relay.statistics.subscriptionsOpen -= self.subscriptions.count
        self.subscriptions = [:]
        self.relay.closed(self.number, self.end ?? .lost, eventFrames: self.eventFrames)
    }

    // MARK: Writing

    func write(_ buffer: ByteBuffer, then promise: EventLoopPromise<Void>? = nil) {
        self.relay.statistics.bytesSent += buffer.readableBytes
        self.encoder?.writeAndFlush(NIOAny(buffer), promise: promise)
    }

    /// Drops the connection without a word, and with whatever is still on its way.
    func drop() {
        guard !self.isEnding else { return }
        self.end = .byRelay
        self.context?.close(promise: nil)
    }

    /// Drops the connection as soon as `buffer` has gone out.
    func drop(after buffer: ByteBuffer) {
        guard !self.isEnding, let context = self.context else { return }
        self.end = .byRelay
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        self.write(buffer, then: written)
    }

    /// The timer of ``Personality/Disconnect/every(_:)`` starts anew.
    func personalityChanged() {
        guard case .every(let period)? = self.relay.personality.disconnect, let context = self.context else { return }
        let personality = self.relay.personality
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(period)) {
            guard self.relay.personality == personality, !self.isEnding else { return }
            guard self.relay.mayDisconnect(.disconnectPeriodic) else { return }
            self.drop()
        }
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = self.unwrapInboundIn(data)
        guard !self.isEnding else { return }
        switch frame.opcode {
        case .ping:
            self.relay.statistics.pings += 1
            var buffer = context.channel.allocator.buffer(capacity: 140)
            FrameWriter.write(.pong, Array(frame.unmaskedData.readableBytesView), to: &buffer)
            self.write(buffer)
        case .connectionClose:
            self.closeHandshake(frame.unmaskedData, context)
        case .text:
            self.relay.statistics.messages += 1
            self.received(Array(frame.unmaskedData.readableBytesView))
        default:
            break
        }
        self.relay.changed()
    }

    private func closeHandshake(_ payload: ByteBuffer, _ context: ChannelHandlerContext) {
        self.end = .byClient
        var buffer = context.channel.allocator.buffer(capacity: 140)
        FrameWriter.write(.close, Array(payload.readableBytesView.prefix(2)), to: &buffer)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        self.write(buffer, then: written)
    }

    private func received(_ text: [UInt8]) {
        guard !self.relay.personality.isMute else {
            self.relay.count(.muted)
            return
        }
        guard case .array(let elements)? = JSONValue(parsing: text.span), let label = elements.first?.string else {
            return self.send(FrameComposer.notice("ERROR: bad msg: not a JSON array"))
        }
        let subscription = elements.dropFirst().first?.string.map(SubscriptionID.init(rawValue:))
        switch (label, subscription) {
        case ("REQ", let subscription?):
            self.request(subscription, Array(elements.dropFirst(2)))
        case ("CLOSE", let subscription?):
            self.close(subscription)
        case ("EVENT", nil), ("AUTH", nil):
            guard let message = ClientMessage(parsing: text.span) else {
                return self.send(FrameComposer.notice("ERROR: bad msg: no event"))
            }
            self.received(message)
        default:
            self.send(FrameComposer.notice("ERROR: bad msg: unknown cmd"))
        }
    }

    private func received(_ message: ClientMessage) {
        switch message {
        case .event(let event):
            let (isAccepted, text) = self.relay.accept(event)
            self.sendOK(event.id, isAccepted, text)
        case .authenticate(let event):
            let isAccepted =
                self.relay.personality.authentication != .refusesEveryone
                && self.relay.authenticates(event, challenge: self.challenge)
            if isAccepted { self.isAuthenticated = true } else { self.relay.count(.authRefused) }
            self.sendOK(event.id, isAccepted, isAccepted ? "" : "restricted: not for you")
        default:
            break
        }
    }

    private func sendOK(_ id: EventID, _ isAccepted: Bool, _ text: String) {
        self.send(
            FrameComposer.message(.string("OK"), .string(id.description), .bool(isAccepted), .string(text)))
    }

    private func sendChallenge() {
        let challenge = "challenge-\(self.number)-\(self.relay.statistics.messages)"
        self.challenge = challenge
        self.send(FrameComposer.message(.string("AUTH"), .string(challenge)))
    }

    func send(_ payload: [UInt8], fault: Fault? = nil) {
        self.items.append(.frame(OutgoingFrame(payload, fault: fault)))
        self.schedulePump()
    }

    // MARK: Subscriptions

    private func request(_ subscription: SubscriptionID, _ json: [JSONValue]) {
        self.relay.statistics.requests += 1
        let personality = self.relay.personality
        if self.subscriptions[subscription] != nil { self.close(subscription) }
        let isUsed = !self.usedSubscriptions.insert(subscription).inserted
        if personality.ignoresUsedSubscriptions, isUsed {
            self.relay.count(.usedSubscriptionIgnored)
            return self.relay.ended(.unanswered)
        }
        if personality.authentication != .none, !self.isAuthenticated {
            self.send(FrameComposer.closed(subscription, "auth-required: who are you?"), fault: .authRequired)
            if personality.authentication != .challengeOnConnect { self.sendChallenge() }
            return self.relay.ended(.authRequired)
        }
        let filters = json.compactMap { try? Filter($0) }
        guard !filters.isEmpty, filters.count == json.count else {
            self.send(FrameComposer.closed(subscription, "invalid: not a filter of NIP-01"))
            return self.relay.ended(.invalid)
        }
        if let max = personality.subscriptionsMax, self.subscriptions.count >= max {
            self.send(FrameComposer.notice("ERROR: too many concurrent REQs"), fault: .tooManySubscriptions)
            return self.relay.ended(.refusedByNotice)
        }
        if self.relay.fires(.unanswered, personality.unanswered) {
            self.relay.count(.unanswered)
            return self.relay.ended(.unanswered)
        }
        self.subscriptions[subscription] = Subscription(filters: filters, request: self.relay.statistics.requests)
        self.relay.statistics.subscriptionsOpened += 1
        self.relay.statistics.subscriptionsOpen += 1
        self.items.append(.answer(self.answer(to: subscription, filters)))
        self.schedulePump()
    }

    /// Ends a subscription; what was planned for it is not sent.
    func close(_ subscription: SubscriptionID) {
        guard let ended = self.subscriptions.removeValue(forKey: subscription) else { return }
        self.relay.statistics.subscriptionsOpen -= 1
        var isCancelled = false
        let rest = self.items[self.nextItem...].filter { item in
            switch item {
            case .frame: return true
            case .answer(let answer):
                guard answer.request == ended.request else { return true }
                isCancelled = true
                return false
            case .live(_, let request, _): return request != ended.request
            }
        }
        guard isCancelled || rest.count != self.items.count - self.nextItem else { return }
        if isCancelled { self.relay.ended(.cancelled) }
        self.items = Array(rest)
        self.nextItem = 0
    }

    /// Sends an event to the subscriptions that ask for it.
    func published(_ slot: Int32, _ event: Event) {
        guard !self.isEnding, !self.relay.personality.isMute else { return }
        let asking = self.subscriptions.filter { $0.value.filters.contains { $0.matches(event) } }
        guard !asking.isEmpty else { return }
        for (subscription, asked) in asking.sorted(by: { $0.value.request < $1.value.request }) {
            self.items.append(.live(subscription, request: asked.request, slot: slot))
        }
        self.schedulePump()
    }
}
