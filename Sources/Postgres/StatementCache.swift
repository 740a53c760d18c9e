/// The statements that a session has prepared, by text and parameter types: bounded, the least recently used leaves
/// first.
///
/// Pure: it says which name to prepare or to give back; the session talks to the server.
struct StatementCache {
    struct Key: Hashable {
        let sql: String
        let parameterOIDs: [UInt32]
    }

    private struct Entry {
        let name: String
        var lastUse: UInt64
    }

    private let capacity: Int
    private var entries: [Key: Entry] = [:]
    private var uses: UInt64 = 0
    /// Names are never used twice, so that a statement given back late cannot be mistaken for its successor.
    private var namesGiven: UInt64 = 0

    init(capacity: Int) {
        precondition(capacity > 0, "A cache without room")
        self.capacity = capacity
    }

    var count: Int { self.entries.count }

    /// The name under which the statement is prepared, if it is.
    mutating func name(for key: Key) -> String? {
        self.uses += 1
        guard let index = self.entries.index(forKey: key) else { return nil }
        self.entries.values[index].lastUse = self.uses
        return self.entries.values[index].name
    }

    mutating func freshName() -> String {
        self.namesGiven += 1
        return "s\(self.namesGiven)"
    }

    /// Remembers a statement that the server has accepted.
    ///
    /// - Returns: the name of the one that had to leave, to be deallocated.
    mutating func insert(_ key: Key, name: String) -> String? {
        self.uses += 1
        var evicted: String?
        if self.entries[key] == nil, self.entries.count >= self.capacity,
            let oldest = self.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            self.entries[oldest.key] = nil
            evicted = oldest.value.name
        }
        self.entries[key] = Entry(name: name, lastUse: self.uses)
        return evicted
    }

    mutating func remove(_ key: Key) {
        self.entries[key] = nil
    }

    /// After `DISCARD ALL` or `DEALLOCATE ALL` by somebody else.
    mutating func removeAll() {
        self.entries.removeAll()
    }
}
