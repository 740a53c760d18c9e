/// The limits of one connection; every one of them can be set, so that a test need not wait for it.
///
/// Defaults are those of operations.md section 16.6.
package struct RelayConnectionOptions: Sendable {
    // MARK: What may be dialled

    /// The operator allowed this relay by name: private and loopback addresses and every port may be dialled.
    package var allowPrivateAddresses = false
    /// The URL comes from an event, not from the operator: only `wss`, only names, and the usual ports.
    package var isHint = false
    /// Nil: TLS 1.2 or newer with the machine's trust roots.
    package var tls: RelayTLS?

    // MARK: Time

    /// Resolution, TCP and TLS together.
    package var connectLimit: Duration = .seconds(10)
    /// From the request to the end of the response's header; a relay that sends a byte a second does not get longer.
    package var upgradeLimit: Duration = .seconds(10)
    package var pingInterval: Duration = .seconds(30)
    /// Without a complete message or a pong that we asked for. Twice the ping interval: one lost answer is no death.
    package var silenceLimit: Duration = .seconds(60)
    /// From the first byte of a message to its last.
    package var messageLimit: Duration = .seconds(60)
    /// How long the peer may take to close TCP after the close frames.
    package var closeLimit: Duration = .seconds(5)
    /// The same when the task is cancelled: a shutdown does not wait for strangers.
    package var shutdownCloseLimit: Duration = .seconds(1)
    /// A whole NIP-11 request.
    package var informationLimit: Duration = .seconds(5)

    /// Nil, or how often an idle connection hands over an empty batch: its reader has deadlines to keep, and needs no
    /// clock of its own for them.
    package var tickInterval: Duration?

    // MARK: Size

    /// Bytes of the upgrade response's header. Servers send under 1 KiB; cookies and policies of proxies add some.
    package var responseHeaderBytesMax = 16 * 1_024
    /// A NIP-77 answer reaches 1 MiB of hex.
    package var messageBytesMax = 1_024 * 1_024 + 64 * 1_024
    package var framesPerMessageMax = 1_024
    /// Batches that wait unread before the socket is no longer read; one of them is at most `burstBytesMax` long, plus the
    /// message that was under way.
    package var unreadBatchesMax = 2
    /// Bytes that wait unread, beyond which what a relay left in the kernel's buffer when it closed is discarded.
    ///
    /// Only then can more arrive than was asked for: at the end of a connection NIO reads whatever is left.
    package var unreadBytesMax = 4 * 1_024 * 1_024
    /// Bytes that wait to be sent; a peer that does not read is left (faults.md R23).
    package var sendBufferBytesMax = 1_024 * 1_024
    package var pingAnswersPerSecondMax = 10
    /// Bytes of a NIP-11 document; real ones have 1 to 5 KiB.
    package var informationBytesMax = 64 * 1_024

    /// `readsPerBurst` reads of the largest size that NIO's adaptive receive buffer takes.
    package static let burstBytesMax = Self.readsPerBurst * 65_536
    /// Few enough that one loud relay does not hold the event loop, enough that a batch amortises the hand-over.
    static let readsPerBurst = 4

    /// Product of the upgrade and information requests.
    package var userAgent = "nostr-ingest"

    package init() {}
}
