import NIOCore
import Synchronization

/// Stands before the HTTP decoder and lets one request header of a bounded size pass, in bounded time.
///
/// One request per connection: a scrape now and then gains nothing from a connection that is kept, and every bound then
/// holds for a request. Refusals are written here, since what has no complete header never reaches the routes.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case readingHeader
        /// The header has passed; further bytes are discarded.
        case passed
        case refused
    }

    /// Connections of one server.
    final class Census: Sendable {
        private let open = Atomic<Int>(0)

        /// Whether there is room; counts in any case.
        func enter(limit: Int) -> Bool {
            self.open.add(1, ordering: .relaxed).newValue <= limit
        }

        func leave() {
            self.open.subtract(1, ordering: .relaxed)
        }
    }

    /// After our last byte, for the peer to read it: closing at once over unread bytes would reset the connection.
    private static let lingerSeconds: Int64 = 1

    private let limits: RequestLimits
    private let census: Census
    private var meter: RequestHeadMeter
    private var state = State.readingHeader
    private var isWelcome = true
    private var headerTimer: Scheduled<Void>?
    private var endTimer: Scheduled<Void>?

    init(limits: RequestLimits, census: Census) {
        self.limits = limits
        self.census = census
        self.meter = RequestHeadMeter(limit: limits.headerBytes)
    }

    // Counted from the moment they are accepted, which is when the handler is added.
    func handlerAdded(context: ChannelHandlerContext) {
        self.isWelcome = self.census.enter(limit: self.limits.connections)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.headerTimer = context.eventLoop.scheduleTask(in: .seconds(self.limits.headerSeconds)) {
            let (guardian, context) = bound.value
            guardian.refuse(context, "408 Request Timeout")
        }
        self.endTimer = context.eventLoop.scheduleTask(in: .seconds(self.limits.connectionSeconds)) {
            bound.value.1.close(promise: nil)
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        if !self.isWelcome { self.refuse(context, "503 Service Unavailable") }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.headerTimer?.cancel()
        self.endTimer?.cancel()
        self.census.leave()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .readingHeader = self.state else { return }
        var buffer = self.unwrapInboundIn(data)
        switch self.meter.received(buffer.readableBytesView) {
        case .more:
            context.fireChannelRead(self.wrapInboundOut(buffer))
        case .complete(let bytes):
            self.state = .passed
            self.headerTimer?.cancel()
            guard let header = buffer.readSlice(length: bytes) else { return }
            context.fireChannelRead(self.wrapInboundOut(header))
            // No second request: for the decoder and the routes the input ends here.
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        case .tooLarge:
            self.refuse(context, "431 Request Header Fields Too Large")
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .passed = self.state, case .inputClosed? = event as? ChannelEvent { return }
        context.fireUserInboundEventTriggered(event)
    }

    private func refuse(_ context: ChannelHandlerContext, _ status: String) {
        guard case .readingHeader = self.state else { return }
        self.state = .refused
        self.headerTimer?.cancel()
        let text = "HTTP/1.1 \(status)\r\nConnection: close\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n"
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        self.finish(context)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        context.close(mode: mode, promise: promise)
        if mode == .output { self.linger(context) }
    }

    private func finish(_ context: ChannelHandlerContext) {
        context.close(mode: .output, promise: nil)
        self.linger(context)
    }

    private func linger(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        self.endTimer?.cancel()
        self.endTimer = context.eventLoop.scheduleTask(in: .seconds(Self.lingerSeconds)) {
            bound.value.close(promise: nil)
        }
    }
}
