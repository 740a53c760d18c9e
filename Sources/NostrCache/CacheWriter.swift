package import Logging
import Nostr
package import Postgres

/// Writes batches: events, quarantine and coverage, each batch in one transaction.
///
/// A batch may be written again after any error: whatever it left behind is found, and the tables end the same. One
/// writer at a time owns the ledger (``WriterLock``); the advisory lock inside each transaction only keeps `ingest_seq`
/// in commit order beside an operator's command.
package struct CacheWriter: Sendable {
    /// For the connection of a writer.
    ///
    /// The planner may think that it knows better than an index: a statement with `= ANY ($1)` that is planned while a
    /// table is empty would scan it for the rest of the session. Every statement of the writer looks keys up, so the
    /// other ways are switched off, and plans are made once.
    package static let sessionSettings: [String: String] = [
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",
        "statement_timeout": "30s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "60s",
    ]

    private let connection: PostgresConnection
    private let rules: CacheRules
    /// Authors of what is embedded in events.
    private let keys: PublicKeyCache
    private let limits: CacheWriterLimits

    private static let embeddedKeys = 1_024

    /// - Parameter connection: opened with ``sessionSettings``; used by this writer alone.
    package init(
        connection: PostgresConnection, rules: CacheRules = CacheRules(),
        limits: CacheWriterLimits = CacheWriterLimits()
    ) {
        self.connection = connection
        self.rules = rules
        self.keys = PublicKeyCache(capacity: Self.embeddedKeys)
        self.limits = limits
    }

    /// Opens a connection for a writer, and the writer on it.
    package static func open(
        _ configuration: PostgresConfiguration, rules: CacheRules, logger: Logger
    ) async throws -> (PostgresConnection, CacheWriter) {
        let connection = try await PostgresConnection.open(configuration, logger: logger)
        do {
            try await connection.run { session in
                for (name, value) in Self.sessionSettings.sorted(by: { $0.key < $1.key }) {
                    _ = try session.execute("SELECT set_config($1, $2, false)", [.text(name), .text(value)])
                }
            }
        } catch {
            await connection.close()
            throw error
        }
        return (connection, CacheWriter(connection: connection, rules: rules))
    }

    /// Commits the batch.
    ///
    /// An event that PostgreSQL refuses is found by halving, goes to quarantine as `unstorable`, and costs the others
    /// nothing; coverage commits with the part that holds the last event ahead of it.
    ///
    /// - Throws: every other ``PostgresError``. Parts of a halved batch may be committed by then; they are duplicates
    ///   when the batch is written again.
    package func write(_ batch: ArraySlice<CacheItem>) async throws -> BatchOutcome {
        try await self.connection.run { session in
            try self.write(batch, on: session)
        }
    }

    package func write(_ batch: [CacheItem]) async throws -> BatchOutcome { try await self.write(batch[...]) }

    private func write(_ items: ArraySlice<CacheItem>, on session: PostgresSession) throws -> BatchOutcome {
        do {
            return try self.commit(items, on: session)
        } catch let error as PostgresError where Self.isOfOneEvent(error) {
            return try self.halve(items, after: error, on: session)
        }
    }

    /// Whether an event of the batch is to blame. A missing relay (23503) is not its fault.
    private static func isOfOneEvent(_ error: PostgresError) -> Bool {
        error.category == .data && error.sqlState != "23503"
    }

    private func commit(_ items: ArraySlice<CacheItem>, on session: PostgresSession) throws -> BatchOutcome {
        do {
            return try self.transaction(items, on: session, trustsProbe: true)
        } catch let error as PostgresError where error.isDuplicateEvent {
            // Somebody inserts without the lock of the sequence: ON CONFLICT bears that.
            return try self.transaction(items, on: session, trustsProbe: false)
        }
    }

    private func transaction(
        _ items: ArraySlice<CacheItem>, on session: PostgresSession, trustsProbe: Bool
    ) throws -> BatchOutcome {
        var transaction = BatchTransaction(
            items, rules: self.rules, keys: self.keys, limits: self.limits, trustsProbe: trustsProbe)
        return try transaction.run(on: session)
    }
}

extension PostgresError {
    fileprivate var isDuplicateEvent: Bool {
        guard case .server(let error) = self else { return false }
        return error.sqlState == "23505" && error.constraint == "nostr_events_by_event_id"
    }
}

// MARK: - Halving

extension CacheWriter {
    /// Writes the two halves of a batch that was refused; of a single event, what stands around it.
    private func halve(
        _ items: ArraySlice<CacheItem>, after error: PostgresError, on session: PostgresSession
    ) throws -> BatchOutcome {
        let events = items.indices.filter { items[$0].holdsEvent }
        guard let first = events.first else { throw error }
        guard events.count > 1 else { return try self.isolate(first, of: items, after: error, on: session) }
        // In front of the middle event: a coverage item stays with the events ahead of it.
        let middle = events[events.count / 2]
        var outcome = try self.write(items[..<middle], on: session)
        outcome.append(try self.write(items[middle...], on: session))
        return outcome
    }

    /// Finds out whether the event or something beside it was refused, and quarantines the event if it was.
    private func isolate(
        _ index: Int, of items: ArraySlice<CacheItem>, after error: PostgresError, on session: PostgresSession
    ) throws -> BatchOutcome {
        if items.count > 1 {
            var outcome = BatchOutcome(outcomes: [])
            for part in [items[..<index], items[index...index], items[(index + 1)...]] where !part.isEmpty {
                outcome.append(try self.write(part, on: session))
            }
            return outcome
        }
        guard case .event(let verified, let relay, _) = items[index] else { throw error }
        let quarantined = QuarantinedEvent(
            event: verified, raw: verified.event.json, reason: .unstorable, relay: relay, sqlState: error.sqlState)
        return try self.commit([.quarantine(quarantined)], on: session)
    }
}

extension CacheItem {
    fileprivate var holdsEvent: Bool {
        switch self {
        case .event, .quarantine: true
        case .coverage, .hole, .sighting, .heartbeat: false
        }
    }
}

extension BatchOutcome {
    /// Adds what the next part of the same batch came to.
    fileprivate mutating func append(_ next: BatchOutcome) {
        self.outcomes += next.outcomes
        self.profilesChanged += next.profilesChanged
        self.profilesUnreadable += next.profilesUnreadable
        self.supersededRows += next.supersededRows
        self.deletedRows += next.deletedRows
        self.quarantineDropped += next.quarantineDropped
        self.transactions += next.transactions
        self.lastIngestSeq = next.lastIngestSeq ?? self.lastIngestSeq
    }
}
