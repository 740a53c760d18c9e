import Nostr

/// What a batch of events comes to, decided without a database: which are new, which is the current version of what,
/// and what became of every one.
///
/// Two steps, around two probes: the plan names the ids and coordinates to ask for, then ``decide(existing:heads:)``
/// takes the answers. Order and repetition within a batch do not matter: of equal ids the first counts, of one
/// coordinate's versions the greatest `created_at`, then the lowest id (NIP-01).
struct BatchPlan {
    /// The identity of a replaceable or addressable event.
    struct Coordinate: Hashable {
        let kind: Kind
        let pubkey: PublicKey
        /// The value of the first `d` tag in UTF-8; empty for replaceable kinds.
        let d: [UInt8]
    }

    /// A version of a coordinate: its high-water mark, in `nostr_replaceable_heads`.
    struct Head: Hashable {
        let createdAt: Timestamp
        let id: EventID

        /// Whether this version is current beside `other`.
        func wins(over other: Head) -> Bool {
            self.createdAt != other.createdAt ? self.createdAt > other.createdAt : self.id < other.id
        }
    }

    struct Profile {
        let event: Event
        let seenAt: Int64
        let row: ProfileRow
        /// The source is the coordinate's head.
        let isCurrent: Bool
    }

    /// An event of the batch with the place where it stands.
    private struct Candidate {
        let id: EventID
        let kind: Kind
        let item: Int
        let ordinal: Int
    }

    private let items: ArraySlice<CacheItem>
    /// One for each id, sorted by it.
    private var candidates: [Candidate] = []
    private(set) var coordinates: [Coordinate: [Int]] = [:]
    /// Of all candidates, copies included: what rows are about to take.
    private(set) var canonicalBytes = 0
    private var outcomes: [WriteOutcome?] = []

    /// Items of the events that become rows, sorted by id.
    private(set) var inserts: [Int] = []
    /// Ids whose rows a new version replaces.
    private(set) var superseded: [EventID] = []
    /// The new high-water marks.
    private(set) var heads: [(coordinate: Coordinate, head: Head)] = []
    /// The best readable kind 0 of each author, new rows and replaced ones alike.
    private(set) var profiles: [Profile] = []
    /// Authors whose current kind 0 has become an unreadable one.
    private(set) var unreadableAuthors: [PublicKey] = []
    private(set) var unreadableProfiles = 0
    /// Events refused here, and kept.
    private(set) var quarantined: [QuarantinedEvent] = []

    init(_ items: ArraySlice<CacheItem>) {
        self.items = items
        self.candidates.reserveCapacity(items.count)
        for index in items.indices {
            switch items[index] {
            case .event(let verified, let relay, _):
                if verified.event.hasNUL {
                    self.outcomes.append(.rejected(.nulInText))
                    self.quarantined.append(
                        QuarantinedEvent(
                            event: verified, raw: verified.event.json, reason: .nulInText, relay: relay))
                } else {
                    self.candidates.append(
                        Candidate(
                            id: verified.event.id, kind: verified.event.kind, item: index, ordinal: self.outcomes.count)
                    )
                    self.canonicalBytes += verified.event.canonical.count
                    self.outcomes.append(nil)
                }
            case .quarantine(let quarantined):
                self.outcomes.append(.rejected(quarantined.reason))
                self.quarantined.append(quarantined)
            case .coverage, .hole, .heartbeat:
                break
            }
        }
        self.removeCopies()
        for index in self.candidates.indices where self.candidates[index].kind.hasCoordinate {
            self.coordinates[Coordinate(of: self.event(index)), default: []].append(index)
        }
    }

    /// The ids to ask for, sorted.
    var ids: some Collection<EventID> { self.candidates.lazy.map(\.id) }

    var hasEvents: Bool { !self.candidates.isEmpty }

