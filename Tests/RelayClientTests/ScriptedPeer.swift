import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

@testable import RelayClient

/// One accepted connection of a scripted server: raw bytes, or WebSocket frames after `upgrade()`.
///
/// Whatever fails because the client has gone is silent; the client's side makes the claims.
struct ScriptedPeer {
    let channel: any Channel
    /// 0 for the first connection that the server accepted.
    let index: Int
    private var chunks: AsyncStream<ByteBuffer>.Iterator
    private var received = ByteBuffer()

    init(channel: any Channel, index: Int, chunks: AsyncStream<ByteBuffer>) {
        self.channel = channel
        self.index = index
        self.chunks = chunks.makeAsyncIterator()
    }

    func write(_ text: String) async { try? await self.channel.writeAndFlush(ByteBuffer(string: text)).get() }

    func write(bytes: [UInt8]) async { try? await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get() }

    /// A server's frame: not masked.
    func frame(_ first: UInt8, _ payload: [UInt8] = []) async { await self.write(bytes: Self.frame(first, payload)) }

    func text(_ text: String) async { await self.frame(0x81, Array(text.utf8)) }

    func close(_ code: UInt16, _ reason: String = "") async {
        await self.frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8))
    }

    static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        switch payload.count {
        case ...125: [first, UInt8(payload.count)] + payload
        case ...65_535: [first, 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)] + payload
        default: [first, 127] + (0..<8).map { UInt8(payload.count >> (56 - 8 * $0) & 0xFF) } + payload
        }
    }

    /// Reads the request's header and answers it; returns the header.
    @discardableResult
    mutating func upgrade(
        status: String = "101 Switching Protocols", accept: String? = nil, _ lines: [String] = []
    ) async -> String {
        let request = await self.request()
        let key = request.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }
            .map { String($0.dropFirst("Sec-WebSocket-Key: ".count)) }
        let accept = accept ?? WebSocketHandshake.accept(for: key ?? "")
        let head = [
            "HTTP/1.1 " + status, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: " + accept,
        ]
        await self.write((head + lines + ["", ""]).joined(separator: "\r\n"))
        return request
    }

    mutating func request() async -> String {
        var text = ""
        while let byte = await self.byte() {
            text.unicodeScalars.append(Unicode.Scalar(byte))
            if text.utf8.suffix(4).elementsEqual("\r\n\r\n".utf8) { break }
        }
        return text
    }

    /// The next client frame, unmasked; nil once the client has gone.
    mutating func clientFrame() async -> (first: UInt8, payload: [UInt8], key: [UInt8])? {
        guard let first = await self.byte(), let second = await self.byte() else { return nil }
        var length = Int(second & 0x7F)
        if length >= 126 {
            let byteCount = length == 126 ? 2 : 8
            length = 0
            for _ in 0..<byteCount { length = await length << 8 | Int(self.byte() ?? 0) }
        }
        var key: [UInt8] = []
        if second & 0x80 != 0 { for _ in 0..<4 { key.append(await self.byte() ?? 0) } }
        var payload: [UInt8] = []
        for index in 0..<length {
            guard let byte = await self.byte() else { return nil }
            payload.append(key.isEmpty ? byte : byte ^ key[index % 4])
        }
        return (first, payload, key)
    }

    /// Close code and reason of the client's close frame, other frames skipped; nil if it left without one.
    mutating func clientClose() async -> UInt16? {
        while let frame = await self.clientFrame() {
            guard frame.first == 0x88 else { continue }
            return frame.payload.count < 2 ? 0 : UInt16(frame.payload[0]) << 8 | UInt16(frame.payload[1])
        }
        return nil
    }

    /// Until the client closes TCP.
    mutating func untilClosed() async {
        while await self.chunks.next(isolation: #isolation) != nil {}
    }

    /// TCP ends with a RST.
    func reset() async {
        let linger = linger(l_onoff: 1, l_linger: 0)
        try? await (self.channel as? any SocketOptionProvider)?.setSoLinger(linger).get()
        try? await self.channel.close().get()
    }

    private mutating func byte() async -> UInt8? {
        while self.received.readableBytes == 0 {
            guard let chunk = await self.chunks.next(isolation: #isolation) else { return nil }
            self.received = chunk
        }
        return self.received.readInteger()
    }
}

/// Runs a server on a free port of loopback for as long as `client` runs; every connection follows `script`.
@discardableResult
func withServer<Result>(
    tls: NIOSSLContext? = nil,
    _ script: @escaping @Sendable (inout ScriptedPeer) async -> Void,
    client: (_ port: Int) async throws -> Result
) async throws -> Result {
    let (connections, accepted) = AsyncStream.makeStream(of: (any Channel, AsyncStream<ByteBuffer>).self)
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let (chunks, bytes) = AsyncStream.makeStream(of: ByteBuffer.self)
                if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                try channel.pipeline.syncOperations.addHandler(ByteCollector(bytes))
                accepted.yield((channel, chunks))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let port = server.localAddress?.port ?? 0

    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            await withDiscardingTaskGroup { peers in
                var index = 0
                for await (channel, chunks) in connections {
                    let number = index
                    index += 1
                    peers.addTask {
                        var peer = ScriptedPeer(channel: channel, index: number, chunks: chunks)
                        await script(&peer)
                        try? await channel.close().get()
                    }
                }
                peers.cancelAll()
            }
        }
        defer { group.cancelAll() }
        do {
            let result = try await client(port)
            accepted.finish()
            try await server.close().get()
            return result
        } catch {
            accepted.finish()
            try? await server.close().get()
            throw error
        }
    }
}

/// A number that a script tells its test.
final class Counter: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { self.number.load(ordering: .relaxed) }

    func set(_ value: Int) { self.number.store(value, ordering: .relaxed) }
}

private final class ByteCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let bytes: AsyncStream<ByteBuffer>.Continuation

    init(_ bytes: AsyncStream<ByteBuffer>.Continuation) {
        self.bytes = bytes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.bytes.yield(self.unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) { self.bytes.finish() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
