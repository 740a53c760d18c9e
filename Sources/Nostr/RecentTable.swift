import CMemory
import Synchronization

/// What a place of a ``RecentTable`` holds, beside the first word of its key.
protocol RecentEntry: BitwiseCopyable, Sendable {
    /// Whether this is the entry of `key`, whose first word is known to be the same.
    func isEntry(of key: Bytes32) -> Bool
}

/// A memory of fixed size for what was met lately, by digest or key, that several threads share.
///
/// Four-way associative: a key has one set of four places and takes that of the oldest. So nothing is ever rehashed, and what
/// it costs is known from the start. The words that are compared stand together at the head of their set.
final class RecentTable<Entry: RecentEntry>: Sendable {
    private let sets: Mutex<RecentSets<Entry>>
    private let address: UInt
    private let mask: UInt

    /// `capacity` is rounded up to a power of two of sets of four.
    init(capacity: Int) {
        let sets = RecentSets<Entry>(capacity: capacity)
        self.address = UInt(bitPattern: sets.base)
        self.mask = UInt(sets.mask)
        self.sets = Mutex(sets)
    }

    /// Says that a key will be looked for soon; takes no lock, for it reads nothing. The lines of a set lie anywhere in several
    /// megabytes, so fetching many of them at once takes little more time than waiting for one.
    func prefetch(_ key: Bytes32) {
        let set = self.address + (UInt(truncatingIfNeeded: key.word0) & self.mask) * UInt(RecentSets<Entry>.setBytes)
        CMemory.prefetch(UnsafeRawPointer(bitPattern: set))
        CMemory.prefetch(UnsafeRawPointer(bitPattern: set + 64))
    }

    /// The entry of a key; nil if there is none.
    func entry(of key: Bytes32) -> Entry? {
        self.sets.withLock { $0.find(key)?.pointee }
    }

    /// Remembers the entry of a key, in the place of what was remembered for it.
    func insert(_ entry: Entry, for key: Bytes32) {
        self.withLock { sets in
            if let place = sets.find(key) { place.pointee = entry } else { sets.insert(entry, for: key) }
        }
    }

    /// Several steps under one lock.
    func withLock<Result>(_ body: (inout sending RecentSets<Entry>) -> sending Result) -> sending Result {
        self.sets.withLock(body)
    }
}

/// The places of a ``RecentTable``, for whoever holds its lock.
struct RecentSets<Entry: RecentEntry>: ~Copyable {
    // A set is four first words, the number of entries that ever came, and four entries.
    private static var ways: Int { 4 }
    private static var counter: Int { 8 * self.ways }
    private static var entries: Int { self.counter + 8 }
    fileprivate static var setBytes: Int { self.entries + self.ways * MemoryLayout<Entry>.stride }

    fileprivate let base: UnsafeMutableRawPointer
    fileprivate let mask: Int

    fileprivate init(capacity: Int) {
        var sets = 1
        while sets * Self.ways < capacity { sets *= 2 }
        self.mask = sets - 1
        let byteCount = sets * Self.setBytes
        self.base = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        self.base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit {
        self.base.deallocate()
    }

    /// Where the entry of `key` is, for as long as nothing is inserted; nil if there is none.
    func find(_ key: Bytes32) -> UnsafeMutablePointer<Entry>? {
        let set = self.set(of: key)
        let count = min(set.load(fromByteOffset: Self.counter, as: Int.self), Self.ways)
        for way in 0..<count where set.load(fromByteOffset: 8 * way, as: UInt64.self) == key.word0 {
            let place = self.place(way, of: set)
            if place.pointee.isEntry(of: key) { return place }
        }
        return nil
    }

    /// Remembers the entry of a key that is not there, and forgets the oldest of its set.
    mutating func insert(_ entry: Entry, for key: Bytes32) {
        let set = self.set(of: key)
        let count = set.load(fromByteOffset: Self.counter, as: Int.self)
        let way = count % Self.ways
        set.storeBytes(of: key.word0, toByteOffset: 8 * way, as: UInt64.self)
        set.storeBytes(of: count + 1, toByteOffset: Self.counter, as: Int.self)
        self.place(way, of: set).initialize(to: entry)
    }

    private func set(of key: Bytes32) -> UnsafeMutableRawPointer {
        self.base + (Int(truncatingIfNeeded: key.word0) & self.mask) * Self.setBytes
    }

    private func place(_ way: Int, of set: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Entry> {
        (set + Self.entries + way * MemoryLayout<Entry>.stride).assumingMemoryBound(to: Entry.self)
    }
}
