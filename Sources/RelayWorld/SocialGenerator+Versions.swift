import Nostr

// What is replaced and what is taken back: NIP-01 replaceable and addressable kinds, NIP-09, NIP-62, NIP-72.
extension SocialGenerator {
    mutating func profile(_ time: Timestamp) -> Event {
        let author = self.author()
        let name = SocialText.name(&self.random)
        var members: [JSONValue.Member] = [
            .init(name: "name", value: .string(name)),
            .init(name: "about", value: .string(self.sentence())),
            .init(name: "picture", value: .string("https://example.com/\(name).png")),
        ]
        if self.random.chance(0.4) { members.append(.init(name: "lud16", value: .string("\(name)@example.com"))) }
        if self.random.chance(0.3) { members.append(.init(name: "bot", value: .bool(true))) }
        if self.random.chance(0.05) { members[0] = .init(name: "name", value: .number("5")) }
        var content = JSONValue.object(members).text
        // An unreadable profile supersedes the readable one all the same.
        if self.random.chance(0.05) { content = self.random.pick(["", "not json", "[]", "{\"name\":\"a", "null"]) }
        let created = self.versionTime("0:\(author)", time)
        return self.sign(author, created, .profile, self.labels(), content)
    }

    mutating func relayList(_ time: Timestamp) -> Event {
        let author = self.author()
        let tags = (0...self.random.below(4)).map { ["r", "wss://relay\($0 + self.random.below(9)).example.com/"] }
        return self.sign(author, self.versionTime("10002:\(author)", time), Kind(10_002), tags, "")
    }

    mutating func article(_ time: Timestamp) -> Event {
        let author = self.random.skewed(below: max(1, self.authors.count / 4))
        let slug = self.random.pick(["intro", "caf\u{e9}", "cafe\u{301}", "a:b:c", "", "x", "X"])
        let coordinate = "30023:\(self.authors[author].publicKey):\(slug)"
        let title = ["title", SocialText.name(&self.random)]
        // A missing `d` is the empty one.
        let tags = slug.isEmpty && self.random.chance(0.5) ? [title] : [["d", slug], title]
        let event = self.sign(author, self.versionTime(coordinate, time), Kind(30_023), tags, self.sentence())
        self.articles.append(self.remember(event, by: author, address: coordinate))
        return event
    }

    mutating func community(_ time: Timestamp) -> Event {
        let owner = self.random.below(max(1, min(self.authors.count, 8)))
        let slug = self.random.pick(SocialText.slugs)
        let coordinate = "34550:\(self.authors[owner].publicKey):\(slug)"
        var tags = [["d", slug], ["name", slug], ["description", self.sentence()]]
        for _ in 0..<self.random.below(3) {
            tags.append(["p", "\(self.random.pick(self.authors).publicKey)", "", "moderator"])
        }
        let event = self.sign(owner, self.versionTime(coordinate, time), .community, tags, "")
        self.communities.append(self.remember(event, by: owner, address: coordinate))
        return event
    }

    mutating func approval(_ time: Timestamp) -> Event {
        guard let community = self.recent(self.communities), let address = community.address,
            let post = self.recent(self.comments)
        else { return self.community(time) }
        let moderator = self.random.chance(0.7) ? community.author : self.author()
        let tags = [["a", address], ["e", "\(post.id)"], ["p", "\(post.pubkey)"], ["k", post.kind.description]]
        return self.sign(moderator, time, .communityApproval, tags, "")
    }

    mutating func deletion(_ time: Timestamp) -> Event {
        guard let target = self.recent(self.regrettable) else { return self.note(time) }
        // A stranger's request has no effect.
        let author = self.random.chance(0.9) ? target.author : self.author()
        var tags: [[String]]
        if let address = target.address, self.random.chance(0.5) {
            tags = [["a", address]]
        } else {
            tags = [["e", "\(target.id)"]]
            if self.random.chance(0.2), let other = self.recent(self.regrettable) { tags.append(["e", "\(other.id)"]) }
        }
        if self.random.chance(0.8) { tags.append(["k", target.kind.description]) }
        return self.sign(author, time, .deletionRequest, tags, self.random.chance(0.3) ? self.sentence() : "")
    }

    mutating func ephemeral(_ time: Timestamp) -> Event {
        self.sign(self.author(), time, Kind(20_001), [], "typing")
    }

    mutating func vanish(_ time: Timestamp) -> Event {
        self.sign(self.author(), time, .vanishRequest, [["relay", "ALL_RELAYS"]], "")
    }
}
