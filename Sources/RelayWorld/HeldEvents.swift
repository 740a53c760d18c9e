import Nostr

/// The events of a relay, with the indexes that make a page cost about its own size.
///
/// An event keeps its slot for ever. Every list of slots is newest first, ties by lowest id (NIP-01).
struct HeldEvents {
    private(set) var events: [Event] = []
    /// The JSON of each event, written once.
    private(set) var json: [[UInt8]] = []
    private var keys: [Key] = []
    private var slots: [EventID: Int32] = [:]
    private var all: [Int32] = []
    private var byKind: [Kind: [Int32]] = [:]
    /// Made when first asked for: most worlds are never asked by author or tag.
    private var byAuthor: [PublicKey: [Int32]]?
    private var byTag: [TagKey: [Int32]]?

    /// What the order of events depends on.
    private struct Key {
        let createdAt: Timestamp
        let id: EventID

        /// Newest first, ties by lowest id.
        static func precedes(_ one: Key, _ other: Key) -> Bool {
            one.createdAt != other.createdAt ? one.createdAt > other.createdAt : one.id < other.id
        }
    }

    private struct TagKey: Hashable {
        let name: UInt8
        let value: [UInt8]
    }

    init(_ events: [Event] = []) {
        self.load(events)
    }

    var count: Int { self.all.count }

    /// Whether a client can ask for the event of that id.
    func holds(_ id: EventID) -> Bool { self.slots[id] != nil }

    /// Adds many events at once, of any kind; an id that is held already is passed over.
    mutating func load(_ events: [Event]) {
        self.events.reserveCapacity(self.events.count + events.count)
        self.json.reserveCapacity(self.json.count + events.count)
        for event in events where self.slots[event.id] == nil {
            self.slots[event.id] = self.keep(event)
        }
        self.all = self.slots.values.sorted { self.precedes($0, $1) }
        self.byKind = [:]
        for slot in self.all { self.byKind[self.events[Int(slot)].kind, default: []].append(slot) }
        self.byAuthor = nil
        self.byTag = nil
    }

    /// Forgets everything; answers that have begun can still read what they took.
    mutating func reset(to events: [Event]) {
        self.slots = [:]
        self.load(events)
    }

    /// Adds one event; its slot, or nil if it is held already. Ephemeral events get a slot but are never found.
    mutating func insert(_ event: Event) -> Int32? {
        guard self.slots[event.id] == nil else { return nil }
        let slot = self.keep(event)
        guard event.kind.kindClass != .ephemeral else { return slot }
        self.slots[event.id] = slot
        Self.place(slot, in: &self.all, self.keys)
        Self.place(slot, in: &self.byKind[event.kind, default: []], self.keys)
        if var index = self.byAuthor {
            self.byAuthor = nil
            Self.place(slot, in: &index[event.pubkey, default: []], self.keys)
            self.byAuthor = index
        }
        if var index = self.byTag {
            self.byTag = nil
            for key in Set(Self.tagKeys(of: event)) { Self.place(slot, in: &index[key, default: []], self.keys) }
            self.byTag = index
        }
        return slot
    }

    private mutating func keep(_ event: Event) -> Int32 {
        self.events.append(event)
        self.json.append(event.json)
        self.keys.append(Key(createdAt: event.createdAt, id: event.id))
        return Int32(self.events.count - 1)
    }

    private func precedes(_ left: Int32, _ right: Int32) -> Bool {
        Key.precedes(self.keys[Int(left)], self.keys[Int(right)])
    }

    private static func place(_ slot: Int32, in list: inout [Int32], _ keys: [Key]) {
        let key = keys[Int(slot)]
        list.insert(slot, at: self.partition(list) { Key.precedes(keys[Int($0)], key) })
    }

