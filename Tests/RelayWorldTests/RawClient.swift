import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Nostr
import Testing

@testable import RelayWorld

/// A WebSocket client that hides nothing: it counts and shows every frame as it came.
struct RawClient {
    private let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    private var inbound: NIOAsyncChannelInboundStream<WebSocketFrame>.AsyncIterator
    private(set) var eventFrames = 0
    private(set) var isClosed = false

    /// Connects, and closes the connection by the closing handshake when `body` is done.
    static func with<Result>(
        _ relay: WorldRelay, _ body: (inout RawClient) async throws -> Result
    ) async throws -> Result {
        try await self.counting(relay, body).result
    }

    /// The same, with the number of EVENT frames that came up to the end of the connection.
    static func counting<Result>(
        _ relay: WorldRelay, _ body: (inout RawClient) async throws -> Result
    ) async throws -> (result: Result, eventFrames: Int) {
        let upgraded = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: relay.host, port: relay.port) { channel in
                channel.eventLoop.makeCompletedFuture { try self.upgrade(channel) }
            }
        let channel = try await upgraded.get()
        return try await channel.executeThenClose { inbound, outbound in
            var client = RawClient(outbound: outbound, inbound: inbound.makeAsyncIterator())
            let result = try await body(&client)
            try await client.close()
            return (result, client.eventFrames)
        }
    }

    private static func upgrade(
        _ channel: any Channel
    ) throws -> EventLoopFuture<NIOAsyncChannel<WebSocketFrame, WebSocketFrame>> {
        let upgrader = NIOTypedWebSocketClientUpgrader(maxFrameSize: 1 << 24) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<WebSocketFrame, WebSocketFrame>(wrappingChannelSynchronously: channel)
            }
        }
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["host": "relay"])
        let configuration = NIOTypedHTTPClientUpgradeConfiguration(
            upgradeRequestHead: head, upgraders: [upgrader],
            notUpgradingCompletionHandler: { channel in
                channel.eventLoop.makeFailedFuture(ChannelError.inappropriateOperationForState)
            })
        var pipeline = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: configuration)
        // Relays may send their challenge together with the handshake; the default is to lose it.
        pipeline.leftOverBytesStrategy = .forwardBytes
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: pipeline)
    }

    mutating func send(_ text: String, opcode: WebSocketOpcode = .text) async throws {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: ByteBuffer(string: text))
        try await self.outbound.write(frame)
    }

    mutating func send(_ message: ClientMessage) async throws {
        try await self.send(String(decoding: message.json, as: UTF8.self))
    }

    /// The next frame; nil once the connection has ended, however it did.
    mutating func next() async -> WebSocketFrame? {
        guard !self.isClosed, let next = try? await self.inbound.next(isolation: #isolation) else {
            self.isClosed = true
            return nil
        }
        if next.opcode == .text, String(buffer: next.data).hasPrefix("[\"EVENT\",") { self.eventFrames += 1 }
        return next
    }

    mutating func nextText() async -> String? {
        await self.next().map { String(buffer: $0.data) }
    }

    /// All frames up to the first text that begins with one of `ends`, that one included.
    mutating func texts(until ends: String...) async -> [String] {
        var texts: [String] = []
        while let frame = await self.next() {
            texts.append(String(buffer: frame.data))
            if frame.opcode == .text, let last = texts.last, ends.contains(where: { last.hasPrefix($0) }) { break }
        }
        return texts
    }

    /// Everything that a REQ is answered with, up to its EOSE or CLOSED.
    mutating func ask(_ id: String, _ filter: Filter) async throws -> [String] {
        try await self.send(.request(SubscriptionID(rawValue: id), filter))
        return await self.texts(until: "[\"EOSE\",\"\(id)\"", "[\"CLOSED\",\"\(id)\"")
    }

    private mutating func close() async throws {
        guard !self.isClosed else { return }
        let normal = ByteBuffer(bytes: [0x03, 0xE8])
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: normal)
        try? await self.outbound.write(frame)
        while await self.next() != nil {}
    }
}

extension [String] {
    /// The events among the messages.
    var events: [Event] {
        self.compactMap { text in
            let bytes = [UInt8](text.utf8)
            guard case .event(_, let event)? = try? RelayMessage(parsing: bytes.span) else { return nil }
            return event
        }
    }
}

/// Runs `body` with a relay and stops it.
func withRelay<Result>(
    _ events: [Event] = [], _ personality: Personality = .honest,
    _ body: (WorldRelay) async throws -> Result
) async throws -> Result {
    let relay = try await WorldRelay.start(
        events: events, personality: personality, group: MultiThreadedEventLoopGroup.singleton)
    do {
        let result = try await body(relay)
        try await relay.stop()
        return result
    } catch {
        try? await relay.stop()
        throw error
    }
}

/// Asks once; what came, and what the relay says of it.
func askOnce(
    _ events: [Event], _ personality: Personality, _ filter: Filter
) async throws -> (texts: [String], statistics: WorldRelay.Statistics) {
    try await withRelay(events, personality) { relay in
        let (texts, received) = try await RawClient.counting(relay) { try await $0.ask("a", filter) }
        let statistics = try await relay.statistics { $0.connectionsOpen == 0 }
        #expect(received == statistics.eventFrames)
        return (texts, statistics)
    }
}

/// Signed notes, one for each time, with a `t` tag that says whether its number is even.
func notes(_ times: some Sequence<Int64>, kind: Kind = .note) -> [Event] {
    let signer = Signer()
    let key = signer.key(named: "author of notes")
    return times.enumerated().map { index, time in
        signer.sign(
            Event.Body(
                pubkey: key.publicKey, createdAt: Timestamp(time), kind: kind,
                tags: [["t", index.isMultiple(of: 2) ? "even" : "odd"]], content: "note \(index)"),
            with: key)
    }
}

/// Newest first, ties by lowest id (NIP-01).
func newestFirst(_ events: [Event]) -> [Event] {
    events.sorted { $0.createdAt != $1.createdAt ? $0.createdAt > $1.createdAt : $0.id < $1.id }
}
