package import Nostr
package import Postgres

/// The keys that sign zap receipts for a recipient, as its lightning address said (NIP-57): `nostr_zap_providers`.
///
/// Ingest judges every receipt by this table when it is stored; what is entered later is applied to the receipts that are
/// stored already.
package struct ZapProviders: Sendable {
    /// Receipts of one transaction, in which the writer waits.
    private static let receiptsPerStep = 500

    private let connection: PostgresConnection
    private let rules: CacheRules

    /// - Parameter connection: opened with ``CacheWriter/sessionSettings``. It may write beside the writer: its
    ///   transactions take the same lock.
    package init(connection: PostgresConnection, rules: CacheRules = CacheRules()) {
        self.connection = connection
        self.rules = rules
    }

    /// Enters the key, or sees it again, and judges the recipient's receipts anew, in bounded transactions; returns how
    /// many changed. Killed in between, it is called again.
    package func confirm(_ provider: PublicKey, for recipient: PublicKey) async throws -> Int {
        var changed = 0
        var last = EventID(Bytes32(0, 0, 0, 0))
        while true {
            try Task.checkCancellation()
            let cursor = last
            let step = try await self.connection.run { session in
                do throws(PostgresError) {
                    return try self.step(provider, recipient, after: cursor, on: session)
                } catch {
                    session.leaveTransaction()
                    throw error
                }
            }
            changed += step.changed
            guard let next = step.last else { return changed }
            last = next
        }
    }

    private func step(
        _ provider: PublicKey, _ recipient: PublicKey, after last: EventID, on session: PostgresSession
    ) throws(PostgresError) -> (changed: Int, last: EventID?) {
        let found = try session.pipeline([
            CacheStatements.begin, CacheStatements.lockSequence, CacheStatements.enter(provider, for: recipient),
            CacheStatements.receipts(of: recipient, after: last, limit: Self.receiptsPerStep),
        ])[3]
        let receipts = found.compactMap { $0[0].eventID }
        guard let end = receipts.last else {
            _ = try session.pipeline([CacheStatements.commit])
            return (0, nil)
        }
        var payments = PaymentGroups()
        for row in found {
            if let hash = row[1].bytes.flatMap({ Bytes32(bytes: $0) }) { payments.insert(hash) }
        }
        let judge = CacheStatements.judge(receipts, for: [], trusted: self.rules.trustedProviders)
        let results = try session.pipeline([payments.statement, judge, payments.statement])
        var changes = StatsChanges(replyKinds: self.rules.replyKinds)
        let counted = payments.apply(
            from: payments.standing(results[0]), to: payments.standing(results[2]), &changes)
        var list = StatementList()
        if !counted.uncounted.isEmpty { list.add(CacheStatements.count(counted.uncounted, false)) }
        if !counted.counted.isEmpty { list.add(CacheStatements.count(counted.counted, true)) }
        list.add(CacheStatements.counters(changes))
        list.add(CacheStatements.commit)
        _ = try session.pipeline(list.statements)
        return (results[1].affectedRows, receipts.count < Self.receiptsPerStep ? nil : end)
    }
}

extension CacheStatements {
    fileprivate static func enter(_ provider: PublicKey, for recipient: PublicKey) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_zap_providers (recipient_pubkey, provider_pubkey)
            VALUES ($1, $2)
            ON CONFLICT (recipient_pubkey, provider_pubkey) DO UPDATE
            SET last_seen_at = now()
            """, [.bytea(recipient.value.bytes), .bytea(provider.value.bytes)])
    }

    fileprivate static func receipts(of recipient: PublicKey, after id: EventID, limit: Int) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT event_id, payment_hash
            FROM nostr_zaps
            WHERE recipient_pubkey = $1 AND level > 0 AND event_id > $2
            ORDER BY event_id
            LIMIT $3
            """, [.bytea(recipient.value.bytes), .bytea(id.value.bytes), .int8(Int64(limit))])
    }
}
