import Nostr
import Postgres

/// The groups of reactions that a transaction bears on, and how they stand.
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

    /// How the groups stand.
    struct Standing {
        /// Whether the vote that counts is a like; nil without a vote.
        fileprivate var isLike: [Bool?]
        /// Whether there is such a reaction.
        fileprivate var isThere: [Bool]
    }

    /// Where the answers are.
    struct Question {
        fileprivate let votes: Int?
        fileprivate let emoji: Int?
    }

    private var votes: [Vote] = []
    private var emoji: [Emoji] = []
    private var known: (votes: Set<Vote>, emoji: Set<Emoji>) = ([], [])

    var isEmpty: Bool { self.votes.isEmpty && self.emoji.isEmpty }

    mutating func insert(_ vote: Vote) {
        if self.known.votes.insert(vote).inserted { self.votes.append(vote) }
    }

    mutating func insert(_ emoji: Emoji) {
        if self.known.emoji.insert(emoji).inserted { self.emoji.append(emoji) }
    }

    mutating func formUnion(_ other: ReactionGroups) {
        for vote in other.votes { self.insert(vote) }
        for emoji in other.emoji { self.insert(emoji) }
    }

    /// - Parameter rows: the answer to ``CacheStatements/reactionGroups(of:)``.
    mutating func insert(_ rows: PostgresResult) {
        for row in rows {
            guard let target = row[0].eventID.map(NamedID.init), let pubkey = row[1].publicKey else { continue }
            if let key = row[2].textBytes {
                self.insert(Emoji(target: target, key: Array(key), pubkey: pubkey))
            } else {
                self.insert(Vote(target: target, pubkey: pubkey))
            }
        }
    }

    func ask(in list: inout StatementList) -> Question {
        Question(
            votes: self.votes.isEmpty ? nil : list.add(CacheStatements.votes(self.votes)),
            emoji: self.emoji.isEmpty ? nil : list.add(CacheStatements.emoji(self.emoji)))
    }

    func standing(_ question: Question, _ results: [PostgresResult]) -> Standing {
        var standing = Standing(
            isLike: Array(repeating: nil, count: self.votes.count),
            isThere: Array(repeating: false, count: self.emoji.count))
        if let votes = question.votes {
            for row in results[votes] {
                guard let number = row[0].int8 else { continue }
                standing.isLike[Int(number) - 1] = row[1].bool
            }
        }
        if let emoji = question.emoji {
            for row in results[emoji] {
                guard let number = row[0].int8 else { continue }
                standing.isThere[Int(number) - 1] = true
            }
        }
        return standing
    }

    /// Adds what is between two standings of the groups.
    func apply(from before: Standing, to after: Standing, _ changes: inout StatsChanges) {
        for (index, vote) in self.votes.enumerated() {
            let (old, new) = (before.isLike[index], after.isLike[index])
            guard old != new else { continue }
            changes.change(vote.target) {
                $0.up += (new == true ? 1 : 0) - (old == true ? 1 : 0)
                $0.down += (new == false ? 1 : 0) - (old == false ? 1 : 0)
            }
        }
        for (index, emoji) in self.emoji.enumerated() where before.isThere[index] != after.isThere[index] {
            let difference = after.isThere[index] ? 1 : -1
            changes.change(emoji.target) { $0.reactions += difference }
            changes.change(Count(target: emoji.target, emoji: emoji.key), by: difference)
        }
    }
}
