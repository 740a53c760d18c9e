import Nostr
import Postgres

/// One transaction of the writer: probe, decide, take back, load, derive, count, coverage, NOTIFY, COMMIT.
///
/// Round trips: one to probe, one for each COPY (which cannot be part of a pipeline), one for the rows and one for the
/// counters that follow from them; up to three more for a batch that takes something back.
struct BatchTransaction {
    private let items: ArraySlice<CacheItem>
    private let rules: CacheRules
    private let keys: PublicKeyCache
    private let limits: CacheWriterLimits
    /// Whether rows that the probe did not find are taken for absent.
    private let trustsProbe: Bool
    private var plan: BatchPlan
    private let ledger: LedgerPlan
    private var projection: Projection
    private var hasQuarantine = false
    /// Whether everything that the batch's vanish requests bind goes with it.
    private var isPurged = false

    init(
        _ items: ArraySlice<CacheItem>, rules: CacheRules, keys: PublicKeyCache, limits: CacheWriterLimits,
        trustsProbe: Bool
    ) {
        self.items = items
        self.rules = rules
        self.keys = keys
        self.limits = limits
        self.trustsProbe = trustsProbe
        self.plan = BatchPlan(items)
        self.ledger = LedgerPlan(items)
        self.projection = Projection(rules)
    }

    mutating func run(on session: PostgresSession) throws(PostgresError) -> BatchOutcome {
        precondition(!session.isUsable || !session.isInTransaction, "A batch within a transaction")
        do throws(PostgresError) {
            return try self.steps(on: session)
        } catch {
            session.leaveTransaction()
            throw error
        }
    }

    private mutating func steps(on session: PostgresSession) throws(PostgresError) -> BatchOutcome {
        guard self.plan.hasEvents || !self.plan.sightings.isEmpty else { return try self.withoutEvents(on: session) }
        try self.probe(on: session)
        try self.takeBack(on: session)
        var list = StatementList()
        try self.load(&list, on: session)
        let answers = self.addRows(to: &list)
        let questions = self.projection.askAfter(in: &list)
        let results = try session.pipeline(list.statements)
        self.projection.answer(questions, results)

        var last = StatementList()
        last.add(self.projection.counterStatements)
        if self.isPurged, !self.plan.marks.vanishes.isEmpty { last.add(CacheStatements.notePurged(self.plan.marks)) }
        last.add(CacheStatements.ledger(self.ledger))
        let notify = self.plan.inserts.isEmpty ? nil : last.add(CacheStatements.notify)
        last.add(CacheStatements.commit)
        let lastResults = try session.pipeline(last.statements)
        var outcome = self.outcome(answers, results)
        if let notify { outcome.lastIngestSeq = lastResults[notify].first?["ingest_seq"].int8 }
        return outcome
    }

    /// Quarantine, coverage, or a heartbeat.
    private func withoutEvents(on session: PostgresSession) throws(PostgresError) -> BatchOutcome {
        guard !self.plan.quarantined.isEmpty || !self.ledger.isEmpty else {
            _ = try session.pipeline([CacheStatements.ping])
            return BatchOutcome(outcomes: self.plan.settled)
        }
        var list = StatementList()
        list.add(CacheStatements.begin)
        let trim = self.addQuarantine(to: &list)
        list.add(CacheStatements.ledger(self.ledger))
        list.add(CacheStatements.commit)
        return self.outcome(Answers(trim: trim), try session.pipeline(list.statements))
    }

    // MARK: - Before the rows

