import Ingest
import Nostr
import NostrCache
import RelayClient
import Testing

struct StreamFollowerTests {
    let start = ContinuousClock.now
    let wall = Timestamp(1_700_000_000)
    let filter = Filter(kinds: [Kind(1)])
    let empty = Page(count: 0, oldest: nil, newest: nil)

    func follower(
        covered: CoverageSet = CoverageSet(), _ change: (inout FollowPolicy) -> Void = { _ in }
    ) -> StreamFollower {
        var policy = FollowPolicy()
        policy.lookbackSeconds = 1_000
        policy.windowSecondsFirst = 10_000
        policy.overlapShort = 60
        policy.overlapDeep = 300
        policy.fetchesMax = 1
        change(&policy)
        return StreamFollower(
            stream: StreamID(1), name: "posts", filter: self.filter, covered: covered, policy: policy)
    }

    /// Follows up to the point where everything was asked for and answered by empty pages.
    func live(_ follower: inout StreamFollower) -> [StreamFollower.Action] {
        _ = follower.start()
        var all = follower.tailOpened(at: self.wall, now: self.start)
        var actions = all
        while let ask = actions.compactMap(Self.window).first {
            actions = follower.answered(window: ask.0, self.empty, now: self.start)
            all += actions
        }
        return all
    }

    static func window(_ action: StreamFollower.Action) -> (Int, Filter)? {
        if case .ask(let window, let filter) = action { (window, filter) } else { nil }
    }

    @Test func `the tail is opened before anything is asked for`() {
        var follower = self.follower()
        #expect(follower.start() == [.openTail(self.filter)])
        #expect(follower.state == .opening)
    }

