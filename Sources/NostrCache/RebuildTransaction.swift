import Nostr
import Postgres

/// One step of ``CacheRebuild``: some stored events, derived again within an open transaction.
///
/// The events go through the same plan as new ones, as if none of them were stored: whatever the plan would not write is
/// there in error and is removed. Counters are left alone; they are counted again at the end.
struct RebuildTransaction {
    struct Step {
        var events = 0
        var damaged = 0
        var removed = 0
        /// The last event of the step; nil when there was none.
        var last: EventID?
    }

    /// What a vanish request binds beyond this is for the sweep.
    private static let removalsMax = 2_000

    private let rules: CacheRules
    private let keys: PublicKeyCache

    init(rules: CacheRules, keys: PublicKeyCache) {
        self.rules = rules
        self.keys = keys
    }

    func run(after id: EventID?, limit: Int, on session: PostgresSession) throws(PostgresError) -> Step {
        let stored = try StoredEvent.page(after: id, limit: limit, on: session)
        let verifier = EventVerifier(keys: self.keys)
        var step = Step(events: stored.count, last: stored.last?.id)
        var items: [CacheItem] = []
        for row in stored {
            if let event = row.event, let verified = try? verifier.verify(event), event.id == row.id {
                items.append(.event(verified, relay: row.relay, seenAt: row.seenAt))
            } else {
                step.damaged += 1
            }
        }
        guard !items.isEmpty else { return step }
        var plan = BatchPlan(items[...])
        try self.decide(&plan, on: session)
        step.removed = try self.write(plan, items, verifier, on: session)
        return step
    }

    private func decide(_ plan: inout BatchPlan, on session: PostgresSession) throws(PostgresError) {
        let coordinates = Array(plan.coordinates.keys)
        var list = StatementList()
        let deleted = list.add(CacheStatements.deletedEvents(plan.ids))
        let vanishes = list.add(CacheStatements.vanishes(of: plan.owners))
        let heads = coordinates.isEmpty ? nil : list.add(CacheStatements.heads(coordinates))
        let results = try session.pipeline(list.statements)
        var probe = BatchPlan.Probe()
        probe.read(deleted: results[deleted], vanishes: results[vanishes])
        if let heads { probe.read(heads: results[heads], of: coordinates) }
        plan.decide(probe, ownURLs: self.rules.ownURLs)
    }

    private func write(
        _ plan: BatchPlan, _ items: [CacheItem], _ verifier: borrowing EventVerifier, on session: PostgresSession
    ) throws(PostgresError) -> Int {
        var companions = CompanionRows()
        var columns = RebuildStatements.DerivedColumns()
        for index in plan.inserts {
            guard case .event(let verified, _, _) = items[index] else { continue }
            let row = EventRow(verified, bases: self.rules.communityBases)
            columns.append(row)
            companions.add(row, verifier: verifier)
        }
        let ids = Array(plan.ids)
        let bound = try CacheStatements.takeBack(plan.marks, limit: Self.removalsMax, on: session)
        let gone = Set(ids).subtracting(plan.insertedIDs).union(plan.superseded).union(bound.ids).sorted()
        var list = StatementList()
        list.add(CacheStatements.removeCompanions(of: ids))
        list.add(CacheStatements.remove(gone))
        let removed = list.statements.count - 1
        list.add(companions.statements)
        if let statement = columns.statement { list.add(statement) }
        if !plan.heads.isEmpty { list.add(CacheStatements.raise(plan.heads)) }
        if !plan.withdrawnProfiles.isEmpty { list.add(CacheStatements.removeProfiles(of: plan.withdrawnProfiles)) }
        if !plan.profiles.isEmpty { list.add(CacheStatements.project(plan.profiles)) }
        if !plan.profileAuthors.isEmpty {
            list.add(CacheStatements.validateProfiles(of: plan.profileAuthors.sorted()))
        }
        if bound.isAll, !plan.marks.vanishes.isEmpty { list.add(CacheStatements.notePurged(plan.marks)) }
        list.add(CacheStatements.judge(companions.receipts, for: gone, trusted: self.rules.trustedProviders))
        list.add(RebuildStatements.represent(companions.payments))
        return try session.pipeline(list.statements)[removed].affectedRows
    }
}
