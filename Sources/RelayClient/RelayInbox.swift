import NIOCore
import Synchronization

/// What a burst completed, on its way to the consumer: the event loop's end of ``RelayConnection/Inbound``.
///
/// Confined to the event loop of its handler.
struct RelayInbox {
    private var source: RelayConnection.Inbound.Producer.Source?
    let unread = UnreadBytes()
    private(set) var elements: [RelayConnection.Element] = []
    /// Bytes read since the last batch.
    private var byteCount = 0
    /// Whether the consumer wants more; nothing is read while it does not.
    private(set) var isDemanded = true
    /// Whether a message was complete since the last `yield`.
    private(set) var messageEnded = false

    /// Called once, when there is something to consume.
    mutating func open(
        batchesMax: Int, delegate: RelayInboundDelegate
    ) -> RelayConnection.Inbound.Producer {
        let new = RelayConnection.Inbound.Producer.makeSequence(
            elementType: RelayConnection.Batch.self,
            backPressureStrategy: .init(lowWatermark: 1, highWatermark: batchesMax),
            finishOnDeinit: true,
            delegate: delegate)
        self.source = new.source
        return new.sequence
    }

    mutating func received(_ byteCount: Int) { self.byteCount += byteCount }

    /// Bytes that wait, whether in a batch or for the end of the burst.
    var waitingByteCount: Int { self.unread.count + self.byteCount }

    mutating func message(_ element: RelayConnection.Element) {
        self.elements.append(element)
        self.messageEnded = true
    }

    mutating func append(_ element: RelayConnection.Element) { self.elements.append(element) }

    /// Hands over what the burst completed, if anything.
    mutating func yield(_ now: NIODeadline) {
        self.messageEnded = false
        guard !self.elements.isEmpty, let source = self.source else { return }
        let batch = RelayConnection.Batch(elements: self.elements, receivedAt: now, byteCount: self.byteCount)
        self.elements.removeAll()
        self.byteCount = 0
        self.unread.add(batch.byteCount)
        self.hand(batch, to: source)
    }

    /// Tells the consumer that time has passed; one that is behind has batches to go by, and needs no tick.
    mutating func tick(_ now: NIODeadline) {
        guard self.isDemanded, let source = self.source else { return }
        self.hand(RelayConnection.Batch(elements: [], receivedAt: now, byteCount: 0), to: source)
    }

    private mutating func hand(_ batch: RelayConnection.Batch, to source: RelayConnection.Inbound.Producer.Source) {
        switch source.yield(batch) {
        case .produceMore: break
        case .stopProducing, .dropped: self.isDemanded = false
        }
    }

    /// The last batch.
    mutating func finish(_ disconnect: RelayDisconnect, _ now: NIODeadline) {
        self.elements.append(.closed(disconnect))
        self.yield(now)
        self.source?.finish()
        self.source = nil
    }

    /// The consumer has caught up.
    mutating func demand() { self.isDemanded = true }

    /// Nobody will read any more: what arrives stays in the kernel.
    mutating func consumerLeft() {
        self.isDemanded = false
        self.source = nil
    }
}

/// Bytes that the event loop has handed over and the consumer has not taken: shared by the two, hence atomic.
final class UnreadBytes: Sendable {
    private let bytes = Atomic<Int>(0)

    var count: Int { self.bytes.load(ordering: .relaxed) }

    func add(_ count: Int) { self.bytes.wrappingAdd(count, ordering: .relaxed) }

    func subtract(_ count: Int) { self.bytes.wrappingSubtract(count, ordering: .relaxed) }
}
