package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
package import Nostr

/// A relay on loopback with a character (``Personality``): for tests, benchmarks and demonstrations.
///
/// Everything about it happens on one event loop, its connections included, so its state needs no lock. It keeps every
/// event that it is given, superseded and deleted ones too: what a cache should make of them is not its business.
package final class WorldRelay: Sendable {
    /// The relay was stopped while somebody waited for it.
    package struct Stopped: Error {}

    package let host: String
    package let port: Int
    private let eventLoop: any EventLoop
    private let state: NIOLoopBound<RelayState>
    private let listener: NIOLoopBoundBox<(any Channel)?>

    /// The largest message of a client: an event of 512 KiB, and room for what surrounds it.
    private static let messageBytesMax = 1 << 20

    private init(
        _ state: NIOLoopBound<RelayState>, _ listener: NIOLoopBoundBox<(any Channel)?>, host: String, port: Int,
        eventLoop: any EventLoop
    ) {
        self.state = state
        self.listener = listener
        self.host = host
        self.port = port
        self.eventLoop = eventLoop
    }

    /// Starts a relay that holds `events`, on a port of the system's choice if `port` is 0.
    package static func start(
        events: [Event] = [], personality: Personality = .honest, group: any EventLoopGroup,
        host: String = "127.0.0.1", port: Int = 0
    ) async throws -> WorldRelay {
        let eventLoop = group.next()
        let state = try await eventLoop.submit {
            NIOLoopBound(
                RelayState(events: events, personality: personality, eventLoop: eventLoop), eventLoop: eventLoop)
        }.get()
        let channel = try await self.bind(state, eventLoop, host: host, port: port)
        guard let bound = channel.localAddress?.port else { throw Stopped() }
        let listener = try await eventLoop.submit {
            NIOLoopBoundBox<(any Channel)?>(channel, eventLoop: eventLoop)
        }.get()
        let relay = WorldRelay(state, listener, host: host, port: bound, eventLoop: eventLoop)
        if personality.isUnreachable { try await relay.become(personality) }
        return relay
    }

    package var url: String { "ws://\(self.host):\(self.port)" }

    private static func bind(
        _ state: NIOLoopBound<RelayState>, _ eventLoop: any EventLoop, host: String, port: Int
    ) async throws -> any Channel {
        try await ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 256 * 1024, high: 1024 * 1024))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.configure(channel, state) }
            }
            .bind(host: host, port: port).get()
    }

    private static func configure(_ channel: any Channel, _ state: NIOLoopBound<RelayState>) throws {
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: self.messageBytesMax,
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        NIOWebSocketFrameAggregator(
                            minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024,
                            maxAccumulatedFrameSize: self.messageBytesMax))
                    try pipeline.addHandler(ConnectionHandler(relay: state.value))
                }
            })
        let information = InformationHandler(relay: state.value)
        let bound = NIOLoopBound(information, eventLoop: channel.eventLoop)
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in
                    context.pipeline.syncOperations.removeHandler(bound.value, promise: nil)
                }
            ))
        try channel.pipeline.syncOperations.addHandler(information)
    }
}

// MARK: - What a test does with it

extension WorldRelay {
    package var statistics: Statistics {
        get async throws {
            try await self.eventLoop.submit { self.state.value.statistics }.get()
        }
    }

    /// Returns as soon as `condition` holds, or throws ``Stopped``.
    @discardableResult
    package func statistics(
        until condition: @escaping @Sendable (Statistics) -> Bool
    ) async throws -> Statistics {
        try await self.eventLoop.flatSubmit { self.state.value.wait(until: condition) }.get()
    }

    package var personality: Personality {
        get async throws {
            try await self.eventLoop.submit { self.state.value.personality }.get()
        }
    }

    /// Changes the relay's ways from here on; answers that have begun are finished the new way.
    package func become(_ personality: Personality) async throws {
        let (isListening, wasUnreachable) = try await self.eventLoop.submit {
            let wasUnreachable = self.state.value.personality.isUnreachable
            self.state.value.become(personality)
            return (self.listener.value != nil, wasUnreachable)
        }.get()
        if personality.isUnreachable, isListening {
            try await self.close()
            try await self.eventLoop.submit { self.state.value.count(.unreachable) }.get()
        } else if !personality.isUnreachable, wasUnreachable, !isListening {
            try await self.listen()
        }
    }

    /// Stores an event, if it is new and not ephemeral, and sends it to every subscription that asks for it.
    package func publish(_ event: Event) async throws {
        try await self.publish([event])
    }

    package func publish(_ events: [Event]) async throws {
        try await self.eventLoop.submit {
            for event in events { self.state.value.publish(event) }
        }.get()
    }

    /// Forgets everything and holds `events` instead, as a relay that lost its database.
    package func reset(to events: [Event]) async throws {
        try await self.eventLoop.submit { self.state.value.events.reset(to: events) }.get()
    }

    /// Drops every connection; new ones are welcome.
    package func dropConnections() async throws {
        try await self.eventLoop.submit { self.state.value.dropConnections() }.get()
    }

    /// Closes the listening socket and drops every connection.
    package func stop() async throws {
        try await self.close()
        try await self.eventLoop.submit { self.state.value.abandonWaiters() }.get()
    }

    /// Drops every connection and listens again on the same port, whether it was stopped or not.
    package func restart() async throws {
        try await self.close()
        try await self.listen()
    }

    private func close() async throws {
        try await self.eventLoop.flatSubmit {
            let listener = self.listener.value
            self.listener.value = nil
            self.state.value.isListening = false
            self.state.value.dropConnections()
            return listener?.close() ?? self.eventLoop.makeSucceededVoidFuture()
        }.get()
    }

    private func listen() async throws {
        let channel = try await Self.bind(self.state, self.eventLoop, host: self.host, port: self.port)
        try await self.eventLoop.submit {
            self.listener.value = channel
            self.state.value.isListening = true
        }.get()
    }
}
