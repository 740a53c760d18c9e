import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Bounds of a listener whose connections are kept (operations.md section 16.6).
package struct ExchangeLimits: Hashable, Sendable {
    package var connections = 64
    /// A bearer token has up to 8 KiB.
    package var headerBytes = 16 * 1_024
    /// From the connection to the end of its first header.
    package var headerSeconds: Int64 = 5
    /// From the end of a header to the end of its body.
    package var bodySeconds: Int64 = 30
    /// From the first byte of an answer to its last, however slowly it is read.
    package var answerSeconds: Int64 = 60
    /// Between two requests.
    package var idleSeconds: Int64 = 60
    package var bodyBytes = 1_024 * 1_024

    package init() {}
}

/// Stands behind the HTTP decoder and bounds every exchange of a connection in time.
///
/// Refusals are written here, since what has no complete header never reaches the routes. An answer that says
/// `Connection: close` ends the connection, whatever the peer still sends.
final class ExchangeGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// After our last byte, for the peer to read it: closing at once over unread bytes would reset the connection.
    private static let lingerSeconds: Int64 = 1

    private let limits: ExchangeLimits
    private let census: ConnectionGuard.Census
    private var isWelcome = true
    private var isEnding = false
    private var isLastAnswer = false
    private var requestTimer: Scheduled<Void>?
    private var answerTimer: Scheduled<Void>?

    init(limits: ExchangeLimits, census: ConnectionGuard.Census) {
        self.limits = limits
        self.census = census
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.isWelcome = self.census.enter(limit: self.limits.connections)
        self.startRequestTimer(context, seconds: self.limits.headerSeconds)
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        if !self.isWelcome { self.refuse(context, .serviceUnavailable) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.requestTimer?.cancel()
        self.answerTimer?.cancel()
        self.census.leave()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isEnding else { return }
        switch self.unwrapInboundIn(data) {
        case .head: self.startRequestTimer(context, seconds: self.limits.bodySeconds)
        case .body: break
        case .end: self.requestTimer?.cancel()
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .headerOverflow? = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        self.refuse(context, .requestHeaderFieldsTooLarge)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !self.isEnding else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        switch self.unwrapOutboundIn(data) {
        case .head(let head):
            self.isLastAnswer = head.headerFields[.connection] == "close"
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            self.answerTimer?.cancel()
            self.answerTimer = context.eventLoop.scheduleTask(in: .seconds(self.limits.answerSeconds)) {
                bound.value.close(promise: nil)
            }
            context.write(data, promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            let promise = promise ?? context.eventLoop.makePromise()
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            promise.futureResult.whenComplete { _ in
                let (guardian, context) = bound.value
                guardian.answerTimer?.cancel()
                if guardian.isLastAnswer { guardian.end(context) }
            }
            context.write(data, promise: promise)
        }
    }

    private func startRequestTimer(_ context: ChannelHandlerContext, seconds: Int64) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.requestTimer?.cancel()
        self.requestTimer = context.eventLoop.scheduleTask(in: .seconds(seconds)) {
            let (guardian, context) = bound.value
            guardian.refuse(context, .requestTimeout)
        }
    }

    private func refuse(_ context: ChannelHandlerContext, _ status: HTTPResponse.Status) {
        guard !self.isEnding else { return }
        let fields: HTTPFields = [.connection: "close", .contentLength: "0", .cacheControl: "no-store"]
        context.write(self.wrapOutboundOut(.head(HTTPResponse(status: status, headerFields: fields))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        self.end(context)
    }

    private func end(_ context: ChannelHandlerContext) {
        guard !self.isEnding else { return }
        self.isEnding = true
        self.requestTimer?.cancel()
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        self.answerTimer?.cancel()
        self.answerTimer = context.eventLoop.scheduleTask(in: .seconds(Self.lingerSeconds)) {
            bound.value.close(promise: nil)
        }
    }
}
