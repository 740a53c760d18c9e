import Testing

@testable import Postgres

struct StatementCacheTests {
    private func key(_ sql: String, _ oids: [UInt32] = []) -> StatementCache.Key {
        StatementCache.Key(sql: sql, parameterOIDs: oids)
    }

    @Test func `text and types together are the key`() {
        var cache = StatementCache(capacity: 4)
        #expect(cache.insert(key("a", [20]), name: "s1") == nil)
        #expect(cache.name(for: key("a", [20])) == "s1")
        #expect(cache.name(for: key("a", [23])) == nil)
        #expect(cache.name(for: key("b", [20])) == nil)
    }

    @Test func `the least recently used leaves first`() {
        var cache = StatementCache(capacity: 2)
        _ = cache.insert(key("a"), name: "s1")
        _ = cache.insert(key("b"), name: "s2")
        _ = cache.name(for: key("a"))
        #expect(cache.insert(key("c"), name: "s3") == "s2")
        #expect(cache.count == 2)
        #expect(cache.name(for: key("b")) == nil)
    }

    @Test func `a name is never used twice`() {
        var cache = StatementCache(capacity: 1)
        let first = cache.freshName()
        cache.removeAll()
        #expect(cache.freshName() != first)
    }
}