    /// How many of the first elements of `list` satisfy `condition`, which holds for a prefix of it.
    private static func partition(_ list: [Int32], _ condition: (Int32) -> Bool) -> Int {
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if condition(list[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// What the event can be found by; a key may come more than once.
    private static func tagKeys(of event: Event) -> [TagKey] {
        event.tags.compactMap { tag in
            guard let letter = tag[0]?.letter, let value = tag[1] else { return nil }
            return TagKey(name: letter, value: value.bytes)
        }
    }
}

// MARK: - Pages

extension HeldEvents {
    /// What a request is answered with.
    struct Page {
        var slots: [Int32] = []
        /// Whether more events match than were taken.
        var hasMore = false
        /// Whether that is so because of the cap, not of the limit that was asked for.
        var isCapped = false
    }

    /// The newest events that match any of `filters`, each up to its limit and to `cap`.
    mutating func page(of filters: [Filter], cap: Int) -> Page {
        for filter in filters { self.index(for: filter) }
        if filters.count == 1 { return self.page(of: filters[0], cap: cap) }
        var result = Page()
        var slots: Set<Int32> = []
        for filter in filters {
            let page = self.page(of: filter, cap: cap)
            slots.formUnion(page.slots)
            result.hasMore = result.hasMore || page.hasMore
            result.isCapped = result.isCapped || page.isCapped
        }
        result.slots = slots.sorted { self.precedes($0, $1) }
        return result
    }

    private func page(of filter: Filter, cap: Int) -> Page {
        let (lists, rest) = self.lists(for: filter)
        let limit = min(filter.limit ?? .max, cap)
        var page = Page()
        var merge = Merge(lists.map { self.window(of: $0, since: filter.since, until: filter.until) })
        while let slot = merge.next(self) {
            if let rest, !rest.matches(self.events[Int(slot)]) { continue }
            guard page.slots.count < limit else {
                page.hasMore = true
                page.isCapped = cap < filter.limit ?? .max
                break
            }
            page.slots.append(slot)
        }
        return page
    }

    /// Makes the index that `filter` needs, if it is not there yet.
    private mutating func index(for filter: Filter) {
        if filter.ids != nil { return }
        if !filter.tags.isEmpty {
            if self.byTag == nil { self.byTag = self.tagIndex() }
        } else if filter.authors != nil, self.byAuthor == nil {
            self.byAuthor = self.authorIndex()
        }
    }

    /// Lists whose union holds every match, and what remains to be looked at in each event; nil if nothing does.
    private func lists(for filter: Filter) -> (lists: [[Int32]], rest: Filter?) {
        var rest = filter
        (rest.since, rest.until, rest.limit) = (nil, nil, nil)
        let lists: [[Int32]]
        if let ids = filter.ids {
            rest.ids = nil
            lists = Set(ids).compactMap { self.slots[$0].map { [$0] } }
        } else if let condition = rest.tags.popLast() {
            let values = Set(condition.values.map { Array($0.utf8) })
            lists = values.compactMap { self.byTag?[TagKey(name: condition.name, value: $0)] }
        } else if let authors = filter.authors {
            rest.authors = nil
            lists = Set(authors).compactMap { self.byAuthor?[$0] }
        } else if let kinds = filter.kinds {
            rest.kinds = nil
            lists = Set(kinds).compactMap { self.byKind[$0] }
        } else {
            lists = [self.all]
        }
        return (lists, rest == Filter() ? nil : rest)
    }

    private func authorIndex() -> [PublicKey: [Int32]] {
        var index: [PublicKey: [Int32]] = [:]
        for slot in self.all { index[self.events[Int(slot)].pubkey, default: []].append(slot) }
        return index
    }

    private func tagIndex() -> [TagKey: [Int32]] {
        var index: [TagKey: [Int32]] = [:]
        for slot in self.all {
            for key in Self.tagKeys(of: self.events[Int(slot)]) where index[key]?.last != slot {
                index[key, default: []].append(slot)
            }
        }
        return index
    }

    private func window(of list: [Int32], since: Timestamp?, until: Timestamp?) -> ArraySlice<Int32> {
        let start = until.map { bound in Self.partition(list) { self.keys[Int($0)].createdAt > bound } } ?? 0
        let end = since.map { bound in Self.partition(list) { self.keys[Int($0)].createdAt >= bound } } ?? list.count
        return start < end ? list[start..<end] : []
    }

    /// Many lists as one, without repetitions: a heap of their heads, since a filter may name hundreds of values.
    private struct Merge {
        private var heads: [ArraySlice<Int32>]
        private var isHeap = false
        private var last: Int32?

        init(_ lists: [ArraySlice<Int32>]) {
            self.heads = lists.filter { !$0.isEmpty }
        }

        mutating func next(_ events: HeldEvents) -> Int32? {
            if !self.isHeap {
                for index in stride(from: self.heads.count / 2 - 1, through: 0, by: -1) { self.sift(index, events) }
                self.isHeap = true
            }
            while let first = self.heads.first?.first {
                self.heads[0] = self.heads[0].dropFirst()
                if self.heads[0].isEmpty {
                    self.heads.swapAt(0, self.heads.count - 1)
                    self.heads.removeLast()
                }
                self.sift(0, events)
                if first == self.last { continue }
                self.last = first
                return first
            }
            return nil
        }

        private mutating func sift(_ start: Int, _ events: HeldEvents) {
            guard self.heads.count > 1 else { return }
            var index = start
            while true {
                var first = index
                for child in [2 * index + 1, 2 * index + 2] where child < self.heads.count {
                    let (one, other) = (self.heads[child], self.heads[first])
                    if events.precedes(one[one.startIndex], other[other.startIndex]) { first = child }
                }
                guard first != index else { return }
                self.heads.swapAt(index, first)
                index = first
            }
        }
    }
}
