import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Nostr
import RelayClient
import Synchronization
import TestSupport

@testable import Providers

/// A web server with TLS on loopback, which answers as a test says; every name of the tests leads to it.
final class WebServer: Sendable {
    enum Answer: Sendable {
        case json(String)
        case status(Int, [String: String] = [:])
        /// So many bytes of white space in front of a document.
        case large(Int)
        /// Header and a first byte, and then nothing.
        case stalled
    }

    /// Host, path and query of the requests, in their order.
    private let log = Mutex<[String]>([])
    /// Requests under way, and the most there ever were, by host.
    private let load = Mutex<[String: (now: Int, most: Int)]>([:])
    private let answer: @Sendable (String) -> Answer

    private init(_ answer: @escaping @Sendable (String) -> Answer) {
        self.answer = answer
    }

    var requests: [String] { self.log.withLock { $0 } }

    func most(of host: String) -> Int { self.load.withLock { $0[host]?.most ?? 0 } }

    /// - Parameter answer: to host, path and query, such as `a.test/.well-known/lnurlp/x`.
    @discardableResult
    static func with<Result>(
        certificate: String = "good", _ answer: @escaping @Sendable (String) -> Answer,
        _ body: (WebServer, _ port: Int) async throws -> Result
    ) async throws -> Result {
        let server = WebServer(answer)
        let tls = try TestCertificates.shared.get().server(certificate)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: tls))
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(Handler(server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let result = try await body(server, channel.localAddress?.port ?? 0)
            try await channel.close().get()
            return result
        } catch {
            try? await channel.close().get()
            throw error
        }
    }

    private func begin(_ host: String, _ path: String) -> Answer {
        self.log.withLock { $0.append(host + path) }
        self.load.withLock { load in
            let now = (load[host]?.now ?? 0) + 1
            load[host] = (now, max(now, load[host]?.most ?? 0))
        }
        return self.answer(host + path)
    }

    private func end(_ host: String) { self.load.withLock { $0[host]?.now -= 1 } }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let server: WebServer
        private var host: String?

        init(_ server: WebServer) { self.server = server }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .head(let head) = self.unwrapInboundIn(data) else { return }
            let host = head.headers.first(name: "Host") ?? ""
            self.host = host
            switch self.server.begin(host, head.uri) {
            case .json(let text): self.respond(context, .ok, [:], text)
            case .status(let code, let headers): self.respond(context, .init(statusCode: code), headers, "{}")
            case .large(let count): self.respond(context, .ok, [:], String(repeating: " ", count: count) + "{}")
            case .stalled: self.start(context, .ok, ["Content-Length": "2"], "{")
            }
        }

        private func start(
            _ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ headers: [String: String], _ body: String
        ) {
            let head = HTTPResponseHead(
                version: .http1_1, status: status, headers: HTTPHeaders(headers.map { ($0.key, $0.value) }))
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        }

        private func respond(
            _ context: ChannelHandlerContext, _ status: HTTPResponseStatus, _ headers: [String: String], _ body: String
        ) {
            self.start(
                context, status, headers.merging(["Content-Length": "\(body.utf8.count)"]) { $1 }, body)
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            if let host = self.host { self.server.end(host) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// Asks with limits that a test need not wait for; every name leads to the server.
func testFetch(
    port: Int, allowsPrivateAddresses: Bool = true, resolver: AddressResolver? = nil,
    _ change: (inout ProviderSettings) -> Void = { _ in }
) throws -> WebFetch {
    var settings = ProviderSettings()
    change(&settings)
    let loopback = AddressResolver { _, _ in [try SocketAddress(ipAddress: "127.0.0.1", port: port)] }
    return WebFetch(
        settings, tls: try RelayTLS(caFile: TestCertificates.shared.get().caFile),
        allowsPrivateAddresses: allowsPrivateAddresses, resolver: resolver ?? loopback)
}

func testURL(_ text: String) -> ProviderURL {
    guard let url = ProviderURL(text) else { preconditionFailure("\(text) is no https URL") }
    return url
}
