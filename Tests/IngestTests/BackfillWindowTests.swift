import Ingest
import Nostr
import RelayClient
import RelayWorld
import Testing

struct BackfillWindowTests {
    let stream = Filter(kinds: [Kind(1), Kind(7)])

    /// Pages a window against a model relay; returns what was fetched and how it ended.
    func page(
        _ relay: ModelRelay, _ stream: Filter? = nil, span: Range<Timestamp>, limit: Int = 500, seed: UInt64 = 1
    ) throws -> (Set<ModelRelay.Row>, BackfillWindow.Outcome) {
        var random = SplitMix64(seed: seed)
        var window = BackfillWindow(stream ?? self.stream, span: span, limit: limit)
        var fetched: Set<ModelRelay.Row> = []
        var step = window.start()
        var requests = 0
        while case .ask(let filter) = step {
            requests += 1
            try #require(requests < 5_000, "the window does not end")
            let (page, rows) = relay.answer(filter, random: &random)
            fetched.formUnion(rows.filter { span.contains($0.timestamp) })
            step = window.received(page)
        }
        guard case .done(let outcome) = step else { throw Unfinished() }
        return (fetched, outcome)
    }

    struct Unfinished: Error {}

    static func rows(_ seconds: [Int64], kinds: [UInt16] = [1, 7], authors: UInt64 = 50) -> [ModelRelay.Row] {
        seconds.enumerated().map { number, second in
            ModelRelay.Row(
                second: second, kind: kinds[number % kinds.count], author: UInt64(number) % authors, number: number)
        }
    }

    @Test func `an empty window is proven by one empty page`() throws {
        let (fetched, outcome) = try self.page(
            ModelRelay(rows: [], cap: 500, order: .newestFirst), span: Timestamp(0)..<Timestamp(100))
        #expect(fetched.isEmpty)
        #expect(outcome.pages == 1)
        #expect(outcome.overflowing.isEmpty)
        #expect(!outcome.isFinished)
    }

    @Test func `a page shorter than the limit proves nothing, so the silent cap is paged past`() throws {
        let rows = Self.rows((0..<650).map(Int64.init))
        let (fetched, outcome) = try self.page(
            ModelRelay(rows: rows, cap: 300, order: .newestFirst), span: Timestamp(0)..<Timestamp(1_000))
        #expect(fetched.count == 650)
        #expect(outcome.overflowing.isEmpty)
    }

    @Test func `finish ends a window at once, even with a full page`() throws {
        let rows = Self.rows((0..<500).map(Int64.init))
        let (fetched, outcome) = try self.page(
            ModelRelay(rows: rows, cap: 500, order: .newestFirst, saysFinish: true),
            span: Timestamp(0)..<Timestamp(1_000))
        #expect(fetched.count == 500)
        #expect(outcome.pages == 1)
        #expect(outcome.isFinished)
    }

    @Test func `more over an empty page is asked once again, then believed`() {
        var window = BackfillWindow(self.stream, span: Timestamp(0)..<Timestamp(10), limit: 500)
        let first = window.start()
        let more = Page(count: 0, oldest: nil, newest: nil, completeness: .more)
        #expect(window.received(more) == first)
        guard case .done = window.received(more) else {
            Issue.record("a relay that always says more is asked for ever")
            return
        }
    }

    @Test func `a second denser than the cap is drained by kind`() throws {
        let rows = Self.rows(Array(repeating: 50, count: 700) + (0..<500).map { Int64($0 % 49) })
        let (fetched, outcome) = try self.page(
            ModelRelay(rows: rows, cap: 500, order: .newestFirst), span: Timestamp(0)..<Timestamp(100))
        #expect(fetched.count == 1_200)
        #expect(outcome.overflowing.isEmpty)
    }

