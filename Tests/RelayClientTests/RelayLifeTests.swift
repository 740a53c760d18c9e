import NIOCore
import Testing

@testable import RelayClient

struct RelayLifeTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func at(_ seconds: Double) -> NIODeadline { self.start + .milliseconds(Int64(seconds * 1_000)) }

    private func life() -> RelayLife { RelayLife(options: RelayConnectionOptions(), now: self.start) }

    @Test func `a ping leaves every 30 seconds, and silence ends at 60, R04`() {
        var life = self.life()
        #expect(life.nextCheck == self.at(30))
        #expect(life.check(now: self.at(29), isReading: true) == .none)
        #expect(life.check(now: self.at(30), isReading: true) == .ping)
        #expect(life.check(now: self.at(31), isReading: true) == .none)
        #expect(
            life.check(now: self.at(60), isReading: true)
                == .close(RelayDisconnect(cause: .silence, code: 1001, reason: "silence")))
    }

    @Test func `a complete message is a sign of life, bytes are none, R22`() {
        var life = self.life()
        life.message(at: self.at(50))
        _ = life.check(now: self.at(60), isReading: true)
        #expect(life.check(now: self.at(109), isReading: true) != .close(RelayDisconnect(cause: .silence)))
        for second in 105..<110 { life.bytes(at: self.at(Double(second))) }
        #expect(
            life.check(now: self.at(110), isReading: true)
                == .close(RelayDisconnect(cause: .silence, code: 1001, reason: "silence")))
    }

    @Test func `a message has 60 seconds from its first byte, R18`() {
        var life = self.life()
        life.bytes(at: self.at(10))
        life.message(at: self.at(40))
        life.bytes(at: self.at(45))
        for second in stride(from: 50.0, through: 100, by: 10) {
            life.bytes(at: self.at(second))
            #expect(!life.check(now: self.at(second), isReading: true).isClose)
            // A pong between the fragments proves life, and gives the message no more time.
            life.burstEnded(now: self.at(second), isSign: true, messageEnded: false, isWithinMessage: true)
        }
        #expect(life.check(now: self.at(104), isReading: true).isClose == false)
        #expect(
            life.check(now: self.at(105), isReading: true)
                == .close(RelayDisconnect(cause: .oversized, code: 1009, reason: "message too slow")))
    }

    @Test func `only the answer to our ping counts, R21`() {
        var life = self.life()
        #expect(life.roundTrip(of: ByteBuffer(integer: UInt64(7)), now: self.at(1)) == nil)
        let first = life.ping(now: self.at(1), payload: 7)
        let second = life.ping(now: self.at(2), payload: 8)
        #expect(life.roundTrip(of: ByteBuffer(integer: UInt64(9)), now: self.at(3)) == nil)
        #expect(life.roundTrip(of: ByteBuffer(string: "longer than eight"), now: self.at(3)) == nil)
        #expect(life.roundTrip(of: ByteBuffer(), now: self.at(3)) == nil)
        // A peer may answer only the last (RFC 6455 section 5.5.3); the one before is then settled too.
        #expect(life.roundTrip(of: second, now: self.at(3)) == .seconds(1))
        #expect(life.roundTrip(of: second, now: self.at(3)) == nil)
        #expect(life.roundTrip(of: first, now: self.at(3)) == nil)
    }

    @Test func `ten pings a second are answered, R20`() {
        var life = self.life()
        let times = Array(repeating: 0.5, count: 10) + [0.9, 1]
        let answers = times.map { life.mayAnswerPing(now: self.at($0)) }
        #expect(answers == Array(repeating: true, count: 10) + [false, true])
    }

    @Test func `while we do not read the peer cannot be silent`() {
        var life = self.life()
        life.burstEnded(now: self.at(1), isSign: true, messageEnded: true, isWithinMessage: true)
        #expect(life.check(now: self.at(200), isReading: false) == .ping)
        life.resumed(now: self.at(300), isWithinMessage: true)
        #expect(life.check(now: self.at(359), isReading: true) == .ping)
        #expect(life.check(now: self.at(360), isReading: true).isClose)
    }
}

extension RelayLife {
    /// A burst with a whole message and nothing else.
    fileprivate mutating func message(at now: NIODeadline) {
        self.burstEnded(now: now, isSign: true, messageEnded: true, isWithinMessage: false)
    }

    /// A burst with a part of a message.
    fileprivate mutating func bytes(at now: NIODeadline) {
        self.burstEnded(now: now, isSign: false, messageEnded: false, isWithinMessage: true)
    }
}

extension RelayLife.Action {
    fileprivate var isClose: Bool {
        guard case .close = self else { return false }
        return true
    }
}
