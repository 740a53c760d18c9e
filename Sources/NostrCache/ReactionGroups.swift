import Nostr
import Postgres

/// The groups of reactions that a transaction adds rows to or removes rows from.
///
/// What a group counts for is a function of its rows: of votes the newest one, of equal emoji whether there is any. The
/// difference that the changing rows make is between the group with them and the group without them, and one look at the
/// group tells both.
struct ReactionGroups {
    /// The votes of one author on one target.
    struct Vote: Hashable {
        let target: NamedID
        let pubkey: PublicKey
    }

    /// The reactions of one author to one target with one emoji.
    struct Emoji: Hashable {
        let target: NamedID
        let key: [UInt8]
        let pubkey: PublicKey
    }

    /// One emoji on one target.
    struct Count: Hashable, Comparable {
        let target: NamedID
        let emoji: [UInt8]

        static func < (left: Count, right: Count) -> Bool {
            left.target != right.target
                ? left.target < right.target : left.emoji.lexicographicallyPrecedes(right.emoji)
        }
    }

    /// A vote that competes: the newest counts, of equal times the one with the lowest id.
    struct Ballot {
        let mark: HighWaterMark
        let isLike: Bool
    }

    /// Where the answers are.
    struct Question {
        fileprivate let votes: Int?
        fileprivate let emoji: Int?
    }

    /// A group, with what a transaction adds to it and what it removes from it.
    private struct Group<Key, Best> {
        let key: Key
        var removed: [EventID] = []
        /// The best of the rows that are added.
        var added: Best?
    }

    private var votes: [Group<Vote, Ballot>] = []
    private var emoji: [Group<Emoji, Void>] = []
    private var numbers: (votes: [Vote: Int], emoji: [Emoji: Int]) = ([:], [:])

    mutating func add(_ vote: Vote, _ ballot: Ballot) {
        let number = self.number(of: vote)
        if ballot.mark.wins(over: self.votes[number].added?.mark) { self.votes[number].added = ballot }
    }

    mutating func add(_ emoji: Emoji) {
        self.emoji[self.number(of: emoji)].added = ()
    }

    private mutating func number(of vote: Vote) -> Int {
        if let number = self.numbers.votes[vote] { return number }
        self.votes.append(Group(key: vote))
        self.numbers.votes[vote] = self.votes.count - 1
        return self.votes.count - 1
    }

    private mutating func number(of emoji: Emoji) -> Int {
        if let number = self.numbers.emoji[emoji] { return number }
        self.emoji.append(Group(key: emoji))
        self.numbers.emoji[emoji] = self.emoji.count - 1
        return self.emoji.count - 1
    }

    mutating func formUnion(adding other: ReactionGroups) {
        for group in other.votes { if let ballot = group.added { self.add(group.key, ballot) } }
        for group in other.emoji where group.added != nil { self.add(group.key) }
    }

    /// Reactions that are removed.
    ///
    /// - Parameter rows: the answer to ``CacheStatements/reactionGroups(of:)``.
    mutating func remove(_ rows: PostgresResult) {
        for row in rows {
            guard let id = row[0].eventID, let target = row[1].eventID.map(NamedID.init), let pubkey = row[2].publicKey
            else { continue }
            if let key = row[3].textBytes {
                self.emoji[self.number(of: Emoji(target: target, key: Array(key), pubkey: pubkey))].removed.append(id)
            } else {
                self.votes[self.number(of: Vote(target: target, pubkey: pubkey))].removed.append(id)
            }
        }
    }

    /// Asks for the best stored rows of each group, before the rows change: one, and as many more as are removed, so that
    /// the best of those that stay is among them.
    ///
    /// - Returns: nil where there are no groups.
    func ask(in list: inout StatementList) -> Question? {
        guard !self.votes.isEmpty || !self.emoji.isEmpty else { return nil }
        return Question(
            votes: self.votes.isEmpty
                ? nil
                : list.add(
                    CacheStatements.votes(self.votes.map(\.key), limits: self.votes.map { $0.removed.count + 1 })),
            emoji: self.emoji.isEmpty
                ? nil
                : list.add(
                    CacheStatements.emoji(self.emoji.map(\.key), limits: self.emoji.map { $0.removed.count + 1 })))
    }

    /// Adds what the changing rows make of their groups.
    func apply(_ question: Question, _ results: [PostgresResult], to changes: inout StatsChanges) {
        if let votes = question.votes { self.applyVotes(results[votes], to: &changes) }
        if let emoji = question.emoji { self.applyEmoji(results[emoji], to: &changes) }
    }

    private func applyVotes(_ rows: PostgresResult, to changes: inout StatsChanges) {
        // The vote that counts before and afterwards; nil without a vote.
        var before = [Ballot?](repeating: nil, count: self.votes.count)
        var after = before
        for row in rows {
            guard let number = row[0].int8.map({ Int($0) - 1 }), let mark = row.mark(at: 1), let isLike = row[3].bool
            else { continue }
            let ballot = Ballot(mark: mark, isLike: isLike)
            if before[number] == nil { before[number] = ballot }
            if after[number] == nil, !self.votes[number].removed.contains(mark.id) { after[number] = ballot }
        }
        for (number, vote) in self.votes.enumerated() {
            if let added = vote.added, added.mark.wins(over: after[number]?.mark) { after[number] = added }
            let (old, new) = (before[number]?.isLike, after[number]?.isLike)
            guard old != new else { continue }
            changes.change(vote.key.target) {
                $0.up += (new == true ? 1 : 0) - (old == true ? 1 : 0)
                $0.down += (new == false ? 1 : 0) - (old == false ? 1 : 0)
            }
        }
    }

    private func applyEmoji(_ rows: PostgresResult, to changes: inout StatsChanges) {
        var isBefore = [Bool](repeating: false, count: self.emoji.count)
        var isAfter = self.emoji.map { $0.added != nil }
        for row in rows {
            guard let number = row[0].int8.map({ Int($0) - 1 }), let id = row[1].eventID else { continue }
            isBefore[number] = true
            if !self.emoji[number].removed.contains(id) { isAfter[number] = true }
        }
        for (number, emoji) in self.emoji.enumerated() where isBefore[number] != isAfter[number] {
            let difference = isAfter[number] ? 1 : -1
            changes.change(emoji.key.target) { $0.reactions += difference }
            changes.change(Count(target: emoji.key.target, emoji: emoji.key.key), by: difference)
        }
    }
}
