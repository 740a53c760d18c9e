import Nostr
package import Postgres

/// Derives again what follows from the events: derived columns, the rows beside them, and counters.
///
/// It ends with the tables that live ingest would have made of the stored events under the same ``CacheRules``. Marks and
/// high-water marks are history, which no stored event can tell: they are added to and never taken back; so are profiles
/// whose source is no longer stored. Every step is a bounded transaction under the lock of the sequence, so the daemon goes
/// on writing; counters may be wrong until the last phase has passed their row.
package struct CacheRebuild: Sendable {
    package enum Phase: String, CaseIterable, Sendable {
        /// Rows whose event is not there are removed.
        case orphans
        /// Each event is read, verified and derived again.
        case events
        /// Counters of events, then those of communities.
        case counters
    }

    package struct Progress: Equatable, Sendable {
        package let phase: Phase
        /// Tables, events or targets that are done.
        package let done: Int
        /// As many as there were when the phase began; nil where nobody has counted.
        package let total: Int?
    }

    package struct Outcome: Equatable, Sendable {
        package var events = 0
        /// Rows that are no valid event any more. They are left as they are.
        package var damaged = 0
        /// Rows that a mark or a newer version had already taken back.
        package var removed = 0
        package var orphans = 0
        /// Targets and communities with anything to count.
        package var counted = 0
    }

    /// Events or targets of one transaction: a few tens of milliseconds, in which the writer waits.
    private static let eventsPerStep = 500
    private static let targetsPerStep = 200
    private static let orphansPerStep = 5_000

    private let connection: PostgresConnection
    private let rules: CacheRules
    private let keys = PublicKeyCache()

    /// - Parameter connection: opened with ``CacheWriter/sessionSettings``.
    package init(connection: PostgresConnection, rules: CacheRules = CacheRules()) {
        self.connection = connection
        self.rules = rules
    }

    /// Runs all phases. Stopped in between, it starts again from the beginning.
    ///
    /// - Parameter progress: called after every step.
    package func run(progress: @Sendable (Progress) -> Void = { _ in }) async throws -> Outcome {
        var outcome = Outcome()
        try await self.orphans(&outcome, progress)
        try await self.events(&outcome, progress)
        try await self.counters(&outcome, progress)
        return outcome
    }

    // MARK: - Phases

    private func events(_ outcome: inout Outcome, _ progress: @Sendable (Progress) -> Void) async throws {
        let total = try await self.estimate()
        var last: EventID?
        while true {
            try Task.checkCancellation()
            let cursor = last
            let step = try await self.transaction { (session) throws(PostgresError) in
                let transaction = RebuildTransaction(rules: self.rules, keys: self.keys)
                return try transaction.run(after: cursor, limit: Self.eventsPerStep, on: session)
            }
            outcome.events += step.events
            outcome.damaged += step.damaged
            outcome.removed += step.removed
            progress(Progress(phase: .events, done: outcome.events, total: total))
            guard let next = step.last else { return }
            last = next
        }
    }

    private func orphans(_ outcome: inout Outcome, _ progress: @Sendable (Progress) -> Void) async throws {
        let tables = RebuildStatements.orphans
        for (number, table) in tables.enumerated() {
            var cursor = table.start
            while true {
                try Task.checkCancellation()
                let parameters = cursor + [.int8(Int64(Self.orphansPerStep))]
                let row = try await self.connection.run { try $0.execute(table.sql, parameters).first }
                outcome.orphans += Int(row?[0].int8 ?? 0)
                guard let next = row.flatMap({ table.cursor(behind: $0) }) else { break }
                cursor = next
            }
            progress(Progress(phase: .orphans, done: number + 1, total: tables.count))
        }
    }

    private func counters(_ outcome: inout Outcome, _ progress: @Sendable (Progress) -> Void) async throws {
        let kinds = self.rules.replyKinds
        for count in [RebuildStatements.countEvents(replyKinds: kinds), RebuildStatements.countSubclaws] {
            var cursor = count.start
            while true {
                try Task.checkCancellation()
                let current = cursor
                let (counted, next) = try await self.transaction { (session) throws(PostgresError) in
                    let keys = count.read(try session.pipeline([count.page(current, Self.targetsPerStep)])[0])
                    guard keys.count > 0 else { return (0, PostgresValue?.none) }
                    _ = try session.pipeline(count.recount(.array(keys.array)))
                    return (keys.count, keys.last)
                }
                outcome.counted += counted
                progress(Progress(phase: .counters, done: outcome.counted, total: nil))
                guard let next else { break }
                cursor = next
            }
        }
    }

    // MARK: - Steps

    private func transaction<Result: Sendable>(
        _ body: @Sendable (PostgresSession) throws(PostgresError) -> Result
    ) async throws -> Result {
        try await self.connection.run { session in
            do throws(PostgresError) {
                _ = try session.pipeline([CacheStatements.begin, CacheStatements.lockSequence])
                let result = try body(session)
                _ = try session.pipeline([CacheStatements.commit])
                return result
            } catch {
                session.leaveTransaction()
                throw error
            }
        }
    }

    /// As many events as the planner knows of.
    private func estimate() async throws -> Int? {
        try await self.connection.run { session in
            let row = try session.execute(
                "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'nostr_events'::regclass")
            return row.first?[0].int8.map(Int.init).flatMap { $0 > 0 ? $0 : nil }
        }
    }
}
