package import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle

/// A request whose header is here; its body is read when it is wanted.
package struct ReceivedRequest: Sendable {
    package let method: HTTPRequest.Method
    /// As sent, percent-encoded, without the query.
    package let path: String
    package let query: QueryItems
    package let headers: HTTPFields
    /// Of the peer; empty when it is unknown.
    package let address: String
    private let body: RequestBody
    private let bodyBytesMax: Int

    package enum BodyError: Error, Equatable {
        case tooLarge
        /// The connection ended before the body did.
        case incomplete
    }

    fileprivate init(_ request: Request, address: String, bodyBytesMax: Int) {
        let target = request.head.path ?? ""
        self.method = request.method
        self.path = String(target.prefix { $0 != "?" })
        self.query = QueryItems(target.dropFirst(self.path.count))
        self.headers = request.headers
        self.address = address
        self.body = request.body
        self.bodyBytesMax = bodyBytesMax
    }

    /// The whole body, at most as large as the listener allows.
    package func readBody() async throws(BodyError) -> [UInt8] {
        if let length = self.headers[.contentLength].flatMap({ Int($0) }), length > self.bodyBytesMax {
            throw .tooLarge
        }
        do {
            return Array(buffer: try await self.body.collect(upTo: self.bodyBytesMax))
        } catch is NIOTooManyBytesError {
            throw .tooLarge
        } catch {
            throw .incomplete
        }
    }
}

/// What is sent back.
package struct ListenerAnswer: Sendable {
    package var status: Int
    package var headers: HTTPFields
    package var body: [UInt8]
    /// Done when the last byte is sent: the client does not wait for it.
    package var afterwards: (@Sendable () async -> Void)?

    package init(status: Int, headers: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The listener of an API: sockets and their limits here, answers from a function.
package struct HTTPListener: Service {
    private let address: ListenAddress
    private let limits: ExchangeLimits
    private let answer: @Sendable (ReceivedRequest) async -> ListenerAnswer
    private let onListening: @Sendable (ListenAddress) async -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - onListening: told the address once connections are accepted, with the port that the system chose for 0.
    ///   - answer: never throws; what goes wrong is an answer, too.
    package init(
        address: ListenAddress, limits: ExchangeLimits, logger: Logger,
        onListening: @escaping @Sendable (ListenAddress) async -> Void,
        answer: @escaping @Sendable (ReceivedRequest) async -> ListenerAnswer
    ) {
        self.address = address
        self.limits = limits
        self.answer = answer
        self.onListening = onListening
        self.logger = logger
    }

    package func run() async throws {
        let census = ConnectionGuard.Census()
        let limits = self.limits
        // The library tells of its own start at `info`; the executable says it in its own words.
        var quiet = self.logger
        quiet.logLevel = max(.warning, self.logger.logLevel)
        let application = Application(
            responder: CallbackResponder<PeerContext> { request, context in
                await self.respond(to: request, from: context.address)
            },
            server: HTTPServerBuilder { responder in
                HTTP1Channel(
                    responder: responder,
                    configuration: HTTP1Channel.Configuration(
                        additionalChannelHandlers: [ExchangeGuard(limits: limits, census: census)],
                        idleTimeout: .seconds(limits.idleSeconds),
                        httpDecoderConfiguration: .init(
                            maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes)))
            },
            configuration: ApplicationConfiguration(address: .hostname(self.address.host, port: self.address.port)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? self.address.port
                await self.onListening(ListenAddress(host: self.address.host, port: port))
            },
            logger: quiet)
        try await application.run()
    }

    private func respond(to request: Request, from address: String) async -> Response {
        let received = ReceivedRequest(request, address: address, bodyBytesMax: self.limits.bodyBytes)
        var answer = await self.answer(received)
        answer.headers[.contentLength] = String(answer.body.count)
        if request.headers[.connection] == "close" { answer.headers[.connection] = "close" }
        if answer.status == 204 { answer.headers[.contentLength] = nil }
        return Response(
            status: HTTPResponse.Status(code: answer.status), headers: answer.headers,
            body: Self.body(of: answer, isBodyless: request.method == .head || answer.status == 204))
    }

    private static func body(of answer: ListenerAnswer, isBodyless: Bool) -> ResponseBody {
        let buffer = isBodyless ? ByteBuffer() : ByteBuffer(bytes: answer.body)
        guard let afterwards = answer.afterwards else { return ResponseBody(byteBuffer: buffer) }
        return ResponseBody { writer in
            try await writer.write(buffer)
            try await writer.finish(nil)
            await afterwards()
        }
    }
}

/// Knows the peer's address.
private struct PeerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let address: String

    init(source: Source) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.address = source.channel.remoteAddress?.ipAddress ?? ""
    }
}
