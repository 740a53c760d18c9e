import Nostr

@testable import RelayWorld

/// Few people, little time and few subjects: a world in which everything collides.
///
/// Ties of replaceable events, requests before their targets, votes that change, receipts of one payment, deep threads,
/// communities with approvals, keys that vanish: what it takes to tell a counter that follows from rows from one that
/// follows from the order in which they came.
struct CrowdedWorld {
    /// An event and a relay that shows it.
    struct Showing {
        let event: VerifiedEvent
        let relay: Int
    }

    private(set) var showings: [Showing] = []
    /// Earlier than every expiration.
    static let now = Timestamp(1_000)
    /// Later than some.
    static let later = Timestamp(5_000)
    /// The relay that `forgetful` asks to forget.
    static let relayURLs = ["wss://relay.example", "wss://other.example"]
    /// Secret scalars: those who write, one who asks a relay to forget, two who sign receipts.
    private static let writers: ClosedRange<UInt8> = 1...7
    static let forgetful: UInt8 = 8
    private static let providers: [UInt8] = [20, 21]
    static let trustedProvider: UInt8 = 20

    private let signer: TestSigner
    private var random: SeededGenerator
    private var comments: [Event] = []
    private var notes: [Event] = []
    private var addressed: [(address: String, author: UInt8)] = []
    private var regrettable: [(event: Event, author: UInt8)] = []
    private var communities: [String] = []
    private var zaps: [(provider: UInt8, time: Int64, tags: [[String]])] = []

    init(seed: UInt64, count: Int, signer: TestSigner) {
        self.signer = signer
        self.random = SeededGenerator(seed: seed)
        for _ in 0..<count {
            let event = self.next()
            let relays = [[0], [0], [1], [0, 1]].randomElement(using: &self.random) ?? [0]
            for relay in relays { self.showings.append(Showing(event: event, relay: relay)) }
        }
    }

    /// In another order, some twice, cut into batches.
    func shuffled(_ random: inout SeededGenerator) -> [[Showing]] {
        let repeats = (0..<self.showings.count / 10).compactMap { _ in self.showings.randomElement(using: &random) }
        var rest = (self.showings + repeats).shuffled(using: &random)[...]
        var batches: [[Showing]] = []
        while !rest.isEmpty {
            let batch = rest.prefix(Int.random(in: 1...80, using: &random))
            batches.append(Array(batch))
            rest = rest.dropFirst(batch.count)
        }
        return batches
    }

    // MARK: - Choosing

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self.random) }
    private mutating func chance(_ percent: Int) -> Bool { self.below(100) < percent }
    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[self.below(elements.count)]
    }

    private mutating func writer() -> UInt8 { UInt8.random(in: Self.writers, using: &self.random) }
    private mutating func time() -> Int64 { Int64(100 + self.below(60)) }

    /// The newest one every other time: chains are long.
    private mutating func comment() -> Event? {
        guard let last = self.comments.last else { return nil }
        return self.chance(50) ? last : self.pick(self.comments)
    }

    private mutating func expiration() -> [[String]] {
        guard self.chance(8) else { return [] }
        return [["expiration", self.chance(50) ? "4000" : "900000"]]
    }

    private mutating func agent() -> [[String]] {
        self.chance(60) ? [["L", "agent"], ["l", "ai", "agent"]] : []
    }

    private mutating func sign(
        _ kind: UInt16, by author: UInt8, tags: [[String]], _ content: String = "", at time: Int64? = nil
    ) -> VerifiedEvent {
        let time = time ?? self.time()
        let verified = self.signer.event(kind, by: author, at: time, tags: tags, content)
        self.regrettable.append((verified.event, author))
        if let address = verified.event.address { self.addressed.append((address.description, author)) }
        return verified
    }
}

// MARK: - Events

