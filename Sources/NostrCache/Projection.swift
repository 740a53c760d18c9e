import Nostr
import Postgres

/// What follows from the rows that one transaction inserts and removes: rows beside them, and counters.
///
/// Counters are functions of rows. For every key that a changed row bears on, the function is evaluated with the row and
/// without it, and the difference is applied: first what the removed rows take away, from the rows as they were, then what
/// the inserted ones add, to the rows as they will be. So the order in which rows came cannot show, and a removal takes
/// back exactly what the row had added. All writers hold the lock of the sequence, so nothing moves in between.
struct Projection {
    private let rules: CacheRules
    private var companions = CompanionRows()
    private(set) var removed = RemovedRows()
    private var inserted: [EventID] = []
    private var replies: [ThreadDifference.Reply] = []
    private var removedReactions = ReactionGroups()
    private var payments = PaymentGroups()
    /// Which receipt stood for each payment before the rows change; nil where no zap is concerned.
    private var representatives: [PaymentGroups.Representative?]?
    /// Receipts that stand for their payment now, and those that no longer do.
    private var receipts: (counted: [EventID], uncounted: [EventID]) = ([], [])
    private var changes: StatsChanges

    init(_ rules: CacheRules) {
        self.rules = rules
        self.changes = StatsChanges(replyKinds: rules.replyKinds)
    }

    // MARK: - Which rows

    /// A row that is about to be inserted.
    mutating func insert(_ row: EventRow, verifier: borrowing EventVerifier) {
        guard self.rules.derivesCompanions else { return }
        let event = row.event
        self.inserted.append(event.id)
        self.companions.add(row, verifier: verifier)
        if let parent = row.parentID, self.rules.replyKinds.contains(event.kind) {
            self.changes.addReply(to: NamedID(parent), at: event.createdAt, isAI: row.isAI)
            self.replies.append(ThreadDifference.Reply(id: event.id, parent: NamedID(parent), isAI: row.isAI))
        }
        if row.isTopLevel == true, let subclaw = row.subclaw {
            self.changes.addPost(HighWaterMark(event), to: subclaw, isAI: row.isAI)
        }
    }

    /// Rows that are about to be removed; an id without a row is not there.
    mutating func remove(_ ids: [EventID], on session: PostgresSession) throws(PostgresError) {
        precondition(self.removed.isEmpty, "Removed twice")
        let results = try session.pipeline([CacheStatements.facts(ids), CacheStatements.reactionGroups(of: ids)])
        self.removed = RemovedRows(facts: results[0], replyKinds: self.rules.replyKinds)
        self.removedReactions.insert(results[1])
        for reply in self.removed.replies { self.changes.removeReply(to: reply.parent, isAI: reply.isAI) }
        for post in self.removed.posts { self.changes.removePost(from: post.subclaw, isAI: post.isAI) }
    }

    // MARK: - Before and after

    /// Looks at what the changing rows bear on, before they change: a round trip, two where zaps are concerned.
    mutating func before(on session: PostgresSession) throws(PostgresError) {
        guard self.changesRows else { return }
        for hash in self.companions.payments { self.payments.insert(hash) }
        var list = StatementList()
        let payments = list.add(
            CacheStatements.payments(of: self.removed.ids, for: self.inserted + self.removed.ids))
        let reactions = self.removedReactions.ask(in: &list)
        let thread = self.removed.replies.isEmpty ? nil : self.ask(about: self.removed.replies, in: &list)
        let results = try session.pipeline(list.statements)
        if let reactions { self.removedReactions.apply(reactions, results, sign: -1, to: &self.changes) }
        if let thread { self.apply(thread, results, sign: -1) }
        self.payments.insert(results[payments])
        guard !self.payments.isEmpty else { return }
        self.representatives = self.payments.standing(try session.pipeline([self.payments.statement])[0])
    }

    private var changesRows: Bool { !self.inserted.isEmpty || !self.removed.isEmpty }

    /// The statements that change the rows beside those of `nostr_events`, and remove the latter.
    var rowStatements: [PostgresStatement] {
        let removals = self.removed.isEmpty ? [] : CacheStatements.remove(self.removed.ids)
        return removals + self.companions.statements
    }

    /// What is asked once the rows are as they will be.
    struct Questions {
        fileprivate var reactions: ReactionGroups.Question?
        fileprivate var payments: Int?
        fileprivate var thread: ThreadQuestion?
    }

    fileprivate struct ThreadQuestion {
        var difference: ThreadDifference
        let index: Int
    }

    func askAfter(in list: inout StatementList) -> Questions {
        var questions = Questions()
        questions.reactions = self.companions.reactionGroups.ask(in: &list)
        if self.representatives != nil {
            list.add(
                CacheStatements.judge(
                    self.companions.receipts, for: self.inserted + self.removed.ids,
                    trusted: self.rules.trustedProviders))
            questions.payments = list.add(self.payments.statement)
        }
        if !self.replies.isEmpty { questions.thread = self.ask(about: self.replies, in: &list) }
        return questions
    }

    mutating func answer(_ questions: Questions, _ results: [PostgresResult]) {
        if let question = questions.reactions {
            self.companions.reactionGroups.apply(question, results, sign: 1, to: &self.changes)
        }
        if let index = questions.payments, let before = self.representatives {
            let after = self.payments.standing(results[index])
            self.receipts = self.payments.apply(from: before, to: after, &self.changes)
        }
        if let thread = questions.thread { self.apply(thread, results, sign: 1) }
    }

    private func ask(about replies: [ThreadDifference.Reply], in list: inout StatementList) -> ThreadQuestion {
        let difference = ThreadDifference(replies)
        let index = list.statements.count
        list.add(difference.statements(kinds: self.rules.replyKinds))
        return ThreadQuestion(difference: difference, index: index)
    }

    private mutating func apply(_ thread: ThreadQuestion, _ results: [PostgresResult], sign: Int) {
        var difference = thread.difference
        difference.read(above: results[thread.index], below: results[thread.index + 1])
        difference.apply(sign: sign, to: &self.changes)
    }

    /// The statements that apply the differences.
    var counterStatements: [PostgresStatement] {
        CacheStatements.count(self.receipts) + CacheStatements.counters(self.changes)
    }
}
