import RelayWorld
import Testing

@testable import Ingest

struct EventQueueTests {
    typealias Machine = EventQueue.StateMachine<Int, String, String>

    func machine(elements: Int = 3, bytes: Int = 100) -> Machine {
        Machine(capacity: .init(elements: elements, bytes: bytes))
    }

    @Test func `a waiting consumer gets what is sent at once`() {
        var machine = self.machine()
        guard case .suspended = machine.take("consumer") else {
            Issue.record("nothing was there to take")
            return
        }
        guard case .resumeConsumer("consumer", [1, 2]) = machine.send([1, 2], bytes: 2) else {
            Issue.record("the consumer was not resumed")
            return
        }
        #expect(machine.buffer.isEmpty)
    }

    @Test func `a full queue makes producers wait, and taking everything releases them`() {
        var machine = self.machine()
        guard case .accepted = machine.send([1, 2, 3], bytes: 3), case .wait = machine.send([4], bytes: 1),
            case .suspended = machine.park("producer", id: 1)
        else {
            Issue.record("the fourth element found room")
            return
        }
        guard case .resumeConsumer("consumer", [1, 2, 3], ["producer"]) = machine.take("consumer") else {
            Issue.record("order or producers were lost")
            return
        }
    }

    @Test func `bytes count as well as elements`() {
        var machine = self.machine(elements: 1_000, bytes: 10)
        guard case .accepted = machine.send([1], bytes: 11), case .wait = machine.send([2], bytes: 1) else {
            Issue.record("eleven bytes in ten left room")
            return
        }
    }

    @Test func `a producer that gave up is taken out`() {
        var machine = self.machine(elements: 1)
        _ = machine.send([1], bytes: 1)
        _ = machine.park("patient", id: 1)
        _ = machine.park("impatient", id: 2)
        #expect(machine.cancel(id: 2) == "impatient")
        #expect(machine.cancel(id: 2) == nil)
        guard case .resumeConsumer(_, [1], ["patient"]) = machine.take("consumer") else {
            Issue.record("the wrong producer was released")
            return
        }
    }

    @Test func `what is in a finished queue is still taken, then it ends`() {
        var machine = self.machine()
        _ = machine.send([1], bytes: 1)
        _ = machine.finish()
        guard case .finished = machine.send([2], bytes: 1), case .resumeConsumer(_, [1], _) = machine.take("a"),
            case .finished("b") = machine.take("b")
        else {
            Issue.record("finishing lost an element or did not end")
            return
        }
    }

    @Test(arguments: 0..<50)
    func `any interleaving keeps the bound, the order and the two sides apart`(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var machine = self.machine(elements: 5, bytes: 50)
        var sent: [Int] = []
        var taken: [Int] = []
        var isConsumerWaiting = false
        var parked = 0
        for step in 0..<500 {
            if Bool.random(using: &random) {
                let batch = (0..<Int.random(in: 1...4, using: &random)).map { _ in step }
                switch machine.send(batch, bytes: batch.count * 7) {
                case .accepted: sent += batch
                case .resumeConsumer(_, let elements):
                    #expect(isConsumerWaiting)
                    isConsumerWaiting = false
                    sent += batch
                    taken += elements
                case .wait:
                    #expect(!isConsumerWaiting)
                    if case .suspended = machine.park("p", id: UInt64(step)) { parked += 1 }
                case .finished: Issue.record("nobody finished it")
                }
            } else if !isConsumerWaiting {
                switch machine.take("c") {
                case .resumeConsumer(_, let elements, let producers):
                    taken += elements
                    #expect(producers.count == parked)
                    parked = 0
                case .suspended:
                    isConsumerWaiting = true
                    #expect(parked == 0)
                case .finished: Issue.record("nobody finished it")
                }
            }
            #expect(machine.buffer.count < 5 + 4)
        }
        #expect(taken == Array(sent.prefix(taken.count)))
        #expect(sent.count - taken.count == machine.buffer.count)
    }
}
