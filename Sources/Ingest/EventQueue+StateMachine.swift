extension EventQueue {
    /// The rules of the queue, without threads.
    ///
    /// ```
    ///  open ──finish──▶ finished (what is left is still taken) ──empty──▶ nil for the consumer
    /// ```
    ///
    /// Invariants: the buffer exceeds its capacity by at most the batch that crossed the line; producers wait only while
    /// it is full, the consumer only while it is empty, so the two sides never wait at the same time; nothing that was
    /// accepted is dropped.
    struct StateMachine<Element, Producer, Consumer> {
        /// Bounds of the buffer, whichever is reached first.
        struct Capacity: Sendable {
            let elements: Int
            let bytes: Int
        }

        private let capacity: Capacity
        private(set) var buffer: [Element] = []
        private(set) var bytes = 0
        private var producers: [(id: UInt64, Producer)] = []
        private var consumer: Consumer?
        private var isFinished = false

        init(capacity: Capacity) {
            self.capacity = capacity
        }

        private var isFull: Bool { self.buffer.count >= self.capacity.elements || self.bytes >= self.capacity.bytes }

        enum SendAction {
            /// The elements are in the queue, or were handed to `consumer`.
            case accepted
            case resumeConsumer(Consumer, [Element])
            /// There is no room: wait, then send again.
            case wait
            case finished
        }

        /// Offers elements that together weigh `bytes`; all or none are accepted.
        mutating func send(_ elements: [Element], bytes: Int) -> SendAction {
            guard !self.isFinished else { return .finished }
            if let consumer = self.consumer {
                precondition(self.buffer.isEmpty, "The consumer waits only while the buffer is empty")
                self.consumer = nil
                return .resumeConsumer(consumer, elements)
            }
            guard !self.isFull else { return .wait }
            self.buffer.append(contentsOf: elements)
            self.bytes += bytes
            return .accepted
        }

        enum WaitAction {
            case suspended
            /// Room appeared in between.
            case resume(Producer)
        }

        /// Parks a producer that was told to wait.
        mutating func park(_ producer: Producer, id: UInt64) -> WaitAction {
            guard self.isFull, !self.isFinished else { return .resume(producer) }
            self.producers.append((id, producer))
            return .suspended
        }

        /// Takes a parked producer out, if it is still there.
        mutating func cancel(id: UInt64) -> Producer? {
            guard let index = self.producers.firstIndex(where: { $0.id == id }) else { return nil }
            return self.producers.remove(at: index).1
        }

        enum TakeAction {
            case resumeConsumer(Consumer, [Element], [Producer])
            case suspended
            case finished(Consumer)
        }

        /// Everything that is there, or a wait for the first element.
        mutating func take(_ consumer: Consumer) -> TakeAction {
            precondition(self.consumer == nil, "There is one consumer")
            guard !self.buffer.isEmpty else {
                if self.isFinished { return .finished(consumer) }
                self.consumer = consumer
                return .suspended
            }
            let batch = self.buffer
            self.buffer = []
            self.bytes = 0
            let producers = self.producers.map(\.1)
            self.producers = []
            return .resumeConsumer(consumer, batch, producers)
        }

        /// No more elements will come; what is there is still delivered.
        mutating func finish() -> (Consumer?, [Producer]) {
            self.isFinished = true
            let producers = self.producers.map(\.1)
            self.producers = []
            defer { self.consumer = nil }
            return (self.consumer, producers)
        }
    }
}