    @Test func `the catch-up asks for what is missing and for nothing later than now`() throws {
        var follower = self.follower(covered: CoverageSet([(self.wall - 1_000)..<(self.wall - 500)])) {
            $0.overlapDeep = 0
        }
        _ = follower.start()
        let (_, filter) = try #require(
            follower.tailOpened(at: self.wall, now: self.start).compactMap(Self.window).first)
        #expect(filter.since == self.wall - 500)
        #expect(filter.until == self.wall - 1)
    }

    @Test func `the newest of what is covered is looked at again`() throws {
        var follower = self.follower(covered: CoverageSet([(self.wall - 1_000)..<(self.wall - 100)]))
        _ = follower.start()
        let (_, filter) = try #require(
            follower.tailOpened(at: self.wall, now: self.start).compactMap(Self.window).first)
        #expect(filter.since == self.wall - 400)
    }

    @Test func `an empty answer covers the window, and the stream is live`() {
        var follower = self.follower()
        let actions = self.live(&follower)
        #expect(actions.contains(.covered((self.wall - 1_000)..<self.wall, .exhausted)))
        #expect(follower.state == .live)
        #expect(follower.isDone)
    }

    static let failures: [FetchFailure] = [
        .timeout, .disconnected, .offTopic, .tooManyRequests, .closed(ClosedReason("")),
        .closed(ClosedReason("error: x")),
        .closed(ClosedReason("rate-limited: x")), .closed(ClosedReason("auth-required: x")),
        .closed(ClosedReason("restricted: x")), .closed(ClosedReason("blocked: x")),
        .closed(ClosedReason("invalid: x")),
        .closed(ClosedReason("ERROR: bad req: x")), .closed(ClosedReason("unsupported: x")),
    ]

    @Test(arguments: failures)
    func `a failure covers nothing, whatever came before it`(failure: FetchFailure) throws {
        var follower = self.follower()
        _ = follower.start()
        let (window, _) = try #require(
            follower.tailOpened(at: self.wall, now: self.start).compactMap(Self.window).first)
        let page = Page(count: 500, oldest: self.wall - 500, newest: self.wall - 1)
        let middle = follower.answered(window: window, page, now: self.start)
        let end = follower.failed(window: window, failure, now: self.start, random: 0.5)
        let isCovering = (middle + end).contains { if case .covered = $0 { true } else { false } }
        #expect(!isCovering)
        #expect(follower.covered.isEmpty)
        #expect(follower.missing == [(self.wall - 1_000)..<self.wall])
    }

    @Test(arguments: ["restricted: no", "blocked: no", "auth-required: no", "invalid: no", "unsupported: no"])
    func `a final CLOSED makes a hole with a reason, and is asked again much later`(text: String) throws {
        var follower = self.follower()
        _ = follower.start()
        let (window, _) = try #require(
            follower.tailOpened(at: self.wall, now: self.start).compactMap(Self.window).first)
        let actions = follower.failed(
            window: window, .closed(ClosedReason(text)), now: self.start, random: 0.5)
        #expect(actions == [.hole((self.wall - 1_000)..<self.wall, .refused)])
        #expect(follower.timePassed(at: self.wall, alive: self.wall, now: self.start + .seconds(899)).isEmpty)
        #expect(
            follower.timePassed(at: self.wall, alive: self.wall, now: self.start + .seconds(900))
                == [.openTail(self.filter)])
    }

    @Test func `what failed is asked for again after a pause`() throws {
        var follower = self.follower()
        _ = follower.start()
        let (window, asked) = try #require(
            follower.tailOpened(at: self.wall, now: self.start).compactMap(Self.window).first)
        #expect(follower.failed(window: window, .timeout, now: self.start, random: 1).isEmpty)
        #expect(follower.timePassed(at: self.wall, alive: self.wall, now: self.start + .milliseconds(999)).isEmpty)
        let again = follower.timePassed(at: self.wall, alive: self.wall, now: self.start + .seconds(1))
        #expect(again.compactMap(Self.window).first?.1 == asked)
    }

    @Test func `three time-outs in a row ask for another connection`() throws {
        var follower = self.follower()
        _ = follower.start()
        var actions = follower.tailOpened(at: self.wall, now: self.start)
        var now = self.start
        for attempt in 1...3 {
            let (window, _) = try #require(actions.compactMap(Self.window).first)
            let failed = follower.failed(window: window, .timeout, now: now, random: 0)
            #expect(failed == (attempt == 3 ? [.recycle] : []))
            now += .seconds(400)
            actions = follower.timePassed(at: self.wall, alive: self.wall, now: now)
        }
    }

    @Test func `live coverage grows to the last proof of life, less the grace`() {
        var follower = self.follower()
        _ = self.live(&follower)
        let later = self.wall + 100
        #expect(follower.timePassed(at: later, alive: self.wall + 15, now: self.start + .seconds(100)).isEmpty)
        #expect(
            follower.timePassed(at: later, alive: self.wall + 50, now: self.start + .seconds(100))
                == [.covered(self.wall..<(self.wall + 40), .live)])
    }

    @Test func `a clock that steps back covers nothing twice and traps nowhere`() {
        var follower = self.follower()
        _ = self.live(&follower)
        #expect(follower.timePassed(at: self.wall - 9_999, alive: self.wall - 9_999, now: self.start).isEmpty)
    }

    @Test func `without a tail nothing is live`() throws {
        var follower = self.follower()
        _ = self.live(&follower)
        #expect(follower.tailFailed(.closed(ClosedReason("error: x")), now: self.start, random: 0).isEmpty)
        let later = self.start + .seconds(10)
        #expect(
            follower.timePassed(at: self.wall + 500, alive: self.wall + 500, now: later) == [.openTail(self.filter)])
        let (_, filter) = try #require(
            follower.tailOpened(at: self.wall + 501, now: later).compactMap(Self.window).first)
        #expect(filter.since == self.wall - 60)
        #expect(filter.until == self.wall + 500)
    }

    @Test func `a deaf tail is found by the next look, and what it vouched for is withdrawn`() throws {
        var follower = self.follower { $0.timeoutsMax = 1 }
        _ = self.live(&follower)
        _ = follower.timePassed(at: self.wall + 200, alive: self.wall + 200, now: self.start + .seconds(200))
        let look = follower.timePassed(at: self.wall + 310, alive: self.wall + 310, now: self.start + .seconds(310))
        let (window, _) = try #require(look.compactMap(Self.window).first)
        let actions = follower.failed(window: window, .timeout, now: self.start + .seconds(340), random: 0)
        #expect(actions == [.hole(self.wall..<(self.wall + 300), .failing), .recycle])
        #expect(follower.covered.upperBound == self.wall)
    }

    @Test func `a second that overflows is a hole, not coverage, and is left alone until the next deep look`() throws {
        var follower = self.follower { $0.pageLimit = 100 }
        _ = follower.start()
        var actions = follower.tailOpened(at: self.wall, now: self.start)
        let dense = self.wall - 500
        var all: [StreamFollower.Action] = []
        while let (window, filter) = actions.compactMap(Self.window).first {
            let reaches = (filter.since ?? .zero) <= dense && dense <= (filter.until ?? .max)
            let page = reaches ? Page(count: 100, oldest: dense, newest: dense) : self.empty
            actions = follower.answered(window: window, page, now: self.start)
            all += actions
        }
        #expect(all.contains(.hole(dense..<(dense + 1), .denseSecond)))
        #expect(!follower.covered.contains(dense))
        #expect(follower.covered.contains(dense + 1))
        #expect(follower.covered.contains(dense - 1))
        #expect(follower.state == .live)
    }

    @Test func `a backfill asks for the holes of its range and opens no tail`() throws {
        var follower = self.follower(covered: CoverageSet([Timestamp(200)..<Timestamp(300)])) {
            $0.isFollowing = false
        }
        let actions = follower.start(filling: Timestamp(100)..<Timestamp(400), at: self.wall, now: self.start)
        let (window, filter) = try #require(actions.compactMap(Self.window).first)
        #expect(filter.since == Timestamp(300))
        #expect(filter.until == Timestamp(399))
        let next = follower.answered(window: window, self.empty, now: self.start)
        let (last, rest) = try #require(next.compactMap(Self.window).first)
        #expect(rest.since == Timestamp(100))
        #expect(rest.until == Timestamp(199))
        _ = follower.answered(window: last, self.empty, now: self.start)
        #expect(follower.isDone)
    }
}
