import Ingest
import Nostr
import NostrCache
import Testing

struct CommittedEventsTests {
    static let relay = RelayID(1)

    func id(_ number: UInt64) -> EventID { EventID(Bytes32(number, number ^ 7, 3, 4)) }

    func event(_ number: UInt64, at seconds: Int64 = 1, by relay: RelayID? = Self.relay) -> CacheReader.Committed {
        (id: self.id(number), createdAt: Timestamp(seconds), relay: relay)
    }

    func times(_ committed: CommittedEvents, _ ids: [EventID?]) -> [Timestamp?] {
        committed.copies(of: ids, from: Self.relay).map { $0?.createdAt }
    }

    @Test func `a committed id is known with its verified date, another one is not`() {
        let committed = CommittedEvents(capacity: 16)
        committed.insert([self.event(1, at: 0), self.event(2, at: 77), self.event(5, at: (1 << 40) - 1)])
        #expect(
            self.times(committed, [self.id(1), nil, self.id(3), self.id(2), self.id(5)]) == [
                Timestamp(0), nil, nil, Timestamp(77), Timestamp((1 << 40) - 1),
            ])
    }

    @Test func `an id that shares its first word with a committed one is another id`() {
        let committed = CommittedEvents(capacity: 16)
        committed.insert([(id: EventID(Bytes32(5, 1, 0, 0)), createdAt: Timestamp(1), relay: nil)])
        #expect(self.times(committed, [EventID(Bytes32(5, 2, 0, 0))]) == [nil])
    }

    @Test func `a date that no entry can hold is not remembered`() {
        let committed = CommittedEvents(capacity: 16)
        committed.insert([self.event(1, at: 1 << 40)])
        #expect(self.times(committed, [self.id(1)]) == [nil])
    }

    @Test func `the set forgets the oldest of a crowded place and never grows`() {
        let committed = CommittedEvents(capacity: 4)
        for number in 0..<5 as Range<UInt64> { committed.insert([self.event(number, at: Int64(number))]) }
        let known = self.times(committed, (0..<5 as Range<UInt64>).map(self.id))
        #expect(known == [nil, Timestamp(1), Timestamp(2), Timestamp(3), Timestamp(4)])
    }

    @Test func `committing again changes nothing`() {
        let committed = CommittedEvents(capacity: 4)
        for _ in 0..<10 { committed.insert([self.event(1)]) }
        committed.insert((2...4 as ClosedRange<UInt64>).map { self.event($0) })
        #expect(self.times(committed, [self.id(1)]) == [Timestamp(1)])
    }

    @Test func `a copy is a sighting until its relay is noted`() {
        let committed = CommittedEvents(capacity: 16)
        committed.insert([self.event(1), self.event(2, by: nil)])
        func isSighting(_ number: UInt64, by relay: Int32) -> Bool? {
            committed.copies(of: [self.id(number)], from: RelayID(relay))[0]?.isSighting
        }
        #expect(isSighting(1, by: 1) == false)
        #expect(isSighting(1, by: 2) == true)
        // Nobody showed an event that was imported.
        #expect(isSighting(2, by: 1) == true)
        #expect(isSighting(3, by: 1) == nil)
        committed.note([self.id(1), self.id(3)], from: RelayID(2))
        #expect(isSighting(1, by: 2) == false)
        #expect(isSighting(1, by: 3) == true)
        // The writer saw the copy of a third relay beside the event.
        committed.insert([self.event(1, by: RelayID(3))])
        #expect(isSighting(1, by: 3) == false)
        #expect(isSighting(1, by: 2) == false)
        #expect(committed.copies(of: [self.id(1)], from: Self.relay)[0]?.createdAt == Timestamp(1))
    }

    @Test func `relays beyond the limit have no sightings of their own, and take nobody else's`() {
        let committed = CommittedEvents(capacity: 16)
        committed.insert([self.event(1)])
        let relays = (1...Int32(CommittedEvents.relaysMax) + 3).map { RelayID($0) }
        let sightings = relays.map { committed.copies(of: [self.id(1)], from: $0)[0]?.isSighting }
        let expected = relays.indices.map { $0 > 0 && $0 < CommittedEvents.relaysMax }
        #expect(sightings == expected)
    }

    @Test func `where sightings are not recorded no copy is one`() {
        let committed = CommittedEvents(capacity: 16, recordsSightings: false)
        committed.insert([self.event(1)])
        #expect(
            committed.copies(of: [self.id(1)], from: RelayID(2)) == [.init(createdAt: Timestamp(1), isSighting: false)])
    }
}
