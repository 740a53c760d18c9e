/// A poll (NIP-88): kind 1068.
package struct Poll: Sendable {
    package enum Choice: Sendable {
        /// The first response counts.
        case single
        /// The first response for each option counts.
        case multiple
    }

    package struct Option: Hashable, Sendable {
        package let id: WireText
        package let label: WireText
    }

    package let id: EventID
    /// Each id once: the first.
    package let options: [Option]
    package let choice: Choice
    /// Later votes do not count.
    package let endsAt: Timestamp?
    package let flags: Flags

    /// More are no question.
    package static let optionsMax = 256

    package init(_ event: Event) {
        var options: [Option] = []
        var ids: Set<WireText> = []
        var type: WireText?
        var end: WireText?
        var flags: Flags = []
        for tag in event.tags {
            guard let name = tag[0], let value = tag.value else { continue }
            if name.equals("option") {
                guard ids.insert(value).inserted else { continue }
                if options.count < Self.optionsMax {
                    options.append(Option(id: value, label: tag[2] ?? .empty))
                } else {
                    flags.insert(.tooMany)
                }
            } else if name.equals("polltype") {
                type = type ?? value
            } else if name.equals("endsAt") {
                end = end ?? value
            }
        }
        self.id = event.id
        self.options = options
        self.choice = type?.equals("multiplechoice") ?? false ? .multiple : .single
        self.endsAt = end.flatMap { Timestamp(strictDigits: $0.bytes) }
        // Without an end that can be read the poll would never end, and somebody meant that it does.
        if end != nil, self.endsAt == nil { flags.insert(.badTag) }
        self.flags = flags
    }

    /// The options that a vote chooses: none unless it is for this poll, in time and for options that exist.
    package func choices(of vote: PollVote) -> [WireText] {
        guard vote.poll == self.id, self.endsAt.map({ vote.createdAt <= $0 }) ?? true else { return [] }
        let known = Set(self.options.map(\.id))
        switch self.choice {
        case .single: return vote.responses.prefix(1).filter(known.contains)
        case .multiple: return vote.responses.filter(known.contains)
        }
    }

    /// How many keys chose each option, in the order of the options.
    ///
    /// One vote for each key: the latest that is in time, of equal times the one with the lowest id. The order of `votes`
    /// does not matter.
    package func counts(of votes: some Sequence<PollVote>) -> [Int] {
        var latest: [PublicKey: PollVote] = [:]
        for vote in votes where vote.poll == self.id && self.endsAt.map({ vote.createdAt <= $0 }) ?? true {
            if let other = latest[vote.pubkey], !vote.displaces(other) { continue }
            latest[vote.pubkey] = vote
        }
        var counts: [WireText: Int] = [:]
        for vote in latest.values {
            for option in self.choices(of: vote) { counts[option, default: 0] += 1 }
        }
        return self.options.map { counts[$0.id, default: 0] }
    }
}

/// A vote in a poll (NIP-88): kind 1018.
package struct PollVote: Sendable {
    package let id: EventID
    package let pubkey: PublicKey
    package let createdAt: Timestamp
    package let poll: EventID
    /// In the order of the tags, each once; whether an option is one of the poll's is not known here.
    package let responses: [WireText]

    /// Nil where no poll is named.
    package init?(_ event: Event) {
        guard let poll = event.tags.lazy.filter({ $0.isNamed("e") }).compactMap({ EventReference($0) }).first else {
            return nil
        }
        var responses = UniqueList<WireText>()
        for tag in event.tags where tag.isNamed("response") && responses.elements.count < Poll.optionsMax {
            if let option = tag.value { responses.append(option) }
        }
        self.id = event.id
        self.pubkey = event.pubkey
        self.createdAt = event.createdAt
        self.poll = poll.id
        self.responses = responses.elements
    }

    fileprivate func displaces(_ other: PollVote) -> Bool {
        self.createdAt == other.createdAt ? self.id < other.id : self.createdAt > other.createdAt
    }
}
