import Nostr
import Testing

/// The final states of `lifecycle-sequences.json`, worked out from the readers alone: slowly, all events at once, without
/// the order that a store has to get right. The database is held against the same file elsewhere.
struct LifecycleSequenceTests {
    struct Sequence: Sendable, CustomTestStringConvertible {
        let row: ReferenceJSON
        var id: String { self.row["id"]?.text ?? "" }
        var testDescription: String { "\(self.id) \(self.row["note"]?.text ?? "")" }
    }

    static let all = VectorFile.rows("lifecycle-sequences.json").map(Sequence.init)

    @Test func `every sequence is read`() {
        #expect(Self.all.count == 57)
        #expect(Set(Self.all.map { $0.id.prefix(3) }) == ["01-", "09-", "40-", "62-"])
    }

    @Test(arguments: all)
    func `what the readers say of the events leaves those that stay`(sequence: Sequence) throws {
        let verifier = EventVerifier(keys: Pipeline.keys)
        let steps = try #require(sequence.row["steps"]).elements
        var arrived: [Event] = []
        for step in steps {
            let event = try verifier.verify(Event(json: #require(step["event"]).stringified)).event
            // An event that has expired when it arrives leaves no trace (40-8).
            let now = Timestamp(try #require(step["now"]?.integer))
            if !event.expiration.hasPassed(at: now), !arrived.contains(event) { arrived.append(event) }
        }
        let viewNow = Timestamp(try #require(sequence.row["view_now"]?.integer))
        let own = Set(
            (sequence.row["context"]?["own_urls"]?.elements ?? []).compactMap { $0.text.flatMap { RelayURL($0) } })
        let stored = arrived.filter { Self.stays($0, among: arrived, ownURLs: own, now: viewNow) }
        let expected = sequence.row["expected"]?["stored"]?.elements.compactMap(\.text)
        #expect(stored.map(\.id).sorted().map(\.description) == expected)
    }

    private static func stays(_ event: Event, among all: [Event], ownURLs: Set<RelayURL>, now: Timestamp) -> Bool {
        if event.expiration.hasPassed(at: now) { return false }
        if all.contains(where: { $0.supersedes(event) }) { return false }
        if all.contains(where: { DeletionRequest($0)?.deletes(event) == true }) { return false }
        return !all.contains { other in
            guard let request = VanishRequest(other), request.reach(ownURLs: ownURLs) == .everything else {
                return false
            }
            return request.removes(event)
        }
    }
}

extension Event {
    /// nips.md 2.5.
    fileprivate func supersedes(_ other: Event) -> Bool {
        guard let address = other.address, self.address == address else { return false }
        return self.createdAt > other.createdAt || self.createdAt == other.createdAt && self.id < other.id
    }
}

extension DeletionRequest {
    fileprivate func deletes(_ event: Event) -> Bool {
        guard event.deleters.contains(self.pubkey) else { return false }
        if self.events.contains(event.id) { return true }
        guard event.createdAt <= self.until, let address = event.address else { return false }
        return self.addresses.contains(address)
    }
}

extension VanishRequest {
    /// Of a key's vanish requests the newest stays.
    fileprivate func removes(_ event: Event) -> Bool {
        guard event.createdAt <= self.until else { return false }
        if event.kind == .vanishRequest { return event.pubkey == self.pubkey && event.createdAt < self.until }
        return event.pubkey == self.pubkey || event.kind == .giftWrap && event.deleters.contains(self.pubkey)
    }
}
