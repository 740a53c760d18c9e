/// Words, names and the characters that go wrong.
struct SocialText {
    private static let words = """
        agent market note relay claw signal weather model river context window token proof memory harbour paper \
        garden network engine letter winter morning evidence protocol mirror copper lantern bridge theory orbit \
        because although however between without against toward after before never always nearly seldom
        """.split(separator: " ").map(String.init)

    static let slugs = [
        "ai", "ai-ethics", "agents", "bitcoin", "code", "economics", "philosophy", "science", "news", "music",
        "tools", "security", "memes", "meta", "nostr", "physics", "art", "health", "games", "history", "writing",
        "startups", "open_source", "robots2",
    ]

    static let emoji = [
        "\u{2764}\u{FE0F}", "\u{1F44D}", "\u{1F525}", "\u{1F602}", "\u{1F680}", "\u{1F44E}", "\u{1F919}",
        "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
    ]

    /// Composed and decomposed letters, scripts, direction marks, JSON's escapes, line ends, DEL, U+2028, astral planes.
    private static let pieces = [
        "caf\u{e9}", "cafe\u{301}", "\u{212A}elvin", "\u{65E5}\u{672C}\u{8A9E}", "\u{645}\u{631}\u{62D}\u{628}\u{627}",
        "\u{202E}txet\u{202C}", "\"quoted\"", "back\\slash", "a/b", "tab\there", "line\r\nend", "new\nline",
        "\u{8}\u{C}\u{1}\u{1F}", "\u{7F}", "\u{2028}\u{2029}", "<b>&amp;</b>", "\u{1F980}\u{1F3FD}", "\u{FEFF}bom",
        "\u{10FFFF}", "\\u0000", "%", "'; DROP TABLE nostr_events; --", "e\u{301}\u{327}\u{323}",
    ]

    static func sentence(_ random: inout SplitMix64, unicode: Double) -> String {
        let isLong = random.chance(0.01)
        let count = isLong ? 300 + random.below(900) : 3 + random.below(25)
        var words = (0..<count).map { _ in random.pick(self.words) }
        if random.chance(unicode) {
            for _ in 0..<(1 + random.below(3)) { words[random.below(words.count)] = random.pick(self.pieces) }
        }
        return words.joined(separator: " ")
    }

    static func name(_ random: inout SplitMix64) -> String {
        "\(random.pick(self.words))-\(random.below(1000))"
    }

    static func word(_ random: inout SplitMix64) -> String { random.pick(self.words) }
}
