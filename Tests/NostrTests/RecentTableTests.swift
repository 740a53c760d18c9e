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
        #expect(table.find(Self.zero) == nil)
        #expect(table.find(Bytes32(1, 2, 3, 4)) == nil)
    }

    /// The model: of the keys of one set, which the lowest bits of the first word choose, the last four.
    @Test(arguments: [(capacity: 1, sets: 1), (4, 1), (5, 2), (16, 4), (64, 16)])
    func `each set keeps its last four`(capacity: Int, sets: Int) {
        var random = SplitMix64(seed: UInt64(capacity))
        var table = RecentTable<Entry>(capacity: capacity)
        var model: [Int: [Entry]] = [:]
        for number in 0..<500 {
            let key = Bytes32(UInt64.random(in: 0..<256, using: &random), UInt64(number), 0, 0)
            let entry = Entry(key: key, value: number)
            table.insert(entry, for: key)
            let set = Int(key.word0) % sets
            model[set, default: []].append(entry)
            let known = model.values.joined().filter { table.find($0.key)?.pointee == $0 }
            #expect(Set(known.map(\.value)) == Set(model.values.flatMap { $0.suffix(4) }.map(\.value)))
        }
    }

    @Test func `an entry is changed where it is`() {
        var table = RecentTable<Entry>(capacity: 4)
        let key = Bytes32(0, 0, 0, 1)
        table.insert(Entry(key: key, value: 1), for: key)
        table.find(key)?.pointee = Entry(key: key, value: 2)
        #expect(table.find(key)?.pointee.value == 2)
        #expect(table.find(Self.zero) == nil)
    }
}
