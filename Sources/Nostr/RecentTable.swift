import CPrefetch

/// What a place of a ``RecentTable`` holds, beside the first word of its key.
package protocol RecentEntry: BitwiseCopyable {
    /// Whether this is the entry of `key`, whose first word is known to be the same.
    func isEntry(of key: Bytes32) -> Bool
}

/// A memory of fixed size for what was met lately, by digest or key.
///
/// Four-way associative: a key has one set of four places and takes that of the oldest. So nothing is ever rehashed, and what
/// it costs is known from the start. The words that are compared stand together at the head of their set.
package struct RecentTable<Entry: RecentEntry>: ~Copyable {
    /// Where in a set things stand: four first words, the number of entries that ever came, four entries.
    @usableFromInline
    package enum Layout {
        @usableFromInline static var ways: Int { 4 }
        @usableFromInline static var counter: Int { 8 * self.ways }
        @usableFromInline static var entries: Int { self.counter + 8 }
        @usableFromInline static var setBytes: Int { self.entries + self.ways * MemoryLayout<Entry>.stride }
    }

    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let mask: Int

    /// `capacity` is rounded up to a power of two of sets of four.
    package init(capacity: Int) {
        var sets = 1
        while sets * Layout.ways < capacity { sets *= 2 }
        self.mask = sets - 1
        let byteCount = sets * Layout.setBytes
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        self.base = memory
    }

    deinit {
        self.base.deallocate()
    }

    /// What may be used beside whatever guards the table: it reads nothing.
    package struct Prefetcher: Sendable {
        fileprivate let address: UInt
        fileprivate let mask: UInt

        /// Says that a key will be looked for soon. The lines of a set lie anywhere in several megabytes, so fetching many
        /// of them at once takes little more time than waiting for one.
        package func prefetch(_ key: Bytes32) {
            let set = self.address + (UInt(truncatingIfNeeded: key.word0) & self.mask) * UInt(Layout.setBytes)
            CPrefetch.prefetch(UnsafeRawPointer(bitPattern: set))
            CPrefetch.prefetch(UnsafeRawPointer(bitPattern: set + 64))
        }
    }

    /// Good for as long as the table is there.
    package var prefetcher: Prefetcher { Prefetcher(address: UInt(bitPattern: self.base), mask: UInt(self.mask)) }

    /// Where the entry of `key` is, for as long as nothing is inserted; nil if there is none.
    @inlinable
    package func find(_ key: Bytes32) -> UnsafeMutablePointer<Entry>? {
        let set = self.set(of: key)
        let count = min(set.load(fromByteOffset: Layout.counter, as: Int.self), Layout.ways)
        for way in 0..<count where set.load(fromByteOffset: 8 * way, as: UInt64.self) == key.word0 {
            let place = self.place(way, of: set)
            if place.pointee.isEntry(of: key) { return place }
        }
        return nil
    }

    /// Remembers the entry of a key that is not there, and forgets the oldest of its set.
    @inlinable
    package mutating func insert(_ entry: Entry, for key: Bytes32) {
        let set = self.set(of: key)
        let count = set.load(fromByteOffset: Layout.counter, as: Int.self)
        let way = count % Layout.ways
        set.storeBytes(of: key.word0, toByteOffset: 8 * way, as: UInt64.self)
        set.storeBytes(of: count + 1, toByteOffset: Layout.counter, as: Int.self)
        self.place(way, of: set).initialize(to: entry)
    }

    @inlinable
    func set(of key: Bytes32) -> UnsafeMutableRawPointer {
        self.base + (Int(truncatingIfNeeded: key.word0) & self.mask) * Layout.setBytes
    }

    @inlinable
    func place(_ way: Int, of set: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Entry> {
        (set + Layout.entries + way * MemoryLayout<Entry>.stride).assumingMemoryBound(to: Entry.self)
    }
}
