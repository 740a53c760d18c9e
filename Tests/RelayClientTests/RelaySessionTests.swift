import Nostr
import RelayClient
import Testing

struct RelaySessionTests {
    typealias Session = RelaySession<String>
    let start = ContinuousClock.now
    let filter = Filter(kinds: [Kind(1)])

    func event(kind: UInt16 = 1, at seconds: Int64 = 100) throws -> Event {
        let body = Event.Body(
            pubkey: PublicKey(Bytes32(1, 2, 3, 4)), createdAt: Timestamp(seconds), kind: Kind(kind), tags: [],
            content: "")
        return try Event(
            body, id: EventID(Bytes32(UInt64(seconds), 0, 0, 9)),
            sig: Signature(r: Bytes32(0, 0, 0, 0), s: Bytes32(0, 0, 0, 0)))
    }

    /// Opens a request and returns the id that it goes under.
    func ask(_ session: inout Session, _ filter: Filter? = nil, at now: ContinuousClock.Instant? = nil) throws
        -> SubscriptionID
    {
        guard case .request(let id, _) = session.ask("page", filter ?? self.filter, now: now ?? self.start) else {
            throw Unexpected()
        }
        return id
    }

    struct Unexpected: Error {}

    @Test func `an event that matches its subscription is handed on`() throws {
        var session = Session()
        let id = try self.ask(&session)
        let event = try self.event()
        #expect(session.received(.event(id, event), now: self.start) == .store(event, "page"))
    }

