import Nostr
import Testing

@testable import RelayWorld

struct SupersessionOracleTests {
    private let now = Timestamp(1_000_000)

    private func event(
        _ kind: UInt16, _ time: Int64, _ tags: [[String]] = [], by author: String = "alice", content: String = ""
    ) -> Event {
        let signer = Signer()
        let key = signer.key(named: author)
        let body = Event.Body(
            pubkey: key.publicKey, createdAt: Timestamp(time), kind: Kind(kind), tags: tags, content: content)
        return signer.sign(body, with: key)
    }

    private func held(_ events: [Event]) -> Set<EventID> {
        Set(SupersessionOracle(now: self.now).state(after: events).ids)
    }

    @Test func `the newest version stays, of two in one second the one with the lowest id`() {
        let versions = [(5, "a"), (7, "b"), (7, "c"), (6, "d")].map { self.event(0, $0, content: $1) }
        let best = min(versions[1].id, versions[2].id)
        #expect(self.held(versions) == [best])
        let other = self.event(0, 1, by: "bob")
        #expect(self.held(versions + [other]) == [best, other.id])
    }

    @Test func `d is compared by bytes, only its first value counts, and none is the empty one`() {
        let composed = self.event(30_023, 5, [["d", "caf\u{e9}"]])
        let decomposed = self.event(30_023, 6, [["d", "cafe\u{301}"]])
        #expect(self.held([composed, decomposed]) == [composed.id, decomposed.id])
        let none = self.event(30_023, 5)
        let empty = self.event(30_023, 6, [["d", ""], ["d", "x"]])
        let bare = self.event(30_023, 7, [["d"]])
        #expect(self.held([none, empty, bare]) == [bare.id])
        let ignored = self.event(10_003, 8, [["d", "x"]])
        #expect(self.held([self.event(10_003, 5), ignored]) == [ignored.id])
        let regular = [self.event(41, 5), self.event(41, 6), self.event(45, 1), self.event(40_000, 1)]
        #expect(self.held(regular) == Set(regular.map(\.id)))
    }

    @Test func `what is never stored, has expired, lies in the future or holds NUL is not there`() {
        let refused: [(SupersessionOracle.Absence, Event)] = [
            (.neverStored, self.event(20_000, 5)), (.neverStored, self.event(22_242, 5)),
            (.neverStored, self.event(9734, 5)), (.expired, self.event(1, 5, [["expiration", "1000000"]])),
            (.future, self.event(1, 1_000_901)), (.nulInText, self.event(1, 5, content: "a\u{0}")),
        ]
        for (absence, event) in refused {
            #expect(SupersessionOracle(now: self.now).state(after: [event]).absent == [absence: 1])
        }
        let kept = [
            self.event(1, 1_000_900), self.event(1, 5, [["expiration", "1000001"]]),
            self.event(1, 5, [["expiration", "1e3"]]), self.event(1, 5, content: "\\u0000"),
            self.event(5, 5, [["expiration", "5"]]), self.event(1, 5, [["expiration", "x"], ["expiration", "1"]]),
        ]
        #expect(self.held(kept) == Set(kept.map(\.id)))
        let live = self.event(30_023, 5)
        #expect(self.held([live, self.event(30_023, 6, [["expiration", "7"]])]) == [live.id])
    }

    @Test func `a deletion takes its author's events and no others, and brings nothing back`() {
        let (old, new) = (self.event(30_023, 5), self.event(30_023, 6))
        let byID = self.event(5, 1, [["e", "\(new.id)"]])
        #expect(self.held([old, new, byID]) == [byID.id])
        let foreign = self.event(5, 9, [["e", "\(new.id)"]], by: "bob")
        #expect(self.held([old, new, foreign]) == [new.id, foreign.id])
        let byAddress = self.event(5, 5, [["a", "30023:\(old.pubkey):"]])
        #expect(self.held([old, byAddress]) == [byAddress.id])
        #expect(self.held([old, new, byAddress]) == [new.id, byAddress.id])
        let ofDeletion = self.event(5, 9, [["e", "\(byID.id)"]])
        #expect(self.held([new, byID, ofDeletion]) == [byID.id, ofDeletion.id])
        let list = self.event(10_002, 5)
        let bare = self.event(5, 6, [["a", "10002:\(list.pubkey)"]])
        #expect(self.held([list, bare]) == [bare.id])
    }

