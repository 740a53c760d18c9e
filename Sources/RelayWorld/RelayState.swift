import NIOCore
import Nostr

/// Everything a ``WorldRelay`` knows; lives on one event loop, with all its connections.
final class RelayState {
    let eventLoop: any EventLoop
    var events: HeldEvents
    var personality: Personality
    var dice: FaultDice
    var composer = FrameComposer()
    var statistics = WorldRelay.Statistics()
    var isListening = true
    private let verifier = EventVerifier(keys: PublicKeyCache(capacity: 1024))
    private var connections: [Int: ConnectionHandler] = [:]
    private var waiters: [Waiter] = []
    private(set) var disconnects = 0

    private struct Waiter {
        let condition: @Sendable (WorldRelay.Statistics) -> Bool
        let promise: EventLoopPromise<WorldRelay.Statistics>
    }

    init(events: [Event], personality: Personality, eventLoop: any EventLoop) {
        self.events = HeldEvents(events)
        self.personality = personality
        self.dice = FaultDice(seed: personality.seed)
        self.eventLoop = eventLoop
    }

    // MARK: Connections

    func opened(_ connection: ConnectionHandler) -> Int {
        self.statistics.connectionsOpened += 1
        self.statistics.connectionsOpen += 1
        let number = self.statistics.connectionsOpened
        self.connections[number] = connection
        self.changed()
        return number
    }

    func closed(_ number: Int, _ end: WorldRelay.ConnectionEnd, eventFrames: Int) {
        guard self.connections.removeValue(forKey: number) != nil else { return }
        self.statistics.connectionsOpen -= 1
        self.statistics.connectionsEnded[end, default: 0] += 1
        self.statistics.eventFramesEnded[end, default: 0] += eventFrames
        self.changed()
    }

    func dropConnections() {
        for (_, connection) in self.connections.sorted(by: { $0.key < $1.key }) { connection.drop() }
    }

    func become(_ personality: Personality) {
        if personality.seed != self.personality.seed { self.dice = FaultDice(seed: personality.seed) }
        self.personality = personality
        self.disconnects = 0
        for (_, connection) in self.connections.sorted(by: { $0.key < $1.key }) { connection.personalityChanged() }
    }

    /// Whether one more connection may be dropped; counts it.
    func mayDisconnect(_ fault: Fault) -> Bool {
        guard self.disconnects < self.personality.disconnectsMax ?? .max else { return false }
        self.disconnects += 1
        self.count(fault)
        return true
    }

    // MARK: Events

    /// Stores an event and sends it to every subscription that asks for it; false if it is here already.
    @discardableResult
    func publish(_ event: Event) -> Bool {
        guard let slot = self.events.insert(event) else { return false }
        for (_, connection) in self.connections.sorted(by: { $0.key < $1.key }) { connection.published(slot, event) }
        return true
    }

    /// What a client's EVENT is answered with.
    func accept(_ event: Event) -> (isAccepted: Bool, text: String) {
        if self.events.holds(event.id) {
            self.statistics.eventsDuplicate += 1
            return (true, "duplicate: it is here already")
        }
        do {
            let verified = try self.verifier.verify(event)
            self.statistics.eventsAccepted += 1
            self.publish(verified.event)
            return (true, "")
        } catch {
            self.statistics.eventsRefused += 1
            return (false, "invalid: \(error.rawValue)")
        }
    }

    /// Whether `event` answers `challenge` (NIP-42).
    func authenticates(_ event: Event, challenge: String?) -> Bool {
        guard let challenge, event.kind == .authentication,
            event.tags.first(named: "challenge")?.value == WireText(challenge),
            event.tags.first(named: "relay")?.value != nil
        else { return false }
        return (try? self.verifier.verify(event)) != nil
    }

    /// An event that none of `filters` asks for; nil if there seems to be none.
    func stranger(to filters: [Filter]) -> Int32? {
        guard !self.events.events.isEmpty else { return nil }
        for _ in 0..<16 {
            let slot = self.dice.below(self.events.events.count)
            let event = self.events.events[slot]
            if !filters.contains(where: { $0.matches(event) }) { return Int32(slot) }
        }
        return nil
    }

    // MARK: Statistics

    func count(_ fault: Fault, _ times: Int = 1) { self.statistics.faults[fault, default: 0] += times }

    func fires(_ fault: Fault, _ occurrence: Occurrence) -> Bool { self.dice.fires(fault, occurrence) }

    func ended(_ outcome: WorldRelay.RequestOutcome) {
        self.statistics.outcomes[outcome, default: 0] += 1
    }

    /// Answers those who wait for what has just become true.
    func changed() {
        guard !self.waiters.isEmpty else { return }
        let statistics = self.statistics
        let ready = self.waiters.filter { $0.condition(statistics) }
        guard !ready.isEmpty else { return }
        self.waiters.removeAll { $0.condition(statistics) }
        for waiter in ready { waiter.promise.succeed(statistics) }
    }

    func wait(
        until condition: @escaping @Sendable (WorldRelay.Statistics) -> Bool
    ) -> EventLoopFuture<WorldRelay.Statistics> {
        guard !condition(self.statistics) else { return self.eventLoop.makeSucceededFuture(self.statistics) }
        let promise = self.eventLoop.makePromise(of: WorldRelay.Statistics.self)
        self.waiters.append(Waiter(condition: condition, promise: promise))
        return promise.futureResult
    }

    /// Those who still wait will never be answered.
    func abandonWaiters() {
        for waiter in self.waiters { waiter.promise.fail(WorldRelay.Stopped()) }
        self.waiters = []
    }
}
