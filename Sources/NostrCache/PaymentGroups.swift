import Nostr
import Postgres

/// The payments whose receipts a transaction bears on, and which receipt stands for each.
struct PaymentGroups {
    /// The receipt that counts.
    struct Representative: Equatable {
        let receipt: EventID
        let target: NamedID?
        let msats: Int64
        let isVerified: Bool
    }

    private(set) var hashes: Set<Bytes32> = []
    /// Fixed by the first question.
    private var order: [Bytes32] = []

    var isEmpty: Bool { self.hashes.isEmpty }

    mutating func insert(_ hash: Bytes32) {
        if self.hashes.insert(hash).inserted { self.order.append(hash) }
    }

    mutating func insert(_ rows: PostgresResult) {
        for row in rows { if let hash = row[0].bytes.flatMap({ Bytes32(bytes: $0) }) { self.insert(hash) } }
    }

    var statement: PostgresStatement { CacheStatements.representatives(self.order) }

    func standing(_ rows: PostgresResult) -> [Representative?] {
        var standing = [Representative?](repeating: nil, count: self.order.count)
        for row in rows {
            guard let number = row[0].int8, let receipt = row[1].eventID, let msats = row[3].int8 else { continue }
            standing[Int(number) - 1] = Representative(
                receipt: receipt, target: row[2].eventID.map(NamedID.init), msats: msats,
                isVerified: row[4].bool ?? false)
        }
        return standing
    }

    /// Adds what is between two standings, and names the receipts whose `is_counted` changes.
    func apply(
        from before: [Representative?], to after: [Representative?], _ changes: inout StatsChanges
    ) -> (counted: [EventID], uncounted: [EventID]) {
        var counted: [EventID] = []
        var uncounted: [EventID] = []
        for (old, new) in zip(before, after) where old != new {
            if let old { Self.add(old, sign: -1, to: &changes) }
            if let new { Self.add(new, sign: 1, to: &changes) }
            guard old?.receipt != new?.receipt else { continue }
            if let old { uncounted.append(old.receipt) }
            if let new { counted.append(new.receipt) }
        }
        return (counted.sorted(), uncounted.sorted())
    }

    private static func add(_ receipt: Representative, sign: Int, to changes: inout StatsChanges) {
        guard let target = receipt.target else { return }
        changes.changeZaps(target) {
            $0.count += sign
            $0.msats += Int128(sign) * Int128(receipt.msats)
            if receipt.isVerified { $0.msatsVerified += Int128(sign) * Int128(receipt.msats) }
        }
    }
}
