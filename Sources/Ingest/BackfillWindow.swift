package import Nostr
package import RelayClient

/// Pages one window of `created_at` back to a proof, without a socket.
///
/// ```
///           page: newest first, older second reached        empty page · finish
///  paging ──────────────────────────────────────▶ paging ──────────────────────▶ next interval … complete
///    │ whole page within the newest second asked for, and as large as any seen
///    ▼
///  probing: does the relay serve larger pages? ── yes ──▶ that second was not cut
///    │ no
///    ▼
///  draining that second: by kind, by listed value, by author seen ──▶ complete, or a hole
/// ```
///
/// Relays cap their answers silently, so a short page proves nothing: an interval is proven by an empty page, by the
/// hint `finish` (NIP-67), or not at all. `until` is inclusive and the boundary second is asked for again, since a cap can
/// fall inside it. A relay that does not answer newest-first may cut at either end, so what lies above the newest event of
/// its pages is asked for as well.
///
/// Invariants: `pending` holds disjoint intervals; each step removes one and puts back only parts of it that are
/// strictly smaller, or a second to drain, so the window ends after finitely many pages.
package struct BackfillWindow: Sendable {
    /// What to do next.
    package enum Step: Equatable, Sendable {
        case ask(Filter)
        /// Everything in the window was asked for.
        case done(Outcome)
    }

    /// How a window ended that did not fail. A failure is the caller's: it throws the window away.
    package struct Outcome: Equatable, Sendable {
        package let span: Range<Timestamp>
        /// Seconds that hold more events than the relay can be brought to deliver.
        package let overflowing: [Timestamp]
        /// Every page said `finish`; otherwise the proof is an empty page.
        package let isFinished: Bool
        /// Requests it took.
        package let pages: Int
    }

    private let stream: Filter
    private let span: Range<Timestamp>
    private let limit: Int
    /// The largest page this relay was seen to serve: a page of that size may have been cut.
    private var largestPage: Int

    private var pending: [ClosedRange<Timestamp>]
    private var current: Ask?
    private var probe: (count: Int, second: Filter)?
    private var drain: [Filter] = []
    private var overflowing: [Timestamp] = []
    private var isFinished = true
    private var pages = 0
    /// Whether a page was not newest-first: no page of this relay is trusted to be cut at its old end only.
    private var isDisordered = false
    /// A relay that says `more` over an empty page is asked once again, not for ever.
    private var hasRetriedEmpty = false

    private enum Ask {
        case interval(ClosedRange<Timestamp>)
        /// A page without a window, to learn whether the relay serves more than `count` events at once.
        case probe(_ count: Int, of: Filter)
        /// A part of one second.
        case partition(Filter)
    }

    /// A page smaller than this is not taken for a capped one: no relay is known to serve less (the smallest cap seen is
    /// 100), and every short answer would otherwise look like a cap.
    private static let smallestCap = 20

    /// Authors per filter when a second is drained by author.
    private static let authorsPerFilter = 20

    /// Pages `span`, half-open and not empty, `limit` events at a time.
    package init(_ stream: Filter, span: Range<Timestamp>, limit: Int, largestPage: Int = 0) {
        precondition(!span.isEmpty, "A window holds at least one second")
        self.stream = stream
        self.span = span
        self.limit = limit
        self.largestPage = largestPage
        self.pending = [span.lowerBound...(span.upperBound - 1)]
    }

    /// The first request.
    package mutating func start() -> Step { self.next() }

    /// Takes the answer to the request that was given last.
    package mutating func received(_ page: Page) -> Step {
        guard let ask = self.current else { preconditionFailure("A page without a request") }
        self.pages += 1
        let largestBefore = self.largestPage
        self.largestPage = max(self.largestPage, page.size)
        if page.completeness != .finish { self.isFinished = false }
        switch ask {
        case .interval(let interval): self.received(page, for: interval, largestBefore: largestBefore)
        case .probe(let count, let second): self.received(probe: page, for: count, of: second)
        case .partition(let filter): self.received(page, for: filter)
        }
        return self.next()
    }

    private mutating func next() -> Step {
        if let (count, second) = self.probe {
            self.probe = nil
            self.current = .probe(count, of: second)
            var filter = self.stream
            filter.limit = self.limit
            return .ask(filter)
        }
        if let filter = self.drain.popLast() {
            self.current = .partition(filter)
            return .ask(filter)
        }
        if let interval = self.pending.popLast() {
            self.current = .interval(interval)
            return .ask(self.filter(interval))
        }
        self.current = nil
        return .done(
            Outcome(
                span: self.span, overflowing: self.overflowing.sorted(), isFinished: self.isFinished,
                pages: self.pages))
    }

    private func filter(_ interval: ClosedRange<Timestamp>) -> Filter {
        var filter = self.stream
        filter.since = interval.lowerBound
        filter.until = interval.upperBound
        filter.limit = self.limit
        return filter
    }

    // MARK: Intervals

    private mutating func received(_ page: Page, for interval: ClosedRange<Timestamp>, largestBefore: Int) {
        if page.completeness == .finish { return }
        guard let oldest = page.oldest, let newest = page.newest else {
            return self.receivedNothingReadable(page, for: interval)
        }
        self.hasRetriedEmpty = false
        // Below the page: what the cap cut off, the boundary second included.
        if oldest == interval.upperBound {
            // The whole page lies in the newest second that was asked for.
            if oldest > interval.lowerBound { self.pending.append(interval.lowerBound...(oldest - 1)) }
            self.suspect(page.size, largestBefore, self.filter(oldest...oldest))
            return
        }
        if oldest >= interval.lowerBound { self.pending.append(interval.lowerBound...oldest) }
        // Above it: a relay that does not answer newest first may cut there. A page within one second shows no order.
        self.isDisordered = self.isDisordered || !page.isNewestFirst
        let showsNoOrder = oldest == newest && page.size >= Self.smallestCap
        guard self.isDisordered || showsNoOrder else { return }
        let above = max(oldest == newest ? newest + 1 : newest, interval.lowerBound)
        self.pending.append(above...interval.upperBound)
    }

    /// An empty page is the proof. One that is full of events which cannot be read hides what is older: the interval is
    /// halved until it holds fewer of them than a page.
    private mutating func receivedNothingReadable(_ page: Page, for interval: ClosedRange<Timestamp>) {
        if page.refused >= Self.smallestCap {
            let middle = interval.lowerBound + (interval.upperBound - interval.lowerBound) / 2
            if interval.lowerBound == interval.upperBound {
                self.drain.append(self.filter(interval))
            } else {
                self.pending.append(interval.lowerBound...middle)
                self.pending.append((middle + 1)...interval.upperBound)
            }
        } else if page.completeness == .more, page.refused == 0, !self.hasRetriedEmpty {
            self.hasRetriedEmpty = true
            self.pending.append(interval)
        }
    }

    // MARK: Dense seconds

    /// Looks closer at a second whose page may have been cut.
    private mutating func suspect(_ count: Int, _ largestBefore: Int, _ second: Filter) {
        if count >= self.limit {
            self.drain.append(second)
        } else if count >= Self.smallestCap, count >= largestBefore {
            self.probe = (count, second)
        }
    }

    private mutating func received(probe page: Page, for count: Int, of second: Filter) {
        // It served a larger page, so the smaller one was the whole answer.
        if page.size <= count { self.drain.append(second) }
    }

    private mutating func received(_ page: Page, for filter: Filter) {
        if page.completeness == .finish || page.size < min(self.limit, max(self.largestPage, Self.smallestCap)) {
            return
        }
        if let parts = Self.halves(filter) {
            self.drain.append(contentsOf: parts)
            return
        }
        // Nothing is left that divides the second without a remainder.
        if let second = filter.since, !self.overflowing.contains(second) { self.overflowing.append(second) }
        guard filter.authors == nil else { return }
        // Asking by the authors seen brings events, not a proof: an author whose every event was cut is not among them.
        let authors = page.authors.sorted()
        for start in stride(from: 0, to: authors.count, by: Self.authorsPerFilter) {
            var part = filter
            part.authors = Array(authors[start..<min(start + Self.authorsPerFilter, authors.count)])
            self.drain.append(part)
        }
    }

    /// Two filters that together match what `filter` does; nil when no list has two values.
    private static func halves(_ filter: Filter) -> [Filter]? {
        func halved<Value>(_ values: [Value]?, _ set: (inout Filter, [Value]) -> Void) -> [Filter]? {
            guard let values, values.count > 1 else { return nil }
            let middle = values.count / 2
            return [values[..<middle], values[middle...]].map { half in
                var part = filter
                set(&part, Array(half))
                return part
            }
        }
        if let parts = halved(filter.kinds, { $0.kinds = $1 }) { return parts }
        if let parts = halved(filter.authors, { $0.authors = $1 }) { return parts }
        if let parts = halved(filter.ids, { $0.ids = $1 }) { return parts }
        for index in filter.tags.indices {
            let condition = filter.tags[index]
            if let parts = halved(
                condition.values, { $0.tags[index] = Filter.TagCondition(name: condition.name, values: $1) })
            {
                return parts
            }
        }
        return nil
    }
}
