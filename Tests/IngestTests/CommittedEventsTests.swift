import Ingest
import Nostr
import Testing

struct CommittedEventsTests {
    func id(_ number: UInt64) -> EventID { EventID(Bytes32(number, number ^ 7, 3, 4)) }

    @Test func `a committed id is known with its verified date, another one is not`() {
        let committed = CommittedEvents(capacity: 16)
        committed.insert([(id: self.id(1), createdAt: Timestamp(0)), (id: self.id(2), createdAt: Timestamp(77))])
        #expect(
            committed.createdAt(of: [self.id(1), nil, self.id(3), self.id(2)]) == [
                Timestamp(0), nil, nil, Timestamp(77),
            ])
    }

    @Test func `an id that shares its first word with a committed one is another id`() {
        let committed = CommittedEvents(capacity: 16)
        committed.insert([(id: EventID(Bytes32(5, 1, 0, 0)), createdAt: Timestamp(1))])
        #expect(committed.createdAt(of: [EventID(Bytes32(5, 2, 0, 0))]) == [nil])
    }

    @Test func `the set forgets the oldest of a crowded place and never grows`() {
        let committed = CommittedEvents(capacity: 4)
        for number in 0..<5 as Range<UInt64> {
            committed.insert([(id: self.id(number), createdAt: Timestamp(Int64(number)))])
        }
        let known = committed.createdAt(of: (0..<5 as Range<UInt64>).map(self.id))
        #expect(known == [nil, Timestamp(1), Timestamp(2), Timestamp(3), Timestamp(4)])
    }

    @Test func `committing again changes nothing`() {
        let committed = CommittedEvents(capacity: 4)
        for _ in 0..<10 { committed.insert([(id: self.id(1), createdAt: Timestamp(1))]) }
        committed.insert((2...4 as ClosedRange<UInt64>).map { (id: self.id($0), createdAt: Timestamp(1)) })
        #expect(committed.createdAt(of: [self.id(1)]) == [Timestamp(1)])
    }
}
