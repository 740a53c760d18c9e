import Glibc
import NIOCore
import NIOTLS
import Nostr

/// The socket's side of a connection: bytes in, batches out. Confined to its event loop.
///
/// ```
///   connected ──TLS──▶ upgrading ──101──▶ open ──close frame, either way; violation; limit──▶ closing ──EOF──▶ closed
///        └────────────────┴── anything else: the promise of `start` fails ────────────────────────────────────▶ closed
/// ```
///
/// While `closing` whatever arrives is discarded; a timer bounds it.
final class RelayChannelHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private enum State {
        case connected
        case upgrading(WebSocketHandshake)
        case open
        case closing
        case closed
    }

    private let url: RelayURL
    let options: RelayConnectionOptions
    private let dialledAt: NIODeadline
    private var state = State.connected
    private var context: ChannelHandlerContext?
    private var opened: EventLoopPromise<RelayDial.Opened>?
    private var isTLSReady = false
    /// Of the state: `connectLimit`, `upgradeLimit` or `closeLimit`.
    private var limit: Scheduled<Void>?

    private var decoder: WebSocketDecoder
    private var inbox = RelayInbox()
    private var isReadPending = false

    private var life: RelayLife
    private var lifeCheck: Scheduled<Void>?
    private var ticks: RepeatedTask?
    private var sendBufferByteCount = 0
    private var random = SystemRandomNumberGenerator()

    init(url: RelayURL, options: RelayConnectionOptions, dialledAt: NIODeadline) {
        self.url = url
        self.options = options
        self.dialledAt = dialledAt
        self.decoder = WebSocketDecoder(
            messageBytesMax: options.messageBytesMax, framesPerMessageMax: options.framesPerMessageMax)
        self.life = RelayLife(options: options, now: dialledAt)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: Opening

    /// Called once for the connection that won; `opened` succeeds after the upgrade.
    func start(_ opened: EventLoopPromise<RelayDial.Opened>) {
        guard case .connected = self.state, let context = self.context else {
            opened.fail(RelayConnectionError.connectionRefused(message: "closed at once"))
            return
        }
        self.opened = opened
        if self.url.isSecure && !self.isTLSReady {
            self.schedule(self.dialledAt + TimeAmount(self.options.connectLimit)) { $0.fail(.connectTimedOut) }
        } else {
            self.upgrade(context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event {
            self.isTLSReady = true
            if self.opened != nil { self.upgrade(context) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func upgrade(_ context: ChannelHandlerContext) {
        let handshake = WebSocketHandshake(
            self.url, userAgent: self.options.userAgent,
            nonce: (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &self.random) },
            headerBytesMax: self.options.responseHeaderBytesMax)
        self.state = .upgrading(handshake)
        self.schedule(.now() + TimeAmount(self.options.upgradeLimit)) { $0.fail(.upgradeTimedOut) }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: handshake.request)), promise: nil)
    }

    private func upgraded(_ success: WebSocketHandshake.Success, _ context: ChannelHandlerContext) {
        guard let opened = self.opened else { return }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let producer = self.inbox.open(
            batchesMax: self.options.unreadBatchesMax, delegate: RelayInboundDelegate(handler: handler))
        let now = NIODeadline.now()
        let handshake = RelayConnection.Handshake(
            duration: Duration(now - self.dialledAt),
            address: context.remoteAddress?.ipAddress ?? "",
            serverDate: success.serverDate)
        self.state = .open
        self.limit?.cancel()
        self.life = RelayLife(options: self.options, now: now)
        self.scheduleLifeCheck()
        self.startTicking(context)
        self.opened = nil
        opened.succeed(
            (
                RelayConnection.Inbound(handshake: handshake, producer: producer, unread: self.inbox.unread),
                RelayConnection.Outbound(handler: handler, channel: context.channel)
            ))
        self.inbox.received(success.rest.readableBytes)
        self.decoder.append(success.rest)
        self.decode()
    }

    /// Ends an attempt that led nowhere.
    private func fail(_ error: RelayConnectionError) {
        self.opened?.fail(error)
        self.opened = nil
        self.state = .closed
        self.limit?.cancel()
        self.context?.close(promise: nil)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let chunk = self.unwrapInboundIn(data)
        switch self.state {
        case .upgrading(var handshake):
            do {
                let success = try handshake.append(chunk, now: Int64(time(nil)))
                self.state = .upgrading(handshake)
                if let success { self.upgraded(success, context) }
            } catch {
                self.fail(error)
            }
        case .open:
            self.inbox.received(chunk.readableBytes)
            guard self.inbox.isDemanded || self.inbox.waitingByteCount <= self.options.unreadBytesMax else {
                // Only at the end of a connection does NIO read what nobody asked for.
                self.end(RelayDisconnect(cause: .eof, reason: "unread bytes discarded"))
                return
            }
            self.decoder.append(chunk)
            self.decode()
        case .connected:
            self.fail(.upgradeInvalid(reason: "spoke before it was asked"))
        case .closing, .closed:
            break
        }
    }

    private func decode() {
        do {
            while case .open = self.state, let event = try self.decoder.next() {
                switch event {
                case .text(let message): self.inbox.message(.message(message))
                case .binary(let message): self.inbox.message(.binary(message))
                case .ping(let payload): try self.answer(payload)
                case .pong(let payload):
                    if let roundTrip = self.life.roundTrip(of: payload, now: .now()) {
                        self.inbox.append(.pong(roundTrip: roundTrip))
                    }
                case .close(let code, let reason):
                    self.writeClose(code, reason: "")
                    self.end(RelayDisconnect(cause: DisconnectCause(closeCode: code), code: code, reason: reason))
                }
            }
        } catch {
            self.close(RelayDisconnect(violation: error))
        }
    }

    private func answer(_ payload: ByteBuffer) throws(WebSocketViolation) {
        guard self.life.mayAnswerPing(now: .now()) else {
            throw WebSocketViolation(code: 1008, reason: "too many pings")
        }
        try? self.write(.pong, payload)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .open = self.state {
            let now = NIODeadline.now()
            self.life.burstEnded(
                now: now, isSign: !self.inbox.elements.isEmpty, messageEnded: self.inbox.messageEnded,
                isWithinMessage: self.decoder.isWithinMessage)
            self.inbox.yield(now)
            context.flush()
        }
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if case .open = self.state, !self.inbox.isDemanded {
            self.isReadPending = true
        } else {
            context.read()
        }
    }

    /// The consumer has caught up.
    func produceMore() {
        guard !self.inbox.isDemanded else { return }
        self.inbox.demand()
        self.life.resumed(now: .now(), isWithinMessage: self.decoder.isWithinMessage)
        self.readIfPending()
    }

    func consumerLeft() { self.inbox.consumerLeft() }

    private func readIfPending() {
        guard self.isReadPending else { return }
        self.isReadPending = false
        self.context?.read()
    }

    // MARK: Writing

    func send(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) throws(RelayConnectionError) {
        try self.write(opcode, payload)
        self.context?.flush()
    }

    func send(texts: [ByteBuffer]) throws(RelayConnectionError) {
        defer { self.context?.flush() }
        for text in texts { try self.write(.text, text) }
    }

    func ping() throws(RelayConnectionError) {
        try self.send(
            .ping, self.life.ping(now: .now(), payload: UInt64.random(in: .min ... .max, using: &self.random)))
    }

    /// Nothing is flushed: pongs leave at the end of a burst.
    private func write(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) throws(RelayConnectionError) {
        guard case .open = self.state, let context = self.context else { throw .closed }
        var frame = ByteBuffer()
        frame.writeFrame(opcode, payload.readableBytesView, key: .random(in: .min ... .max, using: &self.random))
        let count = frame.readableBytes
        guard self.sendBufferByteCount + count <= self.options.sendBufferBytesMax else {
            self.end(RelayDisconnect(cause: .error, reason: "the peer does not read"))
            context.close(promise: nil)
            throw .sendBufferFull
        }
        self.sendBufferByteCount += count
        context.write(self.wrapOutboundOut(frame)).assumeIsolated().whenComplete { _ in
            self.sendBufferByteCount -= count
        }
    }

    private func writeClose(_ code: UInt16?, reason: String) {
        var payload = ByteBuffer()
        if let code {
            // RFC 6455 section 5.5.1: at most 125 bytes, and the reason is UTF-8 to its end.
            var reason = Substring(reason)
            while reason.utf8.count > 123 { reason.removeLast() }
            payload.writeInteger(code)
            payload.writeSubstring(reason)
        }
        try? self.send(.close, payload)
    }

    // MARK: Closing

    /// Sends a close frame and ends; does nothing unless open.
    func close(_ disconnect: RelayDisconnect) {
        guard case .open = self.state else { return }
        self.writeClose(disconnect.code, reason: disconnect.reason)
        self.end(disconnect)
    }

    /// Our task was cancelled: the peer gets a close frame and a second.
    func shutDown() {
        self.close(RelayDisconnect(cause: .shutdown, code: 1001, reason: ""))
        if case .closing = self.state {
            self.schedule(.now() + TimeAmount(self.options.shutdownCloseLimit)) { $0.context?.close(promise: nil) }
        }
    }

    /// Tells the consumer how it ended, once; the peer may now close TCP (RFC 6455 section 7.1.1).
    private func end(_ disconnect: RelayDisconnect) {
        guard case .open = self.state else { return }
        self.state = .closing
        self.lifeCheck?.cancel()
        self.ticks?.cancel()
        self.inbox.finish(disconnect, .now())
        self.schedule(.now() + TimeAmount(self.options.closeLimit)) { $0.context?.close(promise: nil) }
        self.readIfPending()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch self.state {
        case .connected: self.fail(RelayConnectionError(connecting: error, isTLS: self.url.isSecure))
        case .upgrading: self.fail(.upgradeInvalid(reason: "\(error)"))
        case .open: self.end(RelayDisconnect(error: error))
        case .closing, .closed: break
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        switch self.state {
        case .connected where self.url.isSecure: self.fail(.tlsFailed(message: "closed during the handshake"))
        case .connected: self.fail(.connectionRefused(message: "closed at once"))
        case .upgrading: self.fail(.upgradeInvalid(reason: "closed without an answer"))
        case .open: self.end(RelayDisconnect(cause: .eof))
        case .closing, .closed: break
        }
        self.state = .closed
        self.limit?.cancel()
        context.fireChannelInactive()
    }

    // MARK: Time

    private func schedule(_ deadline: NIODeadline, _ body: @escaping (RelayChannelHandler) -> Void) {
        self.limit?.cancel()
        self.limit = self.context?.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { body(self) }
    }

    private func scheduleLifeCheck() {
        self.lifeCheck = self.context?.eventLoop.assumeIsolated().scheduleTask(deadline: self.life.nextCheck) {
            self.checkLife()
        }
    }

    private func startTicking(_ context: ChannelHandlerContext) {
        guard let interval = self.options.tickInterval.map(TimeAmount.init) else { return }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        self.ticks = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            handler.value.tick()
        }
    }

    private func tick() {
        guard case .open = self.state else { return }
        self.inbox.tick(.now())
    }

    private func checkLife() {
        switch self.life.check(now: .now(), isReading: self.inbox.isDemanded) {
        case .none: break
        case .ping: try? self.ping()
        case .close(let disconnect): self.close(disconnect)
        }
        if case .open = self.state { self.scheduleLifeCheck() }
    }
}
