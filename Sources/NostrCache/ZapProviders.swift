package import Nostr
package import Postgres

/// Says which keys sign zap receipts for whom (NIP-57, level V3): what a look-up of a lightning address found.
///
/// Keys are a history: addresses move and providers rotate their keys, and a receipt stays what it was. What receipts are
/// worth follows from the table, so it does not matter whether a key was found before its receipts came or after.
package struct ZapProviders: Sendable {
    /// Receipts that one transaction judges again.
    private static let receiptsPerStep = 1_000

    private let connection: PostgresConnection
    private let rules: CacheRules

    /// - Parameter connection: opened with ``CacheWriter/sessionSettings``.
    package init(connection: PostgresConnection, rules: CacheRules = CacheRules()) {
        self.connection = connection
        self.rules = rules
    }

    /// Enters a key, and judges the recipient's receipts again, in bounded transactions beside the writer. Interrupted, it
    /// goes on with the next call.
    ///
    /// - Returns: receipts whose standing changed.
    @discardableResult
    package func confirm(_ provider: PublicKey, for recipient: PublicKey) async throws -> Int {
        try await self.connection.run { session in
            _ = try session.execute(
                """
                INSERT INTO nostr_zap_providers (recipient_pubkey, provider_pubkey)
                VALUES ($1, $2)
                ON CONFLICT (recipient_pubkey, provider_pubkey) DO UPDATE
                SET last_seen_at = now()
                """, [.bytea(recipient.value.bytes), .bytea(provider.value.bytes)])
        }
        var changed = 0
        while true {
            try Task.checkCancellation()
            let step = try await self.connection.run { session in
                do throws(PostgresError) {
                    return try self.judge(recipient, on: session)
                } catch {
                    session.leaveTransaction()
                    throw error
                }
            }
            changed += step.changed
            if step.isLast { return changed }
        }
    }

    private func judge(
        _ recipient: PublicKey, on session: PostgresSession
    ) throws(PostgresError) -> (changed: Int, isLast: Bool) {
        let limit = Self.receiptsPerStep
        let trusted = self.rules.trustedProviders
        let found = try session.pipeline([
            CacheStatements.begin, CacheStatements.lockSequence,
            CacheStatements.misjudged(for: recipient, trusted: trusted, limit: limit),
        ])[2]
        var changed = 0
        var last = StatementList()
        if !found.isEmpty {
            var payments = PaymentGroups()
            for row in found { if let hash = row[1].bytes.flatMap({ Bytes32(bytes: $0) }) { payments.insert(hash) } }
            let receipts = found.compactMap { $0[0].eventID }
            let results = try session.pipeline([
                payments.statement, CacheStatements.judge(receipts, for: [], trusted: trusted), payments.statement,
            ])
            changed = results[1].affectedRows
            var changes = StatsChanges(replyKinds: self.rules.replyKinds)
            let flips = payments.apply(
                from: payments.standing(results[0]), to: payments.standing(results[2]), &changes)
            last.add(CacheStatements.count(flips))
            last.add(CacheStatements.counters(changes))
        }
        last.add(CacheStatements.commit)
        _ = try session.pipeline(last.statements)
        return (changed, found.count < limit)
    }
}
