import Nostr
package import NostrCache
import Synchronization

/// The bounded hand-off from many relay sessions to one writer.
///
/// It is the only buffer between a socket and a row, so it is where backpressure comes from: a slow database fills the
/// queue, a full queue suspends the sessions, a suspended session stops reading, and TCP tells the relay. Coverage
/// travels through the same FIFO, behind every event that it vouches for.
package final class EventQueue: Sendable {
    private typealias Machine = StateMachine<
        CacheItem, CheckedContinuation<Void, Never>, CheckedContinuation<[CacheItem]?, Never>
    >

    private let machine: Mutex<Machine>
    private let nextProducer = Atomic<UInt64>(0)

    /// Bounded in elements and in bytes of event text, whichever is reached first.
    package init(elementsMax: Int, bytesMax: Int) {
        self.machine = Mutex(Machine(capacity: .init(elements: elementsMax, bytes: bytesMax)))
    }

    /// The queue was finished; what was given was not taken.
    package struct Finished: Error, Equatable, Sendable {}

    /// Hands over `items`, in order; suspends while the queue is full.
    ///
    /// Throws `Finished` after ``finish()`` and `CancellationError` when the task is cancelled while it waits; in both
    /// cases none of the items was taken.
    package func send(_ items: [CacheItem]) async throws {
        guard !items.isEmpty else { return }
        let bytes = items.reduce(0) { $0 + $1.weight }
        while true {
            switch self.machine.withLock({ $0.send(items, bytes: bytes) }) {
            case .accepted: return
            case .resumeConsumer(let consumer, let batch): return consumer.resume(returning: batch)
            case .finished: throw Finished()
            case .wait: break
            }
            let id = self.nextProducer.wrappingAdd(1, ordering: .relaxed).newValue
            await withTaskCancellationHandler {
                await withCheckedContinuation { producer in
                    switch self.machine.withLock({ $0.park(producer, id: id) }) {
                    case .suspended: break
                    case .resume(let producer): producer.resume()
                    }
                    // The handler may have run before the producer was parked.
                    if Task.isCancelled { self.release(id) }
                }
            } onCancel: {
                self.release(id)
            }
            try Task.checkCancellation()
        }
    }

    private func release(_ id: UInt64) {
        self.machine.withLock { $0.cancel(id: id) }?.resume()
    }

    /// Everything that arrived since the last call; nil once the queue is finished and empty.
    package func takeAll() async -> [CacheItem]? {
        await withCheckedContinuation { consumer in
            switch self.machine.withLock({ $0.take(consumer) }) {
            case .resumeConsumer(let consumer, let batch, let producers):
                consumer.resume(returning: batch)
                for producer in producers { producer.resume() }
            case .finished(let consumer):
                consumer.resume(returning: nil)
            case .suspended:
                break
            }
        }
    }

    /// Ends the queue; what is in it is still taken.
    package func finish() {
        let (consumer, producers) = self.machine.withLock { $0.finish() }
        consumer?.resume(returning: nil)
        for producer in producers { producer.resume() }
    }

    /// Items that wait now, and the bytes of their events.
    package var depth: (items: Int, bytes: Int) {
        self.machine.withLock { ($0.buffer.count, $0.bytes) }
    }
}

extension CacheItem {
    /// What the item counts for in the queue's bound, in bytes.
    var weight: Int {
        switch self {
        case .event(let verified, _, _): verified.event.canonicalCount + 200
        case .quarantine(let quarantined): quarantined.raw.count + 200
        case .coverage, .hole, .sighting, .heartbeat: 100
        }
    }
}