    @Test func `a vanish request takes what is not newer than it`() {
        let events = [self.event(1, 5), self.event(1, 6), self.event(1, 7), self.event(1, 5, by: "bob")]
        let vanish = self.event(62, 6, [["relay", "ALL_RELAYS"]])
        #expect(self.held(events + [vanish]) == [events[2].id, events[3].id, vanish.id])
        let elsewhere = self.event(62, 6, [["relay", "wss://relay.example.com"]])
        #expect(self.held(events + [elsewhere]).count == 5)
    }

    /// Events arrive one by one at a store that knows only what has come so far; the end is the same in every order.
    @Test func `the state is that of a store that applies the rules one event at a time, in any order`() {
        let oracle = SupersessionOracle(now: Timestamp(1_760_000_000 + 40 * 86_400))
        let shares: [SocialWorld.Family: Double] = [
            .profile: 10, .relayList: 10, .article: 20, .deletion: 15, .note: 10, .vote: 5, .post: 5, .vanish: 1,
            .ephemeral: 1,
        ]
        for seed in 1...6 as ClosedRange<UInt64> {
            let options = SocialWorld.Options.with {
                ($0.count, $0.authors, $0.shares, $0.expirationShare) = (300, 6, shares, 0.3)
            }
            var events = SocialWorld(seed: seed, options: options).events
            let expected = oracle.state(after: events)
            #expect(expected.ids == expected.ids.sorted())
            #expect(expected.held.count + expected.absent.values.reduce(0, +) == events.count)
            #expect(expected.absent[.superseded] ?? 0 > 0)
            #expect(expected.absent[.deleted] ?? 0 > 0)
            var random = SplitMix64(seed: seed)
            for _ in 0..<5 {
                random.shuffle(&events)
                #expect(oracle.state(after: events + events.prefix(20)).ids == expected.ids)
                var store = OneByOne(now: oracle.now.seconds)
                for event in events { store.receive(event) }
                #expect(Set(store.held.keys) == Set(expected.ids))
            }
        }
    }
}

/// A store as a database would be: marks, high-water marks and rows, changed by one event at a time.
private struct OneByOne {
    let now: Int64
    var held: [EventID: Event] = [:]
    private var deletedIDs: [EventID: Set<PublicKey>] = [:]
    private var deletedAddresses: [String: Int64] = [:]
    private var vanishes: [PublicKey: Int64] = [:]
    private var highWater: [String: (Int64, EventID)] = [:]

    init(now: Int64) {
        self.now = now
    }

    mutating func receive(_ event: Event) {
        let time = event.createdAt.seconds
        guard !EventGate.isNeverStored(event.kind), EventGate.rejection(of: event, now: Timestamp(self.now)) == nil
        else {
            return
        }
        if event.kind == .deletionRequest {
            for tag in event.tags where tag.isNamed("e") {
                guard let id = tag.value?.hex32.map(EventID.init(_:)) else { continue }
                self.deletedIDs[id, default: []].insert(event.pubkey)
            }
            for tag in event.tags where tag.isNamed("a") {
                guard let address = tag.value, address.string.contains(":\(event.pubkey):") else { continue }
                let key = Hex.string(address.bytes)
                self.deletedAddresses[key] = max(time, self.deletedAddresses[key] ?? time)
            }
        }
        if event.kind == .vanishRequest { self.vanishes[event.pubkey] = max(time, self.vanishes[event.pubkey] ?? time) }
        if let address = self.address(event) {
            let water = self.highWater[address]
            if let water, water.0 > time || (water.0 == time && water.1 < event.id) { return }
            if let water { self.held[water.1] = nil }
            self.highWater[address] = (time, event.id)
        }
        self.held[event.id] = event
        for (id, other) in self.held where self.isGone(other) { self.held[id] = nil }
    }

    private func isGone(_ event: Event) -> Bool {
        let time = event.createdAt.seconds
        if let until = self.vanishes[event.pubkey], time <= until {
            return event.kind != .vanishRequest
                || self.held.values.contains { other in
                    other.kind == .vanishRequest && other.pubkey == event.pubkey
                        && (other.createdAt.seconds > time || (other.createdAt.seconds == time && other.id < event.id))
                }
        }
        guard event.kind != .deletionRequest, event.kind != .vanishRequest else { return false }
        if self.deletedIDs[event.id]?.contains(event.pubkey) == true { return true }
        return self.address(event).flatMap { self.deletedAddresses[$0] }.map { time <= $0 } ?? false
    }

    private func address(_ event: Event) -> String? {
        switch event.kind.kindClass {
        case .replaceable: Hex.string(Array("\(event.kind):\(event.pubkey):".utf8))
        case .addressable: Hex.string(Array("\(event.kind):\(event.pubkey):".utf8) + event.identifier.bytes)
        case .regular, .ephemeral: nil
        }
    }
}
