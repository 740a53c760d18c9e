import Nostr

/// What a set of replies that appear or disappear together changes of the descendants above them.
///
/// A descendant of `t` is a stored reply that is reached from `t` by parent links in at most ``levelsMax`` steps, each
/// over a stored reply; it is one for readers of AI posts when all of them are AI. So what changes are the pairs of `t` and
/// a descendant whose path holds a reply of the set. Each such pair is counted at the one of them that is nearest to `t`:
/// climb from every reply of the set up to the next one of the set, and give every step what hangs below where the climb
/// began, as deep as the levels allow. Links are ids of what was there first, so there are no circles.
struct ThreadDifference {
    /// The depth of a thread as it is counted and shown.
    static let levelsMax = 20

    struct Reply {
        let id: EventID
        let parent: NamedID
        let isAI: Bool
    }

    /// A stored reply above the set.
    struct Link {
        let parent: NamedID?
        let isAI: Bool
    }

    /// How many replies are how far below one of the set.
    struct Depths {
        private(set) var all = [Int](repeating: 0, count: ThreadDifference.levelsMax)
        private(set) var ai = [Int](repeating: 0, count: ThreadDifference.levelsMax)

        mutating func set(all: Int, ai: Int, at depth: Int) {
            self.all[depth] = all
            self.ai[depth] = ai
        }
    }

    let replies: [Reply]
    let set: Set<EventID>
    /// By id; an id that is not here is no stored reply.
    var above: [NamedID: Link] = [:]
    /// By id; a reply that is not here has nothing below it.
    var below: [NamedID: Depths] = [:]

    init(_ replies: [Reply]) {
        self.replies = replies
        self.set = Set(replies.lazy.map(\.id))
    }

    /// Adds the differences to `changes`, as gains or, with `sign` −1, as losses.
    func apply(sign: Int, to changes: inout StatsChanges) {
        for reply in self.replies {
            let depths = self.below[NamedID(reply.id)]
            var target = reply.parent
            var isAIPath = reply.isAI
            for distance in 1...Self.levelsMax {
                // What is `depth` below the reply is distance + depth below the target.
                let levels = Self.levelsMax - distance
                let all = 1 + (depths?.all.prefix(levels + 1).reduce(0, +) ?? 0)
                let ai = isAIPath ? 1 + (depths?.ai.prefix(levels + 1).reduce(0, +) ?? 0) : 0
                changes.change(target) {
                    $0.descendants += sign * all
                    $0.descendantsAI += sign * ai
                }
                guard !self.set.contains(target.id), let link = self.above[target], let parent = link.parent else {
                    break
                }
                isAIPath = isAIPath && link.isAI
                target = parent
            }
        }
    }
}