    @Test func `an event that the filter did not ask for is refused (01-25)`() throws {
        var session = Session()
        let id = try self.ask(&session)
        #expect(
            session.received(.event(id, try self.event(kind: 7)), now: self.start) == .reject(.filterMismatch))
    }

    @Test func `an event under an id that was never opened is refused (01-26)`() throws {
        var session = Session()
        _ = try self.ask(&session)
        #expect(
            session.received(.event(SubscriptionID(rawValue: "zzz"), try self.event()), now: self.start)
                == .reject(.unknownSubscription))
    }

    @Test func `an EOSE ends a page with what it counted`() throws {
        var session = Session()
        let id = try self.ask(&session)
        for seconds in [300, 200, 250] as [Int64] {
            _ = session.received(.event(id, try self.event(at: seconds)), now: self.start)
        }
        let isAsked = session.receivedCopy(createdAt: Timestamp(150), under: id, now: self.start)
        #expect(isAsked)
        guard
            case .answered("page", let page, closing: id) = session.received(
                .endOfStoredEvents(id, .more), now: self.start)
        else { throw Unexpected() }
        #expect(page.count == 4)
        #expect(page.oldest == Timestamp(150))
        #expect(page.newest == Timestamp(300))
        #expect(!page.isNewestFirst)
        #expect(page.completeness == .more)
        #expect(session.openCount == 0)
    }

    @Test func `a second EOSE, or one for nobody, is only counted`() throws {
        var session = Session()
        let id = try self.ask(&session)
        _ = session.received(.endOfStoredEvents(id, .unstated), now: self.start)
        let again = RelayMessage.endOfStoredEvents(id, .finish)
        #expect(session.received(again, now: self.start) == .counted(again))
    }

    @Test(arguments: ["auth-required: who are you", "ERROR: rate-limited: slow", "", "whatever"])
    func `a CLOSED ends a request without an answer`(text: String) throws {
        var session = Session()
        let id = try self.ask(&session)
        let reason = ClosedReason(text)
        #expect(
            session.received(.closed(id, reason), now: self.start) == .failed("page", .closed(reason), closing: nil))
        #expect(session.openCount == 0)
    }

    @Test func `a CLOSED after our own CLOSE is no failure`() throws {
        var session = Session()
        let id = try self.ask(&session)
        _ = session.received(.endOfStoredEvents(id, .unstated), now: self.start)
        let closed = RelayMessage.closed(id, ClosedReason(""))
        #expect(session.received(closed, now: self.start) == .counted(closed))
    }

    @Test func `an id is never used twice`() throws {
        var session = Session()
        var ids: Set<SubscriptionID> = []
        for _ in 0..<100 {
            let id = try self.ask(&session)
            #expect(ids.insert(id).inserted)
            _ = session.received(.closed(id, ClosedReason("error: x")), now: self.start)
        }
    }

    @Test func `a request without a word fails at its deadline, once`() throws {
        var session = Session(deadline: .seconds(30))
        let id = try self.ask(&session)
        #expect(session.timePassed(now: self.start + .seconds(29)).isEmpty)
        #expect(
            session.timePassed(now: self.start + .seconds(30)) == [.failed("page", .timeout, closing: id)])
        #expect(session.timePassed(now: self.start + .seconds(60)).isEmpty)
    }

    @Test func `the deadline moves with every event of the subscription, and with nobody else's`() throws {
        var session = Session(deadline: .seconds(30))
        let slow = try self.ask(&session)
        let busy = try self.ask(&session)
        _ = session.received(.event(busy, try self.event()), now: self.start + .seconds(20))
        #expect(
            session.timePassed(now: self.start + .seconds(30)) == [.failed("page", .timeout, closing: slow)])
        #expect(session.openCount == 1)
    }

    @Test func `time in which we did not read is nobody's fault`() throws {
        var session = Session(deadline: .seconds(30))
        _ = try self.ask(&session)
        session.didNotRead(for: .seconds(100))
        #expect(session.timePassed(now: self.start + .seconds(129)).isEmpty)
        #expect(session.timePassed(now: self.start + .seconds(130)).count == 1)
    }

    @Test func `a tail asks for no stored events and no date, and lives without a deadline`() throws {
        var session = Session(deadline: .seconds(30))
        var filter = self.filter
        filter.since = Timestamp(5)
        guard case .request(let id, let sent) = session.tail("tail", filter, now: self.start) else {
            throw Unexpected()
        }
        #expect(sent.limit == 0)
        #expect(sent.since == nil)
        #expect(session.received(.endOfStoredEvents(id, .unstated), now: self.start) == .live("tail"))
        #expect(session.timePassed(now: self.start + .seconds(86_400)).isEmpty)
        let old = try self.event(at: 1)
        #expect(session.received(.event(id, old), now: self.start) == .store(old, "tail"))
    }

    @Test func `an event that comes after its deadline is kept, and proves nothing any more`() throws {
        var session = Session(deadline: .seconds(30))
        let id = try self.ask(&session)
        _ = session.timePassed(now: self.start + .seconds(30))
        let late = try self.event()
        #expect(session.received(.event(id, late), now: self.start + .seconds(31)) == .store(late, "page"))
        #expect(
            session.received(.event(id, try self.event(kind: 7)), now: self.start) == .reject(.filterMismatch))
        let end = RelayMessage.endOfStoredEvents(id, .finish)
        #expect(session.received(end, now: self.start + .seconds(32)) == .counted(end))
    }

    @Test func `events in flight after our CLOSE are told from those of strangers`() throws {
        var session = Session()
        let id = try self.ask(&session)
        _ = session.received(.endOfStoredEvents(id, .unstated), now: self.start)
        let isLate = session.receivedCopy(createdAt: Timestamp(1), under: id, now: self.start)
        let isKnown = session.receivedCopy(
            createdAt: Timestamp(1), under: SubscriptionID(rawValue: "other"), now: self.start)
        #expect(isLate)
        #expect(!isKnown)
    }

    @Test func `a copy outside the window does not move the page`() throws {
        var session = Session()
        var filter = self.filter
        filter.since = Timestamp(100)
        filter.until = Timestamp(200)
        let id = try self.ask(&session, filter)
        for seconds in [99, 201, 150] as [Int64] {
            _ = session.receivedCopy(createdAt: Timestamp(seconds), under: id, now: self.start)
        }
        guard
            case .answered(_, let page, _) = session.received(.endOfStoredEvents(id, .unstated), now: self.start)
        else { throw Unexpected() }
        #expect(page.count == 1)
        #expect(page.oldest == Timestamp(150))
    }

    @Test(arguments: ["too many concurrent REQs", "Rate limited", "you are going too fast", "slow down please"])
    func `a NOTICE about our pace slows us down`(text: String) {
        var session = Session()
        #expect(session.received(.notice(text), now: self.start) == .slowDown)
    }

    @Test func `frames that cannot be read fill a page like any other`() throws {
        var session = Session()
        let id = try self.ask(&session)
        for _ in 0..<3 { session.receivedRefused(under: id, now: self.start) }
        guard
            case .answered(_, let page, _) = session.received(.endOfStoredEvents(id, .unstated), now: self.start)
        else { throw Unexpected() }
        #expect(page.count == 0)
        #expect(page.size == 3)
    }

    @Test(arguments: [(19, false), (20, true)])
    func `a page of nothing but what was not asked for is no answer`(count: Int, isFailure: Bool) throws {
        var session = Session()
        let id = try self.ask(&session)
        for _ in 0..<count { _ = session.received(.event(id, try self.event(kind: 7)), now: self.start) }
        let action = session.received(.endOfStoredEvents(id, .unstated), now: self.start)
        #expect((action == .failed("page", .offTopic, closing: id)) == isFailure)
    }

    @Test func `copies newer than asked for are another answer, too`() throws {
        var session = Session()
        var filter = self.filter
        filter.until = Timestamp(1_000)
        let id = try self.ask(&session, filter)
        for _ in 0..<20 { _ = session.receivedCopy(createdAt: Timestamp(1_001), under: id, now: self.start) }
        let action = session.received(.endOfStoredEvents(id, .unstated), now: self.start)
        #expect(action == .failed("page", .offTopic, closing: id))
    }

    @Test func `events older than asked for say that there is nothing left, not that the answer is another`() throws {
        var session = Session()
        var filter = self.filter
        filter.since = Timestamp(1_000)
        let id = try self.ask(&session, filter)
        for _ in 0..<30 { _ = session.received(.event(id, try self.event(at: 999)), now: self.start) }
        guard case .answered = session.received(.endOfStoredEvents(id, .unstated), now: self.start) else {
            throw Unexpected()
        }
    }

    @Test func `a disconnect ends every request`() throws {
        var session = Session()
        _ = try self.ask(&session)
        _ = session.tail("tail", self.filter, now: self.start)
        #expect(session.disconnected() == ["page", "tail"])
        #expect(session.openCount == 0)
    }
}
