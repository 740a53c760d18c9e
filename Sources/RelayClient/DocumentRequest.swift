package import NIOCore
import NIOHTTP1
import NIOPosix
package import Nostr

extension RelayInformation {
    /// Asks a relay for its document: one GET on the relay's own URL, under the same guard as a connection.
    ///
    /// Whatever the relay answers instead of a document is `absent`: another status, a redirect (never followed), more
    /// than `informationBytesMax`, HTML.
    ///
    /// - Throws: `RelayConnectionError` if no answer came, within `informationLimit` or at all; `CancellationError`.
    package static func fetch(
        from url: RelayURL,
        options: RelayConnectionOptions = RelayConnectionOptions(),
        on eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next(),
        resolver: AddressResolver = .system
    ) async throws -> RelayInformation {
        let request = try await eventLoop.submit {
            NIOLoopBound(
                InformationRequest(to: url, options: options, on: eventLoop, resolver: resolver), eventLoop: eventLoop)
        }.get()
        let body = try await withTaskCancellationHandler {
            try await eventLoop.flatSubmit { request.value.start() }.get()
        } onCancel: {
            eventLoop.execute { request.value.cancel() }
        }
        return body.map { RelayInformation(parsing: $0.readableBytesUInt8Span) } ?? .absent
    }
}

/// One NIP-11 request. Confined to its event loop.
private final class InformationRequest {
    private let url: RelayURL
    private let options: RelayConnectionOptions
    private let eventLoop: any EventLoop
    private let resolver: AddressResolver
    private let body: EventLoopPromise<ByteBuffer?>
    private var channel: (any Channel)?
    private var isOver = false

    init(to url: RelayURL, options: RelayConnectionOptions, on eventLoop: any EventLoop, resolver: AddressResolver) {
        self.url = url
        self.options = options
        self.eventLoop = eventLoop
        self.resolver = resolver
        self.body = eventLoop.makePromise()
    }

    /// Succeeds with nil if the relay answered with something else than a document.
    func start() -> EventLoopFuture<ByteBuffer?> {
        guard !self.isOver else { return self.body.futureResult }
        let limit = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(self.options.informationLimit)) {
            self.finish(.failure(RelayConnectionError.connectTimedOut))
        }
        self.body.futureResult.assumeIsolated().whenComplete { _ in
            limit.cancel()
            self.channel?.close(promise: nil)
        }
        do {
            let bodyByteCountMax = self.options.informationBytesMax
            try RelayDial.channel(to: self.url, options: self.options, on: self.eventLoop, resolver: self.resolver) {
                try $0.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                try $0.addHandler(InformationHandler(bodyByteCountMax: bodyByteCountMax))
            }.assumeIsolated().whenComplete { self.connected($0) }
        } catch {
            self.finish(.failure(error))
        }
        return self.body.futureResult
    }

    func cancel() {
        self.finish(.failure(CancellationError()))
    }

    private func finish(_ result: Result<ByteBuffer?, any Error>) {
        self.isOver = true
        self.body.completeWith(result)
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel) where self.isOver:
            channel.close(promise: nil)
        case .success(let channel):
            self.channel = channel
            do {
                let handler = try channel.pipeline.syncOperations.handler(type: InformationHandler.self)
                handler.start(self.url, userAgent: self.options.userAgent) { self.finish($0) }
            } catch {
                self.finish(.failure(RelayConnectionError.connectionRefused(message: "closed at once")))
            }
        case .failure(let error):
            self.finish(.failure(RelayConnectionError(connecting: error)))
        }
    }
}

/// Sends the request and collects the body, up to its limit.
private final class InformationHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let bodyByteCountMax: Int
    private var context: ChannelHandlerContext?
    private var body = ByteBuffer()
    private var finish: ((Result<ByteBuffer?, any Error>) -> Void)?

    init(bodyByteCountMax: Int) {
        self.bodyByteCountMax = bodyByteCountMax
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// `finish` may be called more than once; the first call counts.
    func start(_ url: RelayURL, userAgent: String, finish: @escaping (Result<ByteBuffer?, any Error>) -> Void) {
        guard let context = self.context else {
            finish(.failure(RelayConnectionError.connectionRefused(message: "closed at once")))
            return
        }
        self.finish = finish
        let headers: HTTPHeaders = [
            "Host": url.authority, "Accept": "application/nostr+json", "User-Agent": userAgent, "Connection": "close",
        ]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            if head.status != .ok { self.finish?(.success(nil)) }
        case .body(let part):
            guard self.body.readableBytes + part.readableBytes <= self.bodyByteCountMax else {
                self.body.clear()
                self.finish?(.success(nil))
                self.finish = nil
                context.close(promise: nil)
                return
            }
            self.body.writeImmutableBuffer(part)
        case .end:
            self.finish?(.success(self.body))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Not HTTP: the relay has no document.
        self.finish?(error is HTTPParserError ? .success(nil) : .failure(RelayConnectionError(connecting: error)))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish?(.success(nil))
        context.fireChannelInactive()
    }
}
