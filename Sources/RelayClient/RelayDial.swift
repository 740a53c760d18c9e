import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Nostr

/// One attempt to connect: guard, resolution, TCP, TLS, upgrade. Confined to its event loop.
final class RelayDial {
    typealias Opened = (RelayConnection.Inbound, RelayConnection.Outbound)

    private let url: RelayURL
    private let options: RelayConnectionOptions
    private let eventLoop: any EventLoop
    private let resolver: AddressResolver
    private let opened: EventLoopPromise<Opened>
    private var isCancelled = false
    private var channel: (any Channel)?

    init(to url: RelayURL, options: RelayConnectionOptions, on eventLoop: any EventLoop, resolver: AddressResolver) {
        self.url = url
        self.options = options
        self.eventLoop = eventLoop
        self.resolver = resolver
        self.opened = eventLoop.makePromise()
    }

    /// Fails with `RelayConnectionError`, or `CancellationError` after `cancel()`.
    func start() -> EventLoopFuture<Opened> {
        if self.isCancelled {
            self.opened.fail(CancellationError())
        } else {
            do {
                try self.connect()
            } catch {
                self.opened.fail(error)
            }
        }
        return self.opened.futureResult
    }

    /// Before the end the attempt fails at once, after it the connection is closed.
    func cancel() {
        self.isCancelled = true
        self.opened.fail(CancellationError())
        self.channel?.close(promise: nil)
    }

    private func connect() throws {
        let (url, options, start) = (self.url, self.options, NIODeadline.now())
        try Self.channel(to: url, options: options, on: self.eventLoop, resolver: self.resolver) {
            try $0.addHandler(RelayChannelHandler(url: url, options: options, dialledAt: start))
        }.assumeIsolated().whenComplete { self.connected($0) }
    }

    /// Connects to an address that the guard allows, within `connectLimit`; TLS follows where the URL says so.
    ///
    /// - Parameter addHandlers: is called for every address tried, and those that lose are closed.
    static func channel(
        to url: RelayURL, options: RelayConnectionOptions, on eventLoop: any EventLoop, resolver: AddressResolver,
        addHandlers: @escaping @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void
    ) throws -> EventLoopFuture<any Channel> {
        let addressGuard = AddressGuard(allowsEverything: options.allowPrivateAddresses, isHint: options.isHint)
        try addressGuard.judge(url)
        let tls = url.isSecure ? try options.tls ?? RelayTLS.standard.get() : nil
        let resolver = GuardedResolver(
            resolver, addressGuard: addressGuard, onlyLoopback: tls?.isInsecure ?? false, on: eventLoop)
        return ClientBootstrap(group: eventLoop)
            .resolver(resolver)
            .connectTimeout(TimeAmount(options.connectLimit))
            .channelOption(.maxMessagesPerRead, value: UInt(RelayConnectionOptions.readsPerBurst))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(try tls.makeHandler(host: url.host)) }
                    try addHandlers(pipeline)
                }
            }
            .connect(host: url.host, port: url.port)
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel) where self.isCancelled:
            channel.close(promise: nil)
        case .success(let channel):
            self.channel = channel
            do {
                let handler = try channel.pipeline.syncOperations.handler(type: RelayChannelHandler.self)
                handler.start(self.opened)
            } catch {
                // The peer was faster: it closed between the connection and this line.
                self.opened.fail(RelayConnectionError.connectionRefused(message: "closed at once"))
            }
        case .failure(let error):
            self.opened.fail(RelayConnectionError(connecting: error))
        }
    }
}

extension RelayConnectionError {
    /// What NIO's happy eyeballs report, once every address has failed.
    init(connecting error: any Error) {
        switch error {
        case let error as RelayConnectionError:
            self = error
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            self = .tlsFailed(message: "\(error)")
        case ChannelError.connectTimeout:
            self = .connectTimedOut
        case let error as NIOConnectionError:
            let failures = error.connectionErrors.map(\.error)
            if let lookup = error.dnsAAAAError ?? error.dnsAError, failures.isEmpty {
                self = lookup as? RelayConnectionError ?? .nameNotResolved(message: "\(lookup)")
            } else if failures.isEmpty {
                self = .nameNotResolved(message: "no address")
            } else if let refusal = failures.lazy.compactMap({ $0 as? IOError }).first {
                self = refusal.errnoCode == ETIMEDOUT ? .connectTimedOut : .connectionRefused(message: "\(refusal)")
            } else {
                self = .connectTimedOut
            }
        default:
            self = .connectionRefused(message: "\(error)")
        }
    }
}
