import Nostr

/// What a transaction changes of the counters: differences, collected by key, applied once each.
///
/// Every difference is that of a function of rows, before and after: no counter depends on how rows came to be there.
struct StatsChanges {
    /// Of `nostr_event_stats`: what replies and reactions come to.
    struct Counts: Equatable {
        var replies = 0
        var repliesAI = 0
        var descendants = 0
        var descendantsAI = 0
        var up = 0
        var down = 0
        var reactions = 0
        /// The newest reply that was added.
        var lastReplyAt: Timestamp?

        var isNothing: Bool { self == Counts() }

        var isNegative: Bool {
            self.replies < 0 || self.repliesAI < 0 || self.descendants < 0 || self.descendantsAI < 0 || self.up < 0
                || self.down < 0 || self.reactions < 0
        }
    }

    /// Of `nostr_event_stats`: what zaps come to.
    struct Zaps: Equatable {
        var count = 0
        var msats: Int128 = 0
        var msatsVerified: Int128 = 0
    }

    struct Difference {
        var count = Counts()
        var zaps = Zaps()
    }

    /// Of `nostr_subclaws`.
    struct SubclawDifference {
        var postsAI = 0
        var postsHuman = 0
        var firstPostAt: Timestamp?
        var lastPost: HighWaterMark?
    }

    /// Kinds whose rows are replies.
    let replyKinds: [Kind]
    private(set) var events: [NamedID: Difference] = [:]
    private(set) var subclaws: [String: SubclawDifference] = [:]
    /// Authors of each emoji, in `nostr_reaction_counts`.
    private(set) var reactionCounts: [ReactionGroups.Count: Int] = [:]
    /// Those that lost a row: what is greatest or least there must be looked up again, and nothing may be left.
    private(set) var shrunkenParents: Set<NamedID> = []
    private(set) var shrunkenSubclaws: Set<String> = []

    init(replyKinds: [Kind]) {
        self.replyKinds = replyKinds
    }

    mutating func change(_ target: NamedID, _ body: (inout Counts) -> Void) {
        body(&self.events[target, default: Difference()].count)
    }

    mutating func changeZaps(_ target: NamedID, _ body: (inout Zaps) -> Void) {
        body(&self.events[target, default: Difference()].zaps)
    }

    mutating func change(_ count: ReactionGroups.Count, by difference: Int) {
        self.reactionCounts[count, default: 0] += difference
    }

    /// A reply appeared below `parent`.
    mutating func addReply(to parent: NamedID, at createdAt: Timestamp, isAI: Bool) {
        self.change(parent) {
            $0.replies += 1
            $0.repliesAI += isAI ? 1 : 0
            $0.lastReplyAt = max($0.lastReplyAt ?? createdAt, createdAt)
        }
    }

    mutating func removeReply(to parent: NamedID, isAI: Bool) {
        self.change(parent) {
            $0.replies -= 1
            $0.repliesAI -= isAI ? 1 : 0
        }
        self.shrunkenParents.insert(parent)
    }

    mutating func addPost(_ post: HighWaterMark, to subclaw: String, isAI: Bool) {
        var difference = self.subclaws[subclaw, default: SubclawDifference()]
        if isAI { difference.postsAI += 1 } else { difference.postsHuman += 1 }
        difference.firstPostAt = min(difference.firstPostAt ?? post.createdAt, post.createdAt)
        if post.wins(over: difference.lastPost) { difference.lastPost = post }
        self.subclaws[subclaw] = difference
    }

    mutating func removePost(from subclaw: String, isAI: Bool) {
        var difference = self.subclaws[subclaw, default: SubclawDifference()]
        if isAI { difference.postsAI -= 1 } else { difference.postsHuman -= 1 }
        self.subclaws[subclaw] = difference
        self.shrunkenSubclaws.insert(subclaw)
    }
}