    /// Asks which ids are there, what the current versions are and which marks there are, under the lock that keeps the
    /// answers true.
    private mutating func probe(on session: PostgresSession) throws(PostgresError) {
        let coordinates = Array(self.plan.coordinates.keys)
        var list = StatementList()
        list.add([CacheStatements.begin, CacheStatements.lockSequence])
        let existing = list.add(CacheStatements.existing(self.plan.ids))
        let hasQuarantine = list.add(CacheStatements.hasQuarantine)
        let deleted = list.add(CacheStatements.deletedEvents(self.plan.ids))
        let vanishes = list.add(CacheStatements.vanishes(of: self.plan.owners))
        let relayVanishes = list.add(CacheStatements.relayVanishes(of: self.plan.owners))
        let named = self.plan.namedRelays
        let relays = named.isEmpty ? nil : list.add(CacheStatements.relays(named))
        let heads = coordinates.isEmpty ? nil : list.add(CacheStatements.heads(coordinates))
        let results = try session.pipeline(list.statements)

        var probe = BatchPlan.Probe()
        self.hasQuarantine = results[hasQuarantine].first?[0].bool ?? false
        probe.existing = Set(results[existing].lazy.compactMap { $0[0].eventID })
        probe.read(deleted: results[deleted], vanishes: results[vanishes])
        probe.read(relayVanishes: results[relayVanishes])
        if let relays { probe.read(relays: results[relays]) }
        if let heads { probe.read(heads: results[heads], of: coordinates) }
        self.plan.decide(probe, ownURLs: self.rules.ownURLs)
    }

    // MARK: - What goes

    /// Stores the marks of the batch, finds what they bind, and prepares its removal.
    private mutating func takeBack(on session: PostgresSession) throws(PostgresError) {
        let bound = try CacheStatements.takeBack(
            self.plan.marks, sightings: self.rules.recordsSightings ? self.plan.sightings : [],
            limit: self.limits.removalsMax, on: session)
        self.isPurged = bound.isAll
        let ids = Set(self.plan.superseded).union(bound.ids)
        guard !ids.isEmpty else { return }
        try self.projection.remove(ids.sorted(), on: session)
    }

    // MARK: - The rows

    /// Sends the new events, or puts the statement that inserts them at the head of the list.
    private mutating func load(_ list: inout StatementList, on session: PostgresSession) throws(PostgresError) {
        let count = self.plan.inserts.count
        if count == 0 {
            try self.projection.before(on: session)
        } else if !self.trustsProbe {
            // Somebody inserts without the lock: nothing may follow from a row that is not ours.
            let inserted = try session.pipeline([CacheStatements.insert(self.arrays(), orIgnore: true)])
            self.correct(inserted[0])
            self.eachRow { (row, _, _, projection, verifier) in projection.insert(row, verifier: verifier) }
            try self.projection.before(on: session)
        } else if count > self.limits.copyRowsMin {
            var rows = EventCopy(rows: count, canonicalBytes: self.plan.canonicalBytes)
            var scratch: [UInt8] = []
            self.eachRow { (row, relay, seenAt, projection, verifier) in
                rows.append(row, relay: relay, seenAt: seenAt, scratch: &scratch)
                projection.insert(row, verifier: verifier)
            }
            try self.projection.before(on: session)
            try rows.finish { (rows) throws(PostgresError) in
                try session.copyIn(CacheStatements.copyEvents, rows)
            }
        } else {
            let arrays = self.arrays()
            self.eachRow { (row, _, _, projection, verifier) in projection.insert(row, verifier: verifier) }
            try self.projection.before(on: session)
            list.add(CacheStatements.insert(arrays, orIgnore: false))
        }
    }

    /// Derives the new rows, one after the other.
    private mutating func eachRow(
        _ body: (EventRow, RelayID?, Int64, inout Projection, borrowing EventVerifier) -> Void
    ) {
        // For what is embedded in an event.
        let verifier = EventVerifier(keys: self.keys)
        let inserts = self.plan.inserts
        for (position, index) in inserts.enumerated() {
            // By id, events are anywhere in memory.
            if position + 4 < inserts.count { self.items[inserts[position + 4]].prefetch() }
            if position + 2 < inserts.count { self.items[inserts[position + 2]].prefetchText() }
            guard case .event(let verified, let relay, let seenAt) = self.items[index] else { continue }
            let row = EventRow(verified, bases: self.rules.communityBases)
            body(row, self.plan.firstRelays[index] ?? relay, seenAt, &self.projection, verifier)
        }
    }