    /// Settles every outcome.
    mutating func decide(existing: Set<EventID>, heads: [Coordinate: Head]) {
        self.inserts.reserveCapacity(self.candidates.count)
        for index in self.candidates.indices where existing.contains(self.candidates[index].id) {
            self.outcomes[self.candidates[index].ordinal] = .duplicate
        }
        // Sorted, so that the same batch always does the same things in the same order.
        for (coordinate, versions) in self.coordinates.sorted(by: { $0.value[0] < $1.value[0] }) {
            let new = versions.filter { self.outcomes[self.candidates[$0].ordinal] == nil }
            guard !new.isEmpty else { continue }
            self.decide(coordinate, new, stored: heads[coordinate])
        }
        for candidate in self.candidates {
            let outcome = self.outcomes[candidate.ordinal] ?? .written
            self.outcomes[candidate.ordinal] = outcome
            if outcome == .written { self.inserts.append(candidate.item) }
        }
    }

    /// Corrects the outcome of an event that somebody else stored in between.
    mutating func markDuplicate(item: Int) {
        guard let candidate = self.candidates.first(where: { $0.item == item }) else { return }
        self.outcomes[candidate.ordinal] = .duplicate
    }

    /// One for each event, in order.
    var settled: [WriteOutcome] {
        self.outcomes.map { outcome in
            guard let outcome else { preconditionFailure("An event without an outcome") }
            return outcome
        }
    }

    private func event(_ candidate: Int) -> Event {
        guard case .event(let verified, _, _) = self.items[self.candidates[candidate].item] else {
            preconditionFailure("A candidate is an event")
        }
        return verified.event
    }

    /// Sorts by id and keeps the first of each.
    private mutating func removeCopies() {
        self.candidates.sort { $0.id < $1.id || (!($1.id < $0.id) && $0.item < $1.item) }
        var kept = 0
        for index in self.candidates.indices {
            if kept > 0, self.candidates[kept - 1].id == self.candidates[index].id {
                self.outcomes[self.candidates[index].ordinal] = .duplicate
            } else {
                self.candidates[kept] = self.candidates[index]
                kept += 1
            }
        }
        self.candidates.removeSubrange(kept...)
    }

    private mutating func decide(_ coordinate: Coordinate, _ versions: [Int], stored: Head?) {
        var best: (index: Int, head: Head)?
        for index in versions {
            let event = self.event(index)
            let head = Head(createdAt: event.createdAt, id: event.id)
            if let current = best, !head.wins(over: current.head) { continue }
            best = (index, head)
        }
        var current = stored
        // A head whose row is gone may come back as itself: whether it may is for marks and expiration to say.
        if let best, stored.map({ !$0.wins(over: best.head) }) ?? true {
            current = best.head
            self.outcomes[self.candidates[best.index].ordinal] = .written
            if stored != best.head {
                self.heads.append((coordinate, best.head))
                if let stored { self.superseded.append(stored.id) }
            }
        }
        for index in versions where self.outcomes[self.candidates[index].ordinal] == nil {
            self.outcomes[self.candidates[index].ordinal] = .replaced
        }
        if coordinate.kind == .profile { self.project(versions, current: current, stored: stored) }
    }

    /// Rule D9: a readable kind 0 is projected whether or not its row is already replaced.
    private mutating func project(_ versions: [Int], current: Head?, stored: Head?) {
        var best: (head: Head, profile: Profile)?
        var isCurrentReadable = current == stored
        for index in versions {
            guard case .event(let verified, _, let seenAt) = self.items[self.candidates[index].item] else { continue }
            let event = verified.event
            guard let row = ProfileRow(verified) else {
                self.unreadableProfiles += 1
                continue
            }
            if event.id == current?.id { isCurrentReadable = true }
            let head = Head(createdAt: event.createdAt, id: event.id)
            if let best, !head.wins(over: best.head) { continue }
            best = (head, Profile(event: event, seenAt: seenAt, row: row, isCurrent: event.id == current?.id))
        }
        if let best { self.profiles.append(best.profile) }
        if !isCurrentReadable, let index = versions.first { self.unreadableAuthors.append(self.event(index).pubkey) }
    }
}

extension BatchPlan.Coordinate {
    init(of event: Event) {
        self.init(
            kind: event.kind, pubkey: event.pubkey,
            d: event.kind.kindClass == .addressable ? event.identifier.bytes : [])
    }
}

extension Kind {
    /// Whether a newer version replaces an older one.
    fileprivate var hasCoordinate: Bool {
        switch self.kindClass {
        case .replaceable, .addressable: true
        case .regular, .ephemeral: false
        }
    }
}
