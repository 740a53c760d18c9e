package import Nostr

/// A small signed social network, the same to the last byte for the same seed and options.
///
/// The order of ``events`` is the order in which they were published: what one refers to stands before it, and
/// `created_at` mostly grows.
package struct SocialWorld: Sendable {
    package let options: Options
    package let events: [Event]

    package init(seed: UInt64, options: Options = Options()) {
        self.options = options
        var generator = SocialGenerator(seed: seed, options: options)
        let times = Self.times(seed: seed, options)
        var events: [Event] = []
        events.reserveCapacity(options.count)
        var ids: Set<EventID> = []
        for time in times {
            // Two equal votes of one author in one second are one event.
            var event = generator.next(at: time)
            while !ids.insert(event.id).inserted { event = generator.next(at: time) }
            events.append(event)
        }
        self.events = events
    }

    /// When each event is published, in order.
    private static func times(seed: UInt64, _ options: Options) -> [Timestamp] {
        var random = SplitMix64(seed: seed ^ 0x7469_6D65)
        let span = max(1, Int(options.span))
        var seconds = (0..<max(0, options.count)).map { _ in random.below(span) }.sorted()
        for density in options.densities where density.events <= seconds.count && density.events > 0 {
            let first = random.below(seconds.count - density.events + 1)
            let start = seconds[first]
            for index in 0..<density.events {
                seconds[first + index] = start + index * density.seconds / density.events
            }
        }
        return seconds.sorted().map { options.start + Int64($0) }
    }
}

extension SocialWorld {
    package struct Options: Hashable, Sendable {
        package var count = 10_000
        package var start = Timestamp(1_760_000_000)
        /// Seconds from the first to the last event.
        package var span: Int64 = 30 * 86_400
        /// Nil means one for every twelve events, at most 20,000.
        package var authors: Int?
        package var communities = 24
        /// What there is how much of; only the proportions matter.
        package var shares = Options.shares
        package var densities: [Density] = []
        /// Of posts, replies and notes: those that carry the labels `L agent` and `l ai agent`.
        package var aiShare = 0.4
        /// Of notes and posts: those with an `expiration`, soon or late.
        package var expirationShare = 0.02
        /// Of all texts: those with other scripts, escapes and control characters.
        package var unicodeShare = 0.2
        /// Of notes: those with U+0000, which PostgreSQL cannot store.
        package var nulShare = 0.0

        package init() {}

        package static let shares: [Family: Double] = [
            .profile: 6, .post: 14, .reply: 22, .vote: 28, .zap: 6, .label: 4, .deletion: 3, .relayList: 2,
            .article: 4, .articleComment: 2, .note: 5, .community: 1, .approval: 2, .externalReaction: 1,
            .ephemeral: 0.2, .vanish: 0,
        ]
    }

    /// So many events within so many seconds.
    package struct Density: Hashable, Sendable {
        package var events: Int
        package var seconds: Int

        package init(events: Int, seconds: Int = 1) {
            self.events = events
            self.seconds = seconds
        }
    }

    package enum Family: String, CaseIterable, Sendable {
        /// Kind 0.
        case profile
        /// Kind 1111 in a community that is a URL.
        case post
        /// Kind 1111 below another.
        case reply
        /// Kind 7 on a comment.
        case vote
        /// Kind 9735, with the 9734 and the invoice in it.
        case zap
        /// Kind 1985.
        case label
        /// Kind 5.
        case deletion
        /// Kind 10002.
        case relayList
        /// Kind 30023.
        case article
        /// Kind 1111 on an article.
        case articleComment
        /// Kind 1.
        case note
        /// Kind 34550.
        case community
        /// Kind 4550.
        case approval
        /// Kind 17.
        case externalReaction
        /// Kind 20001.
        case ephemeral
        /// Kind 62, to all relays.
        case vanish
    }
}

extension SocialWorld {
    /// All events as JSONL, in order.
    package var jsonl: [UInt8] {
        var text: [UInt8] = []
        for event in self.events {
            text.append(contentsOf: event.json)
            text.append(UInt8(ascii: "\n"))
        }
        return text
    }
}