    private mutating func arrays() -> EventArrays {
        var rows = EventArrays()
        var scratch: [UInt8] = []
        self.eachRow { (row, relay, seenAt, _, _) in
            rows.append(row, relay: relay, seenAt: seenAt, scratch: &scratch)
        }
        return rows
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

    // MARK: - Beside the rows

    /// Where the answers of interest are.
    private struct Answers {
        var profiles: Int?
        var trim: Int?
    }

    private func addRows(to list: inout StatementList) -> Answers {
        var answers = Answers()
        list.add(self.projection.rowStatements)
        if !self.plan.heads.isEmpty { list.add(CacheStatements.raise(self.plan.heads)) }
        if !self.plan.withdrawnProfiles.isEmpty {
            list.add(CacheStatements.removeProfiles(of: self.plan.withdrawnProfiles))
        }
        if !self.plan.profiles.isEmpty { answers.profiles = list.add(CacheStatements.project(self.plan.profiles)) }
        if !self.plan.profileAuthors.isEmpty {
            list.add(CacheStatements.validateProfiles(of: self.plan.profileAuthors.sorted()))
        }
        if self.rules.recordsSightings, !self.plan.sightings.isEmpty {
            list.add(CacheStatements.sight(self.plan.sightings))
        }
        answers.trim = self.addQuarantine(to: &list)
        return answers
    }

    /// - Returns: where the answer is that says how many entries left.
    private func addQuarantine(to list: inout StatementList) -> Int? {
        if !self.plan.quarantined.isEmpty { list.add(CacheStatements.quarantine(self.plan.quarantined)) }
        if !self.plan.inserts.isEmpty, self.hasQuarantine || !self.plan.quarantined.isEmpty {
            list.add(CacheStatements.release(self.plan.insertedIDs))
        }
        guard !self.plan.quarantined.isEmpty else { return nil }
        return list.add(
            CacheStatements.trimQuarantine(
                rowsMax: self.limits.quarantineRowsMax, bytesMax: self.limits.quarantineBytesMax))
    }

    private func outcome(_ answers: Answers, _ results: [PostgresResult]) -> BatchOutcome {
        var outcome = BatchOutcome(outcomes: self.plan.settled)
        let superseded = Set(self.plan.superseded)
        outcome.supersededRows = self.projection.removed.ids.count { superseded.contains($0) }
        outcome.deletedRows = self.projection.removed.ids.count - outcome.supersededRows
        outcome.profilesChanged = answers.profiles.map { results[$0].affectedRows } ?? 0
        outcome.profilesUnreadable = self.plan.unreadableProfiles
        outcome.quarantineDropped = answers.trim.map { results[$0].affectedRows } ?? 0
        outcome.transactions = 1
        return outcome
    }
}

extension PostgresSession {
    /// Leaves the transaction block, or the connection where that fails.
    func leaveTransaction() {
        guard self.isUsable, self.isInTransaction else { return }
        do throws(PostgresError) {
            try self.executeScript("ROLLBACK")
        } catch {
            self.close()
        }
    }
}

extension CacheItem {
    fileprivate func prefetch() {
        if case .event(let verified, _, _) = self { verified.event.prefetch() }
    }

    fileprivate func prefetchText() {
        if case .event(let verified, _, _) = self { verified.event.prefetchText() }
    }

    fileprivate var eventID: EventID? {
        guard case .event(let verified, _, _) = self else { return nil }
        return verified.event.id
    }
}

extension PostgresCell {
    var eventID: EventID? { self.bytes.flatMap { Bytes32(bytes: $0) }.map(EventID.init) }

    var publicKey: PublicKey? { self.bytes.flatMap { Bytes32(bytes: $0) }.map(PublicKey.init) }
}
