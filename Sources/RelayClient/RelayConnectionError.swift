/// Why no connection came about, or why nothing can be sent on one.
package enum RelayConnectionError: Error, Hashable, Sendable {
    /// The guard refused the URL or every address of its host (operations.md section 16.1); nothing was sent.
    case refusedByPolicy(reason: String)
    case nameNotResolved(message: String)
    /// No address accepted a TCP connection, or the network said that there is none.
    case connectionRefused(message: String)
    /// Resolution, TCP and TLS took longer than `connectLimit`.
    case connectTimedOut
    case tlsFailed(message: String)
    /// The response's header took longer than `upgradeLimit`.
    case upgradeTimedOut
    /// An HTTP status other than 101.
    case upgradeRefused(UpgradeRefusal)
    /// Not an HTTP response, or one that does not match what was asked (RFC 6455 section 4.1).
    case upgradeInvalid(reason: String)
    /// The connection is closed or closing; what was given was not sent.
    case closed
    /// The peer does not read: the connection was closed.
    case sendBufferFull

    /// The value of the metric `relay_connects_total{result}` (operations.md section 10.2).
    package var result: ConnectResult {
        switch self {
        case .refusedByPolicy: .policy
        case .nameNotResolved: .dns
        case .connectionRefused, .closed, .sendBufferFull: .refused
        case .connectTimedOut, .upgradeTimedOut: .timeout
        case .tlsFailed: .tls
        case .upgradeRefused, .upgradeInvalid: .http
        }
    }
}

/// What a relay answered instead of switching protocols.
package struct UpgradeRefusal: Hashable, Sendable {
    package let status: Int
    /// From `Retry-After`: not negative, at most `retryAfterMax`; nil where it is absent or rubbish.
    package let retryAfter: Duration?
    /// The host that a redirect names; redirects are never followed. Nil for other statuses.
    package let redirectHost: String?

    /// A relay cannot send us away for longer.
    package static let retryAfterMax: Duration = .seconds(3_600)

    package init(status: Int, retryAfter: Duration? = nil, redirectHost: String? = nil) {
        self.status = status
        self.retryAfter = retryAfter
        self.redirectHost = redirectHost
    }
}

/// The label `result` of `relay_connects_total`.
package enum ConnectResult: String, CaseIterable, Hashable, Sendable {
    case ok, dns, refused, timeout, tls, http, policy
}

/// The label `cause` of `relay_disconnects_total`.
package enum DisconnectCause: String, CaseIterable, Hashable, Sendable {
    /// The peer closed with 1000 or without a code, or we did.
    case normal
    /// The peer restarts or is overloaded: 1001, 1012, 1013.
    case goingAway = "going_away"
    /// Any other code of the peer, 1011 among them, or an error of the socket.
    case error
    case reset
    /// TCP or TLS ended without a close frame.
    case eof
    /// Closed by us because there was nothing to do.
    case idle
    /// No life for `silenceLimit`.
    case silence
    /// Either side found a violation of RFC 6455: 1002, 1003, 1007.
    case `protocol`
    /// A message too large, of too many frames, or too slow: 1009.
    case oversized
    /// 1008 from either side.
    case policy
    /// Our task was cancelled.
    case shutdown

    /// What a peer means by a close code (RFC 6455 section 7.4, IANA's registry); nil is a close frame without one.
    package init(closeCode: UInt16?) {
        switch closeCode {
        case nil, 1000: self = .normal
        case 1001, 1012, 1013: self = .goingAway
        case 1002, 1003, 1007: self = .protocol
        case 1008: self = .policy
        case 1009: self = .oversized
        default: self = .error
        }
    }
}

/// How a connection ended.
package struct RelayDisconnect: Hashable, Sendable {
    package let cause: DisconnectCause
    /// The code of the close frame that ended it, whoever sent it; nil if there was none or it carried none.
    package let code: UInt16?
    /// The reason that came with the code, or ours; from the peer, so at most 123 bytes of anything.
    package let reason: String

    package init(cause: DisconnectCause, code: UInt16? = nil, reason: String = "") {
        self.cause = cause
        self.code = code
        self.reason = reason
    }
}
