package import Nostr
package import Postgres

/// Removes what time has taken back, and what a vanish request left for later: rows, everything derived from them, and
/// what they added to counters.
///
/// Readers hide expired rows from their second on, so nobody waits for this.
package struct CacheSweep: Sendable {
    package struct Outcome: Equatable, Sendable {
        /// Events whose expiration has passed (NIP-40).
        package var expired = 0
        /// Events of keys that asked to vanish (NIP-62).
        package var vanished = 0
        package var profiles = 0
        /// Nothing is left to do; otherwise the sweep goes on with the next call.
        package var isComplete = true
    }

    private let connection: PostgresConnection
    private let rules: CacheRules
    private let limits: CacheWriterLimits

    /// - Parameter connection: opened with ``CacheWriter/sessionSettings``. It may write beside the writer: its
    ///   transactions take the same lock.
    package init(
        connection: PostgresConnection, rules: CacheRules = CacheRules(),
        limits: CacheWriterLimits = CacheWriterLimits()
    ) {
        self.connection = connection
        self.rules = rules
        self.limits = limits
    }

    /// One transaction, which removes a bounded number of rows; none where there is nothing to do.
    package func run(now: Timestamp) async throws -> Outcome {
        try await self.connection.run { session in
            let isDue = try session.execute(SweepStatements.isDue, [.int8(now.seconds)]).first?[0].bool ?? false
            guard isDue else { return Outcome() }
            do throws(PostgresError) {
                return try self.sweep(now: now, on: session)
            } catch {
                session.leaveTransaction()
                throw error
            }
        }
    }

    private func sweep(now: Timestamp, on session: PostgresSession) throws(PostgresError) -> Outcome {
        let limit = self.limits.removalsMax
        let found = try session.pipeline([
            CacheStatements.begin, CacheStatements.lockSequence, SweepStatements.expired(now: now, limit: limit),
            SweepStatements.unpurged, SweepStatements.removeExpiredProfiles(now: now, limit: limit),
        ])
        var marks = LifecycleMarks()
        for row in found[3] {
            guard let pubkey = row[0].publicKey, let until = row[1].int8, let id = row[2].eventID else { continue }
            marks.add(HighWaterMark(createdAt: Timestamp(until), id: id), toKey: pubkey)
        }
        var vanished: [EventID] = []
        if !marks.isEmpty {
            vanished = try session.pipeline([CacheStatements.bound(by: marks, limit: limit)])[0].compactMap {
                $0[0].eventID
            }
        }
        let expired = found[2].compactMap { $0[0].eventID }
        var outcome = Outcome()
        outcome.profiles = found[4].affectedRows
        outcome.isComplete = max(expired.count, vanished.count, outcome.profiles) < limit
        outcome.isComplete = outcome.isComplete && marks.vanishes.count < SweepStatements.unpurgedMax

        var projection = Projection(self.rules)
        try projection.remove(Set(expired + vanished).sorted(), on: session)
        try projection.before(on: session)
        var list = StatementList()
        list.add(projection.rowStatements)
        let questions = projection.askAfter(in: &list)
        if !list.isEmpty { projection.answer(questions, try session.pipeline(list.statements)) }
        var last = StatementList()
        last.add(projection.counterStatements)
        if !marks.isEmpty, vanished.count < limit { last.add(CacheStatements.notePurged(marks)) }
        last.add(CacheStatements.commit)
        _ = try session.pipeline(last.statements)
        outcome.expired = expired.count
        outcome.vanished = Set(vanished).subtracting(expired).count
        return outcome
    }
}

enum SweepStatements {
    /// Vanish requests that one transaction goes on with.
    static let unpurgedMax = 16

    static let isDue = """
        SELECT EXISTS (SELECT FROM nostr_events WHERE expires_at <= $1)
          OR EXISTS (SELECT FROM nostr_profiles WHERE expires_at <= $1)
          OR EXISTS (SELECT FROM nostr_vanishes WHERE NOT is_purged)
        """

    static func expired(now: Timestamp, limit: Int) -> PostgresStatement {
        PostgresStatement(
            "SELECT event_id FROM nostr_events WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2",
            [.int8(now.seconds), .int8(Int64(limit))])
    }

    static let unpurged = PostgresStatement(
        "SELECT pubkey, until, event_id FROM nostr_vanishes WHERE NOT is_purged ORDER BY pubkey LIMIT \(unpurgedMax)")

    static func removeExpiredProfiles(now: Timestamp, limit: Int) -> PostgresStatement {
        PostgresStatement(
            """
            DELETE FROM nostr_profiles
            WHERE pubkey IN (SELECT pubkey FROM nostr_profiles WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)
            """, [.int8(now.seconds), .int8(Int64(limit))])
    }
}
