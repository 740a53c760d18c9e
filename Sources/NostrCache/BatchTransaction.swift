import Nostr
import Postgres

/// One transaction of the writer: probe, decide, load, companion rows, coverage, NOTIFY, COMMIT.
///
/// Three round trips, two where there is no COPY: COPY cannot be part of a pipeline, everything else is.
struct BatchTransaction {
    private let items: ArraySlice<CacheItem>
    private let bases: CommunityBases
    private let limits: CacheWriterLimits
    private let mayCopy: Bool
    private var plan: BatchPlan
    private let ledger: LedgerPlan
    private var hasQuarantine = false

    init(_ items: ArraySlice<CacheItem>, bases: CommunityBases, limits: CacheWriterLimits, mayCopy: Bool) {
        self.items = items
        self.bases = bases
        self.limits = limits
        self.mayCopy = mayCopy
        self.plan = BatchPlan(items)
        self.ledger = LedgerPlan(items)
    }

    mutating func run(on session: PostgresSession) throws(PostgresError) -> BatchOutcome {
        precondition(!session.isUsable || !session.isInTransaction, "A batch within a transaction")
        do throws(PostgresError) {
            return try self.steps(on: session)
        } catch {
            Self.rollBack(session)
            throw error
        }
    }

    private mutating func steps(on session: PostgresSession) throws(PostgresError) -> BatchOutcome {
        var pending = Pending()
        if self.plan.hasEvents {
            try self.probe(on: session)
            let rows = self.plan.inserts.count
            if self.mayCopy, rows > self.limits.copyRowsMin {
                try self.copy().finish { (rows) throws(PostgresError) in
                    try session.copyIn(CacheStatements.copyEvents, rows)
                }
            } else if rows > 0 {
                pending.add(CacheStatements.insert(self.arrays()), as: .insert)
            }
        } else if self.plan.quarantined.isEmpty, self.ledger.isEmpty {
            pending.add(CacheStatements.ping)
            _ = try session.pipeline(pending.statements)
            return BatchOutcome(outcomes: self.plan.settled)
        } else {
            pending.add(CacheStatements.begin)
        }
        self.addCompanions(to: &pending)
        for statement in CacheStatements.ledger(self.ledger) { pending.add(statement) }
        if !self.plan.inserts.isEmpty { pending.add(CacheStatements.notify, as: .notify) }
        pending.add(CacheStatements.commit)
        let results = try session.pipeline(pending.statements)
        return self.outcome(pending, results)
    }

    // MARK: - Before the rows

    /// Asks which ids are there and what the current versions are, under the lock that keeps the answer true.
    private mutating func probe(on session: PostgresSession) throws(PostgresError) {
        let coordinates = Array(self.plan.coordinates.keys)
        var statements = [
            CacheStatements.begin, CacheStatements.lockSequence, CacheStatements.existing(self.plan.ids),
            CacheStatements.hasQuarantine,
        ]
        if !coordinates.isEmpty { statements.append(CacheStatements.heads(coordinates)) }
        let results = try session.pipeline(statements)
        self.hasQuarantine = results[3].first?[0].bool ?? false
        var heads: [BatchPlan.Coordinate: BatchPlan.Head] = [:]
        if !coordinates.isEmpty {
            for row in results[4] {
                guard let number = row[0].int8, let createdAt = row[1].int8, let id = row[2].eventID else { continue }
                heads[coordinates[Int(number) - 1]] = BatchPlan.Head(createdAt: Timestamp(createdAt), id: id)
            }
        }
        self.plan.decide(existing: Set(results[2].lazy.compactMap { $0[0].eventID }), heads: heads)
    }

    // MARK: - The rows

    private func copy() -> EventCopy {
        var rows = EventCopy(rows: self.plan.inserts.count, canonicalBytes: self.plan.canonicalBytes)
        var scratch: [UInt8] = []
        for index in self.plan.inserts {
            guard case .event(let verified, let relay, let seenAt) = self.items[index] else { continue }
            rows.append(EventRow(verified, bases: self.bases), relay: relay, seenAt: seenAt, scratch: &scratch)
        }
        return rows
    }

