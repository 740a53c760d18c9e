import Glibc
import NIOCore
import NIOSSL

/// Carries the consumer's demand from its task to the event loop.
struct RelayInboundDelegate: NIOAsyncSequenceProducerDelegate {
    let handler: NIOLoopBound<RelayChannelHandler>

    func produceMore() {
        let handler = self.handler
        handler.eventLoop.execute { handler.value.produceMore() }
    }

    func didTerminate() {
        let handler = self.handler
        handler.eventLoop.execute { handler.value.consumerLeft() }
    }
}

extension RelayDisconnect {
    /// Our close frame says what the peer did.
    init(violation: WebSocketViolation) {
        self.init(cause: DisconnectCause(closeCode: violation.code), code: violation.code, reason: violation.reason)
    }

    /// What ended a connection without a close frame.
    init(error: any Error) {
        switch error {
        case let error as IOError where [ECONNRESET, ECONNABORTED, EPIPE, ETIMEDOUT].contains(error.errnoCode):
            self.init(cause: .reset, reason: "\(error)")
        case NIOSSLError.uncleanShutdown:
            self.init(cause: .eof, reason: "TLS ended without a farewell")
        default:
            self.init(cause: .error, reason: "\(error)")
        }
    }
}

extension RelayConnectionError {
    /// What went wrong between TCP and the upgrade request.
    init(connecting error: any Error, isTLS: Bool) {
        self = isTLS ? .tlsFailed(message: "\(error)") : .init(connecting: error)
    }
}