extension CrowdedWorld {
    private mutating func next() -> VerifiedEvent {
        switch self.below(100) {
        case 0..<10: self.post()
        case 10..<30: self.reply()
        case 30..<50: self.reaction()
        case 50..<58: self.zap()
        case 58..<63: self.profile()
        case 63..<69: self.version()
        case 69..<73: self.note()
        case 73..<76: self.label()
        case 76..<79: self.community()
        case 79..<83: self.communityPost()
        case 83..<86: self.approval()
        case 86..<88: self.externalReaction()
        case 88..<90: self.giftWrap()
        case 90..<91: self.vanish()
        default: self.deletion()
        }
    }

    private mutating func post() -> VerifiedEvent {
        let url = "https://clawstr.com/c/\(self.pick(["cats", "Dogs", "birds"]))"
        let tags = [["I", url], ["K", "web"], ["i", url], ["k", "web"]] + self.agent() + self.expiration()
        return self.remember(self.sign(1111, by: self.writer(), tags: tags, "post \(self.below(1_000))"))
    }

    private mutating func remember(_ comment: VerifiedEvent) -> VerifiedEvent {
        self.comments.append(comment.event)
        return comment
    }

    private mutating func reply() -> VerifiedEvent {
        guard let parent = self.comment() else { return self.post() }
        let tags =
            [
                ["I", "https://clawstr.com/c/cats"], ["K", "web"], ["e", "\(parent.id)"], ["k", "1111"],
                ["p", "\(parent.pubkey)"],
            ] + self.agent() + self.expiration()
        return self.remember(self.sign(1111, by: self.writer(), tags: tags, "reply \(self.below(1_000))"))
    }

    private mutating func reaction() -> VerifiedEvent {
        guard let target = self.chance(70) ? self.comment() : self.notes.last else { return self.note() }
        let content = self.pick(["+", "", "-", "-", "🔥", "❤️", ":soapbox:", "words", "🤙"])
        let tags = [["e", "\(target.id)"], ["p", "\(target.pubkey)"]]
        return self.sign(7, by: self.writer(), tags: tags, content)
    }

    private mutating func externalReaction() -> VerifiedEvent {
        let tags = [["k", "web"], ["i", "https://example.com/a"], ["i", "isbn:9780765382030"]]
        return self.sign(17, by: self.writer(), tags: tags, self.pick(["+", "🔥"]))
    }

    private mutating func profile() -> VerifiedEvent {
        let content = self.pick([
            "{\"name\":\"a\"}", "{\"name\":\"b\",\"lud16\":\"b@example.com\"}", "not json", "[]", "{}",
        ])
        return self.sign(0, by: self.writer(), tags: self.expiration(), content)
    }

    private mutating func version() -> VerifiedEvent {
        let tags = [["d", self.pick(["", "x", "caf\u{e9}", "cafe\u{301}"])]] + self.expiration()
        return self.sign(self.pick([3, 10002, 30023, 30023]), by: self.writer(), tags: tags, "\(self.below(1_000))")
    }

    private mutating func note() -> VerifiedEvent {
        var tags = self.expiration() + self.agent()
        if self.chance(50) { tags.append(["zap", "\(self.signer.key(self.writer()))", "wss://relay.example"]) }
        if self.chance(30), let community = self.communities.last { tags.append(["a", community]) }
        let author = self.chance(30) ? Self.forgetful : self.writer()
        let note = self.sign(1, by: author, tags: tags, "note \(self.below(1_000))")
        self.notes.append(note.event)
        return note
    }

    private mutating func label() -> VerifiedEvent {
        guard let target = self.comment() else { return self.post() }
        let tags = [["L", "quality"], ["l", self.pick(["good", "bad"]), "quality"], ["l", "loose"]]
        return self.sign(
            1985, by: self.writer(), tags: tags + [["e", "\(target.id)"], ["p", "\(target.pubkey)"], ["t", "x"]])
    }

    private mutating func giftWrap() -> VerifiedEvent {
        self.sign(1059, by: UInt8(30 + self.below(4)), tags: [["p", "\(self.signer.key(self.writer()))"]], "sealed")
    }
}

// MARK: - Zaps

