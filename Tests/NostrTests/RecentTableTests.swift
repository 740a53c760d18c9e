import Testing

@testable import Nostr

struct RecentTableTests {
    struct Entry: RecentEntry, Equatable {
        let key: Bytes32
        let value: Int

        func isEntry(of key: Bytes32) -> Bool { self.key == key }
    }

    static let zero = Bytes32(0, 0, 0, 0)

    @Test func `an empty table knows nothing, not even a key of zeros`() {
        let table = RecentTable<Entry>(capacity: 1)
        #expect(table.entry(of: Self.zero) == nil)
        #expect(table.entry(of: Bytes32(1, 2, 3, 4)) == nil)
    }

    /// The model: of the keys of one set, which the lowest bits of the first word choose, the last four.
    @Test(arguments: [(capacity: 1, sets: 1), (4, 1), (5, 2), (16, 4), (64, 16)])
    func `each set keeps its last four`(capacity: Int, sets: Int) {
        var random = SplitMix64(seed: UInt64(capacity))
        let table = RecentTable<Entry>(capacity: capacity)
        var model: [Int: [Entry]] = [:]
        for number in 0..<500 {
            let key = Bytes32(UInt64.random(in: 0..<256, using: &random), UInt64(number), 0, 0)
            let entry = Entry(key: key, value: number)
            table.insert(entry, for: key)
            let set = Int(key.word0) % sets
            model[set, default: []].append(entry)
            let known = model.values.joined().filter { table.entry(of: $0.key) == $0 }
            #expect(Set(known.map(\.value)) == Set(model.values.flatMap { $0.suffix(4) }.map(\.value)))
        }
    }

    @Test func `a known key takes its new entry in the place of the old one`() {
        let table = RecentTable<Entry>(capacity: 4)
        let keys = (1...4 as ClosedRange<UInt64>).map { Bytes32(0, 0, 0, $0) }
        for (number, key) in keys.enumerated() { table.insert(Entry(key: key, value: number), for: key) }
        for value in 10..<20 { table.insert(Entry(key: keys[0], value: value), for: keys[0]) }
        #expect(keys.map { table.entry(of: $0)?.value } == [19, 1, 2, 3])
        #expect(table.entry(of: Self.zero) == nil)
    }

    @Test func `ids keep the flags of all who brought them`() {
        let ids = RecentIDs(capacity: 16)
        let (first, second) = (EventID(Bytes32(1, 2, 0, 0)), EventID(Bytes32(1, 3, 0, 0)))
        ids.insert([(first, 16)])
        #expect(ids.flags(of: [first, nil, second]) == [16, nil, nil])
        ids.insert([(first, 1), (second, 8)])
        ids.add(6, to: [first, EventID(Self.zero)])
        #expect(ids.flags(of: [second, first, EventID(Self.zero)]) == [8, 23, nil])
    }
}
