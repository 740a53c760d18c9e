import NIOCore
import NIOHTTP1
import Nostr

/// Answers plain HTTP with the NIP-11 document; a WebSocket upgrade removes it.
final class InformationHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let relay: RelayState

    init(relay: RelayState) {
        self.relay = relay
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = self.unwrapInboundIn(data) else { return }
        let document = self.document(for: head)
        if document != nil { self.relay.statistics.informationRequests += 1 }
        let body = document ?? "There is nothing here but a relay.\n"
        var headers = HTTPHeaders()
        headers.add(name: "content-type", value: document == nil ? "text/plain" : "application/nostr+json")
        headers.add(name: "content-length", value: String(body.utf8.count))
        headers.add(name: "connection", value: "close")
        let status: HTTPResponseStatus = document == nil ? .notFound : .ok
        context.write(
            self.wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: status, headers: headers))),
            promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: written)
        self.relay.changed()
    }

    private func document(for head: HTTPRequestHead) -> String? {
        guard head.method == .GET, head.headers["accept"].contains(where: { $0.contains("application/nostr+json") })
        else { return nil }
        switch self.relay.personality.information {
        case .absent: return nil
        case .text(let text): return text
        case .document: return self.document
        }
    }

    private var document: String {
        let personality = self.relay.personality
        var limitation: [JSONValue.Member] = []
        if let cap = personality.pageCap { limitation.append(.init(name: "max_limit", value: .number(String(cap)))) }
        if let max = personality.subscriptionsMax {
            limitation.append(.init(name: "max_subscriptions", value: .number(String(max))))
        }
        if personality.authentication != .none { limitation.append(.init(name: "auth_required", value: .bool(true))) }
        let numbers = ["1", "11", "42"] + (personality.hint == .none ? [] : ["67"])
        return JSONValue.object([
            .init(name: "name", value: .string("relay-world")),
            .init(name: "software", value: .string("relay-world")),
            .init(name: "supported_nips", value: .array(numbers.map(JSONValue.number))),
            .init(name: "limitation", value: .object(limitation)),
        ]).text
    }
}