    private func arrays() -> EventArrays {
        var rows = EventArrays()
        var scratch: [UInt8] = []
        for index in self.plan.inserts {
            guard case .event(let verified, let relay, let seenAt) = self.items[index] else { continue }
            rows.append(EventRow(verified, bases: self.bases), relay: relay, seenAt: seenAt, scratch: &scratch)
        }
        return rows
    }

    // MARK: - Beside the rows

    /// The statements of the last round trip, and which answers are of interest.
    private struct Pending {
        enum Answer { case insert, superseded, profiles, trim, notify }

        var statements: [PostgresStatement] = []
        var answers: [(Answer, index: Int)] = []

        mutating func add(_ statement: PostgresStatement, as answer: Answer? = nil) {
            if let answer { self.answers.append((answer, self.statements.count)) }
            self.statements.append(statement)
        }
    }

    private func addCompanions(to pending: inout Pending) {
        if !self.plan.superseded.isEmpty {
            pending.add(CacheStatements.delete(self.plan.superseded), as: .superseded)
        }
        if !self.plan.heads.isEmpty { pending.add(CacheStatements.raise(self.plan.heads)) }
        if !self.plan.profiles.isEmpty { pending.add(CacheStatements.project(self.plan.profiles), as: .profiles) }
        if !self.plan.unreadableAuthors.isEmpty {
            pending.add(CacheStatements.invalidateProfiles(of: self.plan.unreadableAuthors))
        }
        if !self.plan.quarantined.isEmpty { pending.add(CacheStatements.quarantine(self.plan.quarantined)) }
        if !self.plan.inserts.isEmpty, self.hasQuarantine || !self.plan.quarantined.isEmpty {
            pending.add(CacheStatements.release(self.plan.inserts.compactMap { self.items[$0].eventID }))
        }
        if !self.plan.quarantined.isEmpty {
            pending.add(
                CacheStatements.trimQuarantine(
                    rowsMax: self.limits.quarantineRowsMax, bytesMax: self.limits.quarantineBytesMax),
                as: .trim)
        }
    }

    private mutating func outcome(_ pending: Pending, _ results: [PostgresResult]) -> BatchOutcome {
        var outcome = BatchOutcome(outcomes: [])
        for (answer, index) in pending.answers {
            switch answer {
            case .insert: self.correct(results[index])
            case .superseded: outcome.supersededRows = results[index].affectedRows
            case .profiles: outcome.profilesChanged = results[index].affectedRows
            case .trim: outcome.quarantineDropped = results[index].affectedRows
            case .notify: outcome.lastIngestSeq = results[index].first?["ingest_seq"].int8
            }
        }
        outcome.outcomes = self.plan.settled
        outcome.profilesUnreadable = self.plan.unreadableProfiles
        outcome.transactions = 1
        return outcome
    }

    /// What ON CONFLICT skipped was stored by somebody without the lock.
    private mutating func correct(_ inserted: PostgresResult) {
        guard inserted.count < self.plan.inserts.count else { return }
        let written = Set(inserted.lazy.compactMap { $0[0].eventID })
        for item in self.plan.inserts {
            guard let id = self.items[item].eventID, !written.contains(id) else { continue }
            self.plan.markDuplicate(item: item)
        }
    }

    /// Leaves the transaction block, or the connection where that fails.
    private static func rollBack(_ session: PostgresSession) {
        guard session.isUsable, session.isInTransaction else { return }
        do throws(PostgresError) {
            try session.executeScript("ROLLBACK")
        } catch {
            session.close()
        }
    }
}

extension CacheItem {
    fileprivate var eventID: EventID? {
        guard case .event(let verified, _, _) = self else { return nil }
        return verified.event.id
    }
}

extension PostgresCell {
    var eventID: EventID? {
        self.bytes.flatMap { Bytes32(bytes: $0) }.map(EventID.init)
    }
}
