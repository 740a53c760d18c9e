package import Logging
package import NIOCore
import NIOPosix
package import Nostr

/// One WebSocket to one relay, open for as long as a closure runs.
///
/// ```
///   socket ─▶ RelayChannelHandler ─ batches ─▶ Inbound ─▶ body ─▶ Outbound ─▶ RelayChannelHandler ─▶ socket
///             (event loop)                     (the caller's task)             (event loop)
/// ```
///
/// What arrives in one read burst of the socket is one ``Batch``, so that the hand-over costs little per message. When
/// batches wait unread the socket is no longer read, and TCP tells the relay.
package enum RelayConnection {
    /// Connects, runs `body`, closes, and returns what `body` returned or throws what it threw.
    ///
    /// Cancelling the task closes the connection with 1001: `inbound` then throws `CancellationError`. Otherwise the
    /// close is 1000 when `body` returns or throws. Suspends until the socket is closed, at most `closeLimit` after that.
    ///
    /// - Parameters:
    ///   - eventLoop: where the socket lives; nothing on it blocks.
    ///   - logger: gets debug lines about this connection.
    /// - Throws: `RelayConnectionError` if no connection came about; `CancellationError`; whatever `body` throws.
    package static func withConnection<Result>(
        to url: RelayURL,
        options: RelayConnectionOptions = RelayConnectionOptions(),
        on eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next(),
        resolver: AddressResolver = .system,
        logger: Logger,
        _ body: (Inbound, Outbound) async throws -> Result
    ) async throws -> Result {
        let attempt = try await eventLoop.submit {
            NIOLoopBound(RelayDial(to: url, options: options, on: eventLoop, resolver: resolver), eventLoop: eventLoop)
        }.get()
        let (inbound, outbound) = try await withTaskCancellationHandler {
            try await eventLoop.flatSubmit { attempt.value.start() }.get()
        } onCancel: {
            eventLoop.execute { attempt.value.cancel() }
        }
        logger.debug(
            "Relay connected", metadata: ["relay.url": "\(url.label)", "address": "\(inbound.handshake.address)"])
        do {
            let result = try await withTaskCancellationHandler {
                try await body(inbound, outbound)
            } onCancel: {
                outbound.shutDown()
            }
            await outbound.closed(by: .normal)
            return result
        } catch {
            await outbound.closed(by: error is CancellationError ? .shutdown : .normal)
            throw error
        }
    }

    /// What was learned while connecting.
    package struct Handshake: Hashable, Sendable {
        /// Resolution, TCP, TLS and upgrade together.
        package let duration: Duration
        /// The address that was dialled.
        package let address: String
        /// The relay's clock when it answered, in seconds since 1970; nil if it sent no `Date`.
        package let serverDate: Int64?
    }

    package enum Element: Hashable, Sendable {
        /// A complete text message: UTF-8, at most `messageBytesMax` long, a slice of what was read.
        case message(ByteBuffer)
        /// A complete binary message; relays have no business sending one.
        case binary(ByteBuffer)
        /// The answer to one of our pings.
        case pong(roundTrip: Duration)
        /// The end: nothing follows.
        case closed(RelayDisconnect)
    }

    /// What one read burst of the socket completed, in order. Empty: time has passed (`tickInterval`).
    package struct Batch: Sendable {
        package let elements: [Element]
        /// When the burst was read (monotonic): for a message or a pong, the last proof of life.
        package let receivedAt: NIODeadline
        /// Bytes read since the batch before, framing included.
        package let byteCount: Int
    }
}

extension RelayConnection.Element {
    /// Calls `body` with the bytes of a message, text or binary; nil for anything else.
    ///
    /// For callers that do not know NIO's types.
    package func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result? {
        switch self {
        case .message(let buffer), .binary(let buffer): try body(buffer.readableBytesSpan)
        case .pong, .closed: nil
        }
    }
}

// MARK: - Inbound

extension RelayConnection {
    /// What the relay sends. To be iterated once, by one task.
    ///
    /// The last batch ends with `.closed`; after it the sequence ends. Cancelling the task makes it throw
    /// `CancellationError`.
    package struct Inbound: AsyncSequence, Sendable {
        package typealias Element = Batch
        typealias Producer = NIOThrowingAsyncSequenceProducer<
            Batch, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, RelayInboundDelegate
        >

        package let handshake: Handshake
        let producer: Producer
        let unread: UnreadBytes

        /// Bytes of messages that were handed over by the socket and not yet read from here.
        package var unreadByteCount: Int { self.unread.count }

        package func makeAsyncIterator() -> AsyncIterator {
            AsyncIterator(base: self.producer.makeAsyncIterator(), unread: self.unread)
        }

        package struct AsyncIterator: AsyncIteratorProtocol {
            let base: Producer.AsyncIterator
            let unread: UnreadBytes

            // NIO's iterator may be used from nonisolated code only.
            @concurrent
            package mutating func next() async throws -> Batch? {
                guard let batch = try await self.base.next() else { return nil }
                self.unread.subtract(batch.byteCount)
                return batch
            }
        }
    }
}

// MARK: - Outbound

extension RelayConnection {
    /// What we send. May be used from any task; what one task sends stays in order.
    package struct Outbound: Sendable {
        let handler: NIOLoopBound<RelayChannelHandler>
        let channel: any Channel

        /// Hands a text message to the socket; does not wait until the peer has read it.
        ///
        /// - Throws: `RelayConnectionError.closed`, or `.sendBufferFull` if the peer reads so little that more than
        ///   `sendBufferBytesMax` wait: the connection is then closed.
        package func send(text: String) async throws {
            try await self.send(text: ByteBuffer(string: text))
        }

        package func send(text: ByteBuffer) async throws {
            try await self.onLoop { try $0.send(.text, text) }
        }

        /// Hands over several text messages, in order and in one go.
        package func send(texts: [ByteBuffer]) async throws {
            try await self.onLoop { try $0.send(texts: texts) }
        }

        package func send(binary: ByteBuffer) async throws {
            try await self.onLoop { try $0.send(.binary, binary) }
        }

        /// Sends a ping now, beside those of `pingInterval`; the answer arrives as `.pong`.
        package func ping() async throws {
            try await self.onLoop { try $0.ping() }
        }

        /// Starts the close handshake (RFC 6455 section 7.1.2); `inbound` ends with `cause`. Does nothing once closed.
        ///
        /// - Parameter reason: at most 123 bytes are sent.
        package func close(code: UInt16 = 1000, reason: String = "", cause: DisconnectCause = .normal) async {
            try? await self.onLoop { $0.close(RelayDisconnect(cause: cause, code: code, reason: reason)) }
        }

        /// From a cancellation handler: does not suspend.
        func shutDown() {
            let handler = self.handler
            self.channel.eventLoop.execute { handler.value.shutDown() }
        }

        /// Closes if that has not happened yet, and suspends until the socket is closed.
        func closed(by cause: DisconnectCause) async {
            let isShutdown = cause == .shutdown || Task.isCancelled
            try? await self.onLoop { handler in
                isShutdown
                    ? handler.shutDown() : handler.close(RelayDisconnect(cause: cause, code: 1000, reason: ""))
            }
            try? await self.channel.closeFuture.get()
        }

        private func onLoop(_ body: @escaping @Sendable (RelayChannelHandler) throws -> Void) async throws {
            let handler = self.handler
            try await self.channel.eventLoop.submit { try body(handler.value) }.get()
        }
    }
}
