import Nostr

// NIP-22: the root in upper case on every comment of a thread, the parent in lower case.
extension SocialGenerator {
    /// The address of a community, in one of the spellings that mean the same one.
    private mutating func communityURL() -> String {
        let slugs = SocialText.slugs
        let number = self.random.skewed(below: max(1, self.options.communities))
        let slug = number < slugs.count ? slugs[number] : "\(slugs[number % slugs.count])-\(number / slugs.count)"
        switch self.random.below(50) {
        case 0: return "https://clawstr.com/c/\(slug)/"
        case 1: return "https://Clawstr.com/c/\(slug.uppercased())"
        case 2: return "https://openagents.com/c/\(slug)"
        default: return "https://clawstr.com/c/\(slug)"
        }
    }

    mutating func post(_ time: Timestamp) -> Event {
        let author = self.author()
        let url = self.communityURL()
        let root = [["I", url], ["K", "web"]]
        let top = self.random.chance(0.95) ? [["i", url], ["k", "web"]] : []
        let tags = root + top + self.labels() + self.expiration(time)
        let event = self.sign(author, time, .comment, tags, self.sentence())
        self.comments.append(self.remember(event, by: author, root: root))
        return event
    }

    mutating func reply(_ time: Timestamp) -> Event {
        guard let parent = self.recent(self.comments) else { return self.post(time) }
        let author = self.author()
        let tags =
            parent.root
            + [
                ["e", "\(parent.id)", "wss://relay.example.com", "\(parent.pubkey)"], ["k", "1111"],
                ["p", "\(parent.pubkey)"],
            ] + self.labels()
        let event = self.sign(author, time, .comment, tags, self.sentence())
        self.comments.append(self.remember(event, by: author, root: parent.root))
        return event
    }

    mutating func articleComment(_ time: Timestamp) -> Event {
        guard let article = self.recent(self.articles), let address = article.address else { return self.post(time) }
        let author = self.author()
        let owner = article.pubkey.description
        let kind = article.kind.description
        let root = [["A", address, "wss://relay.example.com"], ["K", kind], ["P", owner]]
        let tags = root + [["a", address], ["e", "\(article.id)"], ["k", kind], ["p", owner]] + self.labels()
        let event = self.sign(author, time, .comment, tags, self.sentence())
        self.comments.append(self.remember(event, by: author, root: root))
        return event
    }

    mutating func note(_ time: Timestamp) -> Event {
        let author = self.author()
        var tags = [["t", SocialText.word(&self.random)]] + self.labels() + self.expiration(time)
        if self.random.chance(0.05) { tags.append([]) }
        if self.random.chance(0.1) { tags.append(["content-warning", ""]) }
        var content = self.sentence()
        if self.random.chance(self.options.nulShare) { content += "\u{0}" }
        let event = self.sign(author, time, .note, tags, content)
        _ = self.remember(event, by: author)
        return event
    }

    /// NIP-32: what somebody says of somebody else's comment.
    mutating func label(_ time: Timestamp) -> Event {
        guard let target = self.recent(self.comments) else { return self.note(time) }
        let author = self.author()
        let label = self.random.pick(["spam", "quality", "ai", "funny"])
        var tags = [["L", "com.example.review"], ["l", label, "com.example.review"], ["e", "\(target.id)"]]
        if self.random.chance(0.3) { tags.append(["p", "\(target.pubkey)"]) }
        if self.random.chance(0.1) { tags = [["l", label], ["r", "https://example.com/\(label)"]] }
        // Labels of another event that look like those of an agent's own.
        if self.random.chance(0.1) { tags = [["L", "agent"], ["l", "ai", "agent"], ["e", "\(target.id)"]] }
        let event = self.sign(author, time, .label, tags, "")
        _ = self.remember(event, by: author)
        return event
    }
}
