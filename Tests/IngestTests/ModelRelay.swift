import Nostr
import RelayClient
import RelayWorld

/// A relay as a table: events are (second, kind, author, number), answers obey a cap and an order.
struct ModelRelay {
    struct Row: Hashable {
        let second: Int64
        let kind: UInt16
        let author: UInt64
        let number: Int

        var timestamp: Timestamp { Timestamp(self.second) }
        var pubkey: PublicKey { PublicKey(Bytes32(self.author, 0, 0, 0)) }
    }

    enum Order: CaseIterable {
        case newestFirst, shuffled, oldestFirst
    }

    let rows: [Row]
    let cap: Int
    let order: Order
    /// Whether the cap cuts the newest events off instead of the oldest.
    var keepsOldest = false
    var saysFinish = false
    private(set) var served = 0

    init(rows: [Row], cap: Int, order: Order, keepsOldest: Bool = false, saysFinish: Bool = false) {
        self.rows = rows.sorted { ($0.second, $0.number) > ($1.second, $1.number) }
        self.cap = cap
        self.order = order
        self.keepsOldest = keepsOldest
        self.saysFinish = saysFinish
    }

    /// The page a real relay would give, and the rows in it.
    func answer(_ filter: Filter, random: inout SplitMix64) -> (Page, [Row]) {
        let matches = self.rows.filter { row in
            (filter.kinds?.contains(Kind(row.kind)) ?? true) && (filter.authors?.contains(row.pubkey) ?? true)
                && (filter.since.map { row.timestamp >= $0 } ?? true)
                && (filter.until.map { row.timestamp <= $0 } ?? true)
        }
        let size = min(self.cap, filter.limit ?? .max)
        var rows = self.keepsOldest ? Array(matches.suffix(size)) : Array(matches.prefix(size))
        switch self.order {
        case .newestFirst: break
        case .shuffled: rows.shuffle(using: &random)
        case .oldestFirst: rows.reverse()
        }
        var page = Page()
        for row in rows {
            page.add(row.timestamp)
            if filter.since != nil, filter.since == filter.until { page.authors.insert(row.pubkey) }
        }
        page.completeness = self.saysFinish ? (rows.count == matches.count ? .finish : .more) : .unstated
        return (page, rows)
    }
}