extension CrowdedWorld {
    /// Every third one is of a payment that is known: signed by another, at another time, or for something else.
    private mutating func zap() -> VerifiedEvent {
        if !self.zaps.isEmpty, self.chance(40) {
            let zap = self.pick(self.zaps)
            let tags = self.chance(30) ? zap.tags.filter { $0[0] != "preimage" } + [["x", "copy"]] : zap.tags
            return self.sign(9735, by: self.pick(Self.providers), tags: tags, at: self.pick([zap.time, self.time()]))
        }
        guard let target = self.chance(60) ? self.comment() : self.notes.last else { return self.note() }
        let recipient = self.chance(70) ? target.pubkey : self.signer.key(self.writer())
        var subject = [["p", "\(recipient)"]]
        if self.chance(90) { subject.append(["e", "\(target.id)"]) }
        let msats = self.pick([1_000, 21_000, 5_000_000])
        let asked = subject + [["relays", "wss://relay.example"], ["amount", "\(msats)"]]
        let time = self.time()
        let request = self.signer.event(9734, by: self.writer(), at: time, tags: asked, "thanks")
        let description = String(decoding: request.event.json, as: UTF8.self)
        let preimage = (0..<32).map { _ in UInt8.random(in: 0...255, using: &self.random) }
        let invoice = LightningInvoice(
            msats: self.chance(10) ? 2 * msats : msats, createdAt: Timestamp(time),
            paymentHash: self.signer.sha256(preimage), purpose: .text("zap"))
        let tags = subject + [["bolt11", invoice.text], ["description", description]]
        let provider = self.pick(Self.providers)
        self.zaps.append((provider, time, tags))
        return self.sign(9735, by: provider, tags: tags, at: time)
    }
}

// MARK: - Communities

extension CrowdedWorld {
    private mutating func community() -> VerifiedEvent {
        let moderators = (0..<self.below(3)).map { _ in
            ["p", "\(self.signer.key(self.writer()))", "", "moderator"]
        }
        let tags = [
            ["d", self.pick(["den", "a:b"])], ["name", "n\(self.below(9))"], ["relay", "wss://r.example", "author"],
        ]
        let definition = self.sign(34550, by: self.writer(), tags: tags + moderators)
        if let address = definition.event.address { self.communities.append(address.description) }
        return definition
    }

    private mutating func communityPost() -> VerifiedEvent {
        guard let community = self.communities.last else { return self.community() }
        let root = [["A", community], ["K", "34550"], ["P", String(community.split(separator: ":")[1])]]
        var tags = root + [["a", community], ["k", "34550"]]
        if self.chance(50), let parent = self.comment() {
            tags = root + [["e", "\(parent.id)"], ["k", "1111"], ["p", "\(parent.pubkey)"]]
        }
        return self.remember(self.sign(1111, by: self.writer(), tags: tags + self.agent(), "in a community"))
    }

    private mutating func approval() -> VerifiedEvent {
        guard let community = self.communities.last, let post = self.comment() else { return self.community() }
        let tags = [["a", community], ["e", "\(post.id)"], ["p", "\(post.pubkey)"], ["k", "1111"]]
        let content = self.chance(50) ? String(decoding: post.json, as: UTF8.self) : self.pick(["", "garbage"])
        return self.sign(4550, by: self.writer(), tags: tags, content)
    }
}

// MARK: - Taking back

extension CrowdedWorld {
    private mutating func deletion() -> VerifiedEvent {
        var tags: [[String]] = []
        var author = self.writer()
        for _ in 0...self.below(3) {
            if self.chance(25), !self.addressed.isEmpty {
                let target = self.pick(self.addressed)
                if self.chance(80) { author = target.author }
                tags.append(["a", target.address])
            } else if !self.regrettable.isEmpty {
                let target = self.pick(self.regrettable)
                if self.chance(80) { author = target.author }
                tags.append(["e", "\(target.event.id)"])
            }
        }
        return self.sign(5, by: author, tags: tags + self.expiration())
    }

    private mutating func vanish() -> VerifiedEvent {
        if self.chance(50) { return self.sign(62, by: Self.forgetful, tags: [["relay", Self.relayURLs[1]]]) }
        return self.sign(
            62, by: self.writer(), tags: [["relay", self.pick(["ALL_RELAYS", "ALL_RELAYS", "all_relays"])]])
    }
}
