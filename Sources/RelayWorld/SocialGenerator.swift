package import Nostr

/// Invents one event after the other, each with the earlier ones in mind.
package struct SocialGenerator: ~Copyable {
    let options: SocialWorld.Options
    let signer = Signer()
    let authors: [SecretKey]
    /// Who signs zap receipts.
    let providers: [SecretKey]
    private let weights: [Double]
    var random: SplitMix64

    var comments: [Subject] = []
    var articles: [Subject] = []
    var communities: [Subject] = []
    /// Whatever its author might want to take back.
    var regrettable: [Subject] = []
    /// The last version of each replaceable and addressable event, by author.
    var versions: [String: Timestamp] = [:]

    /// An event that others refer to.
    struct Subject {
        let id: EventID
        let kind: Kind
        let author: Int
        let pubkey: PublicKey
        let root: [[String]]
        let address: String?
    }

    package init(seed: UInt64, options: SocialWorld.Options = SocialWorld.Options()) {
        self.options = options
        self.random = SplitMix64(seed: seed)
        self.weights = SocialWorld.Family.allCases.map { options.shares[$0, default: 0] }
        let count = options.authors ?? min(20_000, options.count / 12)
        var keys: [SecretKey] = []
        for number in 0..<max(4, count) { keys.append(self.signer.key(named: "author \(number) of world \(seed)")) }
        self.authors = keys
        var providers: [SecretKey] = []
        for number in 0..<3 { providers.append(self.signer.key(named: "provider \(number) of world \(seed)")) }
        self.providers = providers
    }

    /// The next event, published at `time`.
    package mutating func next(at time: Timestamp) -> Event {
        let family = SocialWorld.Family.allCases[self.random.index(weights: self.weights)]
        // One in fifty was written long before it was published.
        let created = self.random.chance(0.02) ? time - Int64(1 + self.random.below(40_000)) : time
        return switch family {
        case .profile: self.profile(created)
        case .post: self.post(created)
        case .reply: self.reply(created)
        case .vote: self.vote(created)
        case .zap: self.zap(created)
        case .label: self.label(created)
        case .deletion: self.deletion(created)
        case .relayList: self.relayList(created)
        case .article: self.article(created)
        case .articleComment: self.articleComment(created)
        case .note: self.note(created)
        case .community: self.community(created)
        case .approval: self.approval(created)
        case .externalReaction: self.externalReaction(created)
        case .ephemeral: self.ephemeral(created)
        case .vanish: self.vanish(created)
        }
    }

    // MARK: Parts

    mutating func author() -> Int { self.random.skewed(below: self.authors.count) }

    mutating func sentence() -> String {
        SocialText.sentence(&self.random, unicode: self.options.unicodeShare)
    }

    func sign(_ author: Int, _ time: Timestamp, _ kind: Kind, _ tags: [[String]], _ content: String) -> Event {
        self.sign(self.authors[author], time, kind, tags, content)
    }

    func sign(_ key: SecretKey, _ time: Timestamp, _ kind: Kind, _ tags: [[String]], _ content: String) -> Event {
        self.signer.sign(
            Event.Body(pubkey: key.publicKey, createdAt: time, kind: kind, tags: tags, content: content), with: key)
    }

    /// The labels of an agent (`is_ai`), on a share of what is written.
    mutating func labels() -> [[String]] {
        self.random.chance(self.options.aiShare) ? [["L", "agent"], ["l", "ai", "agent"]] : []
    }

    mutating func expiration(_ time: Timestamp) -> [[String]] {
        guard self.random.chance(self.options.expirationShare) else { return [] }
        return [["expiration", "\(time.seconds + Int64(self.random.below(60 * 86_400)))"]]
    }

    /// When a new version of `coordinate` is dated: mostly now, sometimes in the very second of the last version, and
    /// sometimes before it.
    mutating func versionTime(_ coordinate: String, _ time: Timestamp) -> Timestamp {
        guard let last = self.versions[coordinate] else {
            self.versions[coordinate] = time
            return time
        }
        switch self.random.below(10) {
        case 0, 1: return last
        case 2: return last - Int64(1 + self.random.below(5_000))
        default:
            self.versions[coordinate] = max(last, time)
            return time
        }
    }

    /// Recent subjects are likelier than old ones.
    mutating func recent(_ subjects: [Subject]) -> Subject? {
        guard !subjects.isEmpty else { return nil }
        return subjects[subjects.count - 1 - self.random.skewed(below: subjects.count)]
    }

    mutating func remember(_ event: Event, by author: Int, root: [[String]] = [], address: String? = nil) -> Subject {
        let subject = Subject(
            id: event.id, kind: event.kind, author: author, pubkey: event.pubkey, root: root, address: address)
        if self.random.chance(0.3) { self.regrettable.append(subject) }
        return subject
    }
}