    @Test
    func `a second that nothing divides without a remainder is a hole, and its authors are asked for all the same`()
        throws
    {
        let rows = Self.rows(Array(repeating: 50, count: 1_200), kinds: [1])
        let (fetched, outcome) = try self.page(
            ModelRelay(rows: rows, cap: 500, order: .newestFirst), Filter(kinds: [Kind(1)]),
            span: Timestamp(0)..<Timestamp(100))
        #expect(outcome.overflowing == [Timestamp(50)])
        #expect(fetched.count == 1_200)
    }

    @Test func `a handful of events in one second is no cap`() throws {
        let rows = Self.rows([50, 50, 50])
        let (fetched, outcome) = try self.page(
            ModelRelay(rows: rows, cap: 500, order: .newestFirst), span: Timestamp(0)..<Timestamp(51))
        #expect(fetched.count == 3)
        #expect(outcome.overflowing.isEmpty)
    }

    @Test func `a full second is told from a capped one by a larger page elsewhere`() throws {
        let rows = Self.rows(Array(repeating: 50, count: 60) + (100..<200).map(Int64.init))
        let (fetched, outcome) = try self.page(
            ModelRelay(rows: rows, cap: 500, order: .newestFirst), span: Timestamp(0)..<Timestamp(51))
        #expect(fetched.count == 60)
        #expect(outcome.overflowing.isEmpty)
    }

    @Test func `a page full of events that cannot be read is no proof, and what is older is found`() {
        var window = BackfillWindow(self.stream, span: Timestamp(0)..<Timestamp(1_024), limit: 500)
        // A hundred unreadable events between 900 and 910 fill every page that reaches them; below is one that can be read.
        var step = window.start()
        var isFound = false
        var requests = 0
        while case .ask(let filter) = step, requests < 200 {
            requests += 1
            let since = filter.since?.seconds ?? 0
            let until = min(filter.until?.seconds ?? .max, 909)
            let unreadable = max(0, until - max(since, 900) + 1) * 10
            if unreadable == 0, since <= 500, 500 <= until {
                isFound = true
                step = window.received(Page(count: 1, oldest: Timestamp(500), newest: Timestamp(500)))
            } else {
                step = window.received(Page(count: 0, refused: Int(unreadable), oldest: nil, newest: nil))
            }
        }
        #expect(isFound)
        guard case .done(let outcome) = step else {
            Issue.record("the window does not end")
            return
        }
        #expect(outcome.overflowing.isEmpty)
    }

    /// The oracle is the table of rows itself: everything in the window is fetched, or lies in a second that is named.
    @Test(arguments: 0..<200)
    func `whatever the cap, the order and the density, nothing is missed in silence`(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        let cap = [100, 120, 500].randomElement(using: &random) ?? 100
        let count = Int.random(in: 0..<2_000, using: &random)
        let width = Int64([10, 200, 5_000].randomElement(using: &random) ?? 10)
        let rows = Self.rows((0..<count).map { _ in Int64.random(in: 0..<width, using: &random) })
        let order = ModelRelay.Order.allCases.randomElement(using: &random) ?? .newestFirst
        // A relay that keeps the oldest can only be noticed by an answer that is out of order.
        let keepsOldest = order != .newestFirst && Bool.random(using: &random)
        let relay = ModelRelay(
            rows: rows, cap: cap, order: order, keepsOldest: keepsOldest, saysFinish: Bool.random(using: &random))
        let span = Timestamp(0)..<Timestamp(width)
        let (fetched, outcome) = try self.page(relay, span: span, seed: UInt64(seed))
        let missed = Set(rows).subtracting(fetched)
        let named = Set(outcome.overflowing)
        #expect(missed.allSatisfy { named.contains($0.timestamp) })
        // A hole is named only where a second really exceeds what the relay can be brought to serve.
        for second in named {
            let inSecond = rows.filter { $0.timestamp == second }
            #expect([1, 7].contains { kind in inSecond.count { $0.kind == kind } >= cap })
        }
    }
}
