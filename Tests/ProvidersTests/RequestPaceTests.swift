import Testing

@testable import Providers

struct RequestPaceTests {
    let start = ContinuousClock.now

    @Test func `turns are spread evenly over all hosts`() {
        var pace = RequestPace(perMinute: 60)
        let waits = ["a", "b", "c"].map { pace.turn(to: $0, now: self.start) }
        #expect(waits == [.zero, .seconds(1), .seconds(2)])
    }

    @Test func `a host gets ten a minute`() {
        var pace = RequestPace(perMinute: 6_000)
        let waits = (0..<4).map { _ in pace.turn(to: "a", now: self.start) }
        #expect(waits == [.zero, .seconds(6), .seconds(12), .seconds(18)])
        // And holds up nobody else.
        #expect(pace.turn(to: "b", now: self.start) < .seconds(1))
    }

    @Test func `an idle while is not made up for`() {
        var pace = RequestPace(perMinute: 60)
        _ = pace.turn(to: "a", now: self.start)
        let later = self.start + .seconds(100)
        #expect(pace.turn(to: "a", now: later) == .zero)
        #expect(pace.turn(to: "b", now: later) == .seconds(1))
    }
}
