import Nostr
import Postgres

/// The groups of reactions that some rows belong to, which a transaction inserts or removes.
///
/// What a group counts for is a function of its rows: of votes the newest one, of equal emoji whether there is any. The
/// difference that the changed rows make is between the group with them and the group without them, and one look at the
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

    /// Where the answers are.
    struct Question {
        fileprivate let votes: Int?
        fileprivate let emoji: Int?
    }

    /// A group, and which of its rows the transaction changes.
    struct Group<Key> {
        let key: Key
        fileprivate(set) var rows: [EventID]
    }

    private(set) var votes: [Group<Vote>] = []
    private(set) var emoji: [Group<Emoji>] = []
    private var numbers: (votes: [Vote: Int], emoji: [Emoji: Int]) = ([:], [:])

    mutating func insert(_ vote: Vote, row: EventID) {
        if let number = self.numbers.votes[vote] {
            self.votes[number].rows.append(row)
        } else {
            self.numbers.votes[vote] = self.votes.count
            self.votes.append(Group(key: vote, rows: [row]))
        }
    }

    mutating func insert(_ emoji: Emoji, row: EventID) {
        if let number = self.numbers.emoji[emoji] {
            self.emoji[number].rows.append(row)
        } else {
            self.numbers.emoji[emoji] = self.emoji.count
            self.emoji.append(Group(key: emoji, rows: [row]))
        }
    }

    /// - Parameter rows: the answer to ``CacheStatements/reactionGroups(of:)``.
    mutating func insert(_ rows: PostgresResult) {
        for row in rows {
            guard let id = row[0].eventID, let target = row[1].eventID.map(NamedID.init), let pubkey = row[2].publicKey
            else { continue }
            if let key = row[3].textBytes {
                self.insert(Emoji(target: target, key: Array(key), pubkey: pubkey), row: id)
            } else {
                self.insert(Vote(target: target, pubkey: pubkey), row: id)
            }
        }
    }

    /// Asks for the best rows of each group while the rows that the transaction changes are among them: one more than
    /// these, so that the best of the others is there as well.
    ///
    /// - Returns: nil where there are no groups.
    func ask(in list: inout StatementList) -> Question? {
        guard !self.votes.isEmpty || !self.emoji.isEmpty else { return nil }
        return Question(
            votes: self.votes.isEmpty ? nil : list.add(CacheStatements.votes(self.votes)),
            emoji: self.emoji.isEmpty ? nil : list.add(CacheStatements.emoji(self.emoji)))
    }

    /// Adds what the changed rows make of their groups, as gains or, with `sign` −1, as losses.
    func apply(_ question: Question, _ results: [PostgresResult], sign: Int, to changes: inout StatsChanges) {
        if let votes = question.votes { self.applyVotes(results[votes], sign: sign, to: &changes) }
        if let emoji = question.emoji { self.applyEmoji(results[emoji], sign: sign, to: &changes) }
    }

    private func applyVotes(_ rows: PostgresResult, sign: Int, to changes: inout StatsChanges) {
        // Whether the vote that counts is a like, with the changed rows and without them; nil without a vote.
        var with = [Bool?](repeating: nil, count: self.votes.count)
        var without = with
        for row in rows {
            guard let number = row[0].int8.map({ Int($0) - 1 }), let id = row[1].eventID else { continue }
            if with[number] == nil { with[number] = row[2].bool }
            if without[number] == nil, !self.votes[number].rows.contains(id) { without[number] = row[2].bool }
        }
        for (number, vote) in self.votes.enumerated() where with[number] != without[number] {
            changes.change(vote.key.target) {
                $0.up += sign * ((with[number] == true ? 1 : 0) - (without[number] == true ? 1 : 0))
                $0.down += sign * ((with[number] == false ? 1 : 0) - (without[number] == false ? 1 : 0))
            }
        }
    }

    private func applyEmoji(_ rows: PostgresResult, sign: Int, to changes: inout StatsChanges) {
        var hasOthers = [Bool](repeating: false, count: self.emoji.count)
        for row in rows {
            guard let number = row[0].int8.map({ Int($0) - 1 }), let id = row[1].eventID else { continue }
            if !self.emoji[number].rows.contains(id) { hasOthers[number] = true }
        }
        for (number, emoji) in self.emoji.enumerated() where !hasOthers[number] {
            changes.change(emoji.key.target) { $0.reactions += sign }
            changes.change(Count(target: emoji.key.target, emoji: emoji.key.key), by: sign)
        }
    }
}
