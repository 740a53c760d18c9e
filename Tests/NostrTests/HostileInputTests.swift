import Nostr
import Testing

/// The largest events that are accepted, made to be slow: every reader must take time in proportion to their size.
struct HostileInputTests {
    enum Shape: String, CaseIterable, Sendable {
        /// As many tags as an event may have, all different, all of interest.
        case manyTags
        /// The same tag over and over.
        case equalTags
        /// One value as long as an event may be.
        case longValue
        /// One tag of very many elements.
        case wideTag
        /// JSON in the content that nests as deep as it is long.
        case deepContent
    }

    static func event(_ shape: Shape, size: Int) throws -> Event {
        let key = String(repeating: "a1", count: 32)
        let names = [
            "e", "E", "a", "A", "i", "I", "k", "K", "p", "P", "q", "r", "relay", "option", "response", "imeta", "l",
        ]
        var tags: [[String]] = []
        var content = ""
        switch shape {
        case .manyTags:
            for index in 0..<(2_500 * size) {
                let digits = String(index)
                let id = String(repeating: "0", count: 64 - digits.utf8.count) + digits
                switch names[index % names.count] {
                case "e", "E", "p", "P", "q": tags.append([names[index % names.count], id])
                case "a", "A": tags.append([names[index % names.count], "34550:\(key):\(index)"])
                case "i", "I": tags.append([names[index % names.count], "https://e.com/../\(index)"])
                case "r", "relay": tags.append([names[index % names.count], "wss://\(index).example"])
                case "imeta": tags.append(["imeta", "url https://e.com/\(index)", "alt x"])
                case let name: tags.append([name, digits, "agent"])
                }
            }
        case .equalTags:
            tags = Array(repeating: ["a", "34550:\(key):x"], count: 1_250 * size)
        case .longValue:
            tags = names.map { [$0, String(repeating: "https://é/../%", count: 250 * size), "root"] }
            content = "{\"name\":\"" + String(repeating: " \\u0001é", count: 4_000 * size) + "\"}"
        case .wideTag:
            tags = [["imeta"] + Array(repeating: "fallback x", count: 4_000 * size)]
            content = String(repeating: "nostr:npub1", count: 5_000 * size)
        case .deepContent:
            tags = [["e", key], ["a", "34550:\(key):x"]]
            content = String(repeating: "[{\"a\":", count: 10_000 * size)
        }
        return try Event.unsigned(tags: tags, content: content)
    }

    struct Reader: Sendable {
        let name: String
        let read: @Sendable (Event) -> Int

        init(_ name: String, _ read: @escaping @Sendable (Event) -> Int) {
            self.name = name
            self.read = read
        }
    }

    static let readers = [
        Reader("comment") { CommentEvent($0)?.flags.count ?? 0 },
        Reader("thread") { NoteThread($0).mentions.count },
        Reader("repost") { Repost($0, verifier: EventVerifier(keys: Pipeline.keys), now: .zero)?.flags.count ?? 0 },
        Reader("community") { Community($0).others.count },
        Reader("posts") { CommunityPost.all(in: $0).count },
        Reader("approval") {
            CommunityApproval($0, verifier: EventVerifier(keys: Pipeline.keys), now: .zero).rows.count
        },
        Reader("relay list") { RelayList($0).entries.count },
        Reader("list") { PublicList($0).items.count },
        Reader("marks") { Marks($0).isSensitive ? 1 : 0 },
        Reader("report") { ReportEvent($0)?.flags.count ?? 0 },
        Reader("profile") { Profile(content: $0.contentBytes)?.flags.count ?? 0 },
        Reader("attachments") { MediaAttachment.all(in: $0).count },
        Reader("poll") { Poll($0).options.count },
        Reader("vote") { PollVote($0)?.responses.count ?? 0 },
        Reader("references") { NostrReference.all(in: $0.contentBytes).count },
    ]

    /// Four times the size may take four times as long; a quadratic reader takes sixteen. The best of three runs, for
    /// other work on the machine only ever adds.
    @Test(.serialized, arguments: Shape.allCases)
    func `a reader takes time in proportion to the event`(shape: Shape) throws {
        let clock = ContinuousClock()
        let small = try Self.event(shape, size: 1)
        let large = try Self.event(shape, size: 4)
        for reader in Self.readers {
            func time(_ event: Event) -> Duration {
                (0..<3).map { _ in clock.measure { _ = reader.read(event) } }.min() ?? .zero
            }
            let (short, long) = (time(small), time(large))
            // What is done in less than this is not slow, and too short to be measured on a busy machine.
            #expect(long < max(short * 9, .milliseconds(250)), "\(reader.name): \(short) grew to \(long)")
        }
    }
}
