import RelayClient
import Testing

struct BackoffTests {
    @Test(arguments: [(1, 1), (2, 2), (3, 4), (5, 16), (9, 256), (10, 300), (1_000, 300)])
    func `the ceiling doubles with every failure up to the limit`(failures: Int, seconds: Int) {
        var backoff = Backoff(first: .seconds(1), limit: .seconds(300))
        var wait = Duration.zero
        for _ in 0..<failures { wait = backoff.failed(random: 0.999_999_999) }
        #expect(wait > .seconds(seconds) * 0.99 && wait <= .seconds(seconds))
    }

    @Test func `full jitter spreads the wait over the whole interval, but never to nothing`() {
        var backoff = Backoff(first: .seconds(10), limit: .seconds(10))
        #expect(backoff.failed(random: 0) == .milliseconds(50))
        #expect(backoff.failed(random: 0.5) == .seconds(5))
    }

    @Test func `success ends the series`() {
        var backoff = Backoff(first: .seconds(1), limit: .seconds(300))
        for _ in 0..<5 { _ = backoff.failed(random: 1) }
        backoff.succeeded()
        #expect(backoff.failed(random: 1) == .seconds(1))
    }
}
