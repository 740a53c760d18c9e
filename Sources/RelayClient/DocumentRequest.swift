package import NIOCore
import NIOHTTP1
import NIOPosix
package import Nostr

/// One GET on an address of the web, under the same guard as a connection to a relay: resolved once, every address judged,
/// only judged addresses dialled. Nothing is followed.
package enum DocumentRequest {
    package enum Answer: Equatable, Sendable {
        /// Status 200 with the whole body.
        case document(ByteBuffer)
        /// Another status, with the `Location` of a redirect.
        case status(Int, location: String?)
        /// Larger than `informationBytesMax`.
        case tooLarge
        /// Not HTTP, or ended before its end.
        case unreadable
    }

    /// - Parameters:
    ///   - url: `ws` stands for `http` and `wss` for `https`; the four are alike in the URL standard.
    ///   - accept: the media type to ask for.
    /// - Throws: `RelayConnectionError` if no answer came, within `informationLimit` or at all; `CancellationError`.
    package static func get(
        _ url: RelayURL, accept: String,
        options: RelayConnectionOptions = RelayConnectionOptions(),
        on eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next(),
        resolver: AddressResolver = .system
    ) async throws -> Answer {
        let request = try await eventLoop.submit {
            NIOLoopBound(
                Exchange(with: url, accept: accept, options: options, on: eventLoop, resolver: resolver),
                eventLoop: eventLoop)
        }.get()
        return try await withTaskCancellationHandler {
            try await eventLoop.flatSubmit { request.value.start() }.get()
        } onCancel: {
            eventLoop.execute { request.value.cancel() }
        }
    }
}

extension RelayInformation {
    /// Asks a relay for its document (NIP-11), on the relay's own URL.
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
        let answer = try await DocumentRequest.get(
            url, accept: "application/nostr+json", options: options, on: eventLoop, resolver: resolver)
        guard case .document(let body) = answer else { return .absent }
        return RelayInformation(parsing: body.readableBytesUInt8Span)
    }
}

/// The request and its answer. Confined to its event loop.
private final class Exchange {
    private let url: RelayURL
    private let accept: String
    private let options: RelayConnectionOptions
    private let eventLoop: any EventLoop
    private let resolver: AddressResolver
    private let answer: EventLoopPromise<DocumentRequest.Answer>
    private var channel: (any Channel)?
    private var isOver = false

    init(
        with url: RelayURL, accept: String, options: RelayConnectionOptions, on eventLoop: any EventLoop,
        resolver: AddressResolver
    ) {
        self.url = url
        self.accept = accept
        self.options = options
        self.eventLoop = eventLoop
        self.resolver = resolver
        self.answer = eventLoop.makePromise()
    }

    func start() -> EventLoopFuture<DocumentRequest.Answer> {
        guard !self.isOver else { return self.answer.futureResult }
        let limit = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(self.options.informationLimit)) {
            self.finish(.failure(RelayConnectionError.connectTimedOut))
        }
        self.answer.futureResult.assumeIsolated().whenComplete { _ in
            limit.cancel()
            self.channel?.close(promise: nil)
        }
        do {
            let bodyByteCountMax = self.options.informationBytesMax
            try RelayDial.channel(to: self.url, options: self.options, on: self.eventLoop, resolver: self.resolver) {
                try $0.addHTTPClientHandlers(leftOverBytesStrategy: .dropBytes)
                try $0.addHandler(ExchangeHandler(bodyByteCountMax: bodyByteCountMax))
            }.assumeIsolated().whenComplete { self.connected($0) }
        } catch {
            self.finish(.failure(error))
        }
        return self.answer.futureResult
    }

    func cancel() {
        self.finish(.failure(CancellationError()))
    }

    private func finish(_ result: Result<DocumentRequest.Answer, any Error>) {
        self.isOver = true
        self.answer.completeWith(result)
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel) where self.isOver:
            channel.close(promise: nil)
        case .success(let channel):
            self.channel = channel
            do {
                let handler = try channel.pipeline.syncOperations.handler(type: ExchangeHandler.self)
                handler.start(self.url, accept: self.accept, userAgent: self.options.userAgent) { self.finish($0) }
            } catch {
                self.finish(.failure(RelayConnectionError.connectionRefused(message: "closed at once")))
            }
        case .failure(let error):
            self.finish(.failure(RelayConnectionError(connecting: error)))
        }
    }
}

/// Sends the request and collects the body, up to its limit.
private final class ExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let bodyByteCountMax: Int
    private var context: ChannelHandlerContext?
    private var body = ByteBuffer()
    private var finish: ((Result<DocumentRequest.Answer, any Error>) -> Void)?

    init(bodyByteCountMax: Int) {
        self.bodyByteCountMax = bodyByteCountMax
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// `finish` may be called more than once; the first call counts.
    func start(
        _ url: RelayURL, accept: String, userAgent: String,
        finish: @escaping (Result<DocumentRequest.Answer, any Error>) -> Void
    ) {
        guard let context = self.context else {
            finish(.failure(RelayConnectionError.connectionRefused(message: "closed at once")))
            return
        }
        self.finish = finish
        let headers: HTTPHeaders = [
            "Host": url.authority, "Accept": accept, "User-Agent": userAgent, "Connection": "close",
        ]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            if head.status != .ok {
                let location = head.headers.first(name: "Location")
                self.finish?(.success(.status(Int(head.status.code), location: location)))
            }
        case .body(let part):
            guard self.body.readableBytes + part.readableBytes <= self.bodyByteCountMax else {
                self.body.clear()
                self.finish?(.success(.tooLarge))
                self.finish = nil
                context.close(promise: nil)
                return
            }
            self.body.writeImmutableBuffer(part)
        case .end:
            self.finish?(.success(.document(self.body)))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.finish?(
            error is HTTPParserError ? .success(.unreadable) : .failure(RelayConnectionError(connecting: error)))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish?(.success(.unreadable))
        context.fireChannelInactive()
    }
}
