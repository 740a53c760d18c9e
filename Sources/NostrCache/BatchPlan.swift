import Nostr

/// What a batch of events comes to, decided without a database: which are new, which is the current version of what,
/// which are taken back, and what became of every one.
///
/// Two steps, around a probe: the plan names what to ask for, then ``decide(_:ownURLs:)`` takes the answers. Order and
/// repetition within a batch do not matter: of equal ids the first counts, of one coordinate's versions the greatest
/// `created_at`, then the lowest id (NIP-01), and requests bind what stands in front of them as well.
struct BatchPlan {
    struct Head {
        let coordinate: Coordinate
        let newest: HighWaterMark
        let readable: HighWaterMark?
    }

    struct Profile {
        let event: Event
        let seenAt: Int64
        let row: ProfileRow
    }

    /// Somebody showed an event: the first sighting is a column of its row, the others are rows of their own.
    struct Sighting {
        let id: EventID
        let relay: RelayID
        let seenAt: Int64
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
    /// By the smallest index of a version.
    private(set) var coordinates: [Coordinate: [Int]] = [:]
    /// Of all candidates, copies included: what rows are about to take.
    private(set) var canonicalBytes = 0
    private var outcomes: [WriteOutcome?] = []

    /// The keys whose requests could bind an event of the batch: authors, and recipients of gift wraps. Sorted, each once.
    private(set) var owners: [PublicKey] = []

    /// Items of the events that become rows, sorted by id.
    private(set) var inserts: [Int] = []
    /// Ids whose rows a new version replaces.
    private(set) var superseded: [EventID] = []
    /// The new high-water marks.
    private(set) var heads: [Head] = []
    /// What the requests of the batch ask for.
    private(set) var marks = LifecycleMarks()
    /// The newest readable kind 0 of each author whose newest one is of this batch.
    private(set) var profiles: [Profile] = []
    /// Authors whose newest readable kind 0 is of this batch, and is taken back already.
    private(set) var withdrawnProfiles: [PublicKey] = []
    /// Authors of whom a kind 0 came: whether their profile is their current one is to be said again.
    private(set) var profileAuthors: [PublicKey] = []
    private(set) var unreadableProfiles = 0
    private(set) var sightings: [Sighting] = []
    /// The first relay of items whose own is not to count.
    private(set) var firstRelays: [Int: RelayID] = [:]
    /// Events refused here, and kept.
    private(set) var quarantined: [QuarantinedEvent] = []

    init(_ items: ArraySlice<CacheItem>) {
        self.items = items
        self.candidates.reserveCapacity(items.count)
        self.owners.reserveCapacity(items.count)
        for index in items.indices {
            switch items[index] {
            case .event(let verified, let relay, let seenAt):
                self.add(verified, relay, seenAt, at: index)
            case .quarantine(let quarantined):
                self.outcomes.append(.rejected(quarantined.reason))
                self.quarantined.append(quarantined)
            case .sighting(let id, let relay, let seenAt):
                self.sightings.append(Sighting(id: id, relay: relay, seenAt: seenAt))
            case .coverage, .hole, .heartbeat:
                break
            }
        }
        self.removeCopies()
        self.sortOwners()
        for index in self.candidates.indices where self.candidates[index].kind.hasVersions {
            guard let coordinate = Coordinate(of: self.event(index)) else { continue }
            self.coordinates[coordinate, default: []].append(index)
        }
    }

    /// Reads whatever the plan needs of an event, in one go: it comes from distant memory.
    private mutating func add(_ verified: VerifiedEvent, _ relay: RelayID?, _ seenAt: Int64, at index: Int) {
        let event = verified.event
        guard !event.hasNUL else {
            self.outcomes.append(.rejected(.nulInText))
            self.quarantined.append(
                QuarantinedEvent(event: verified, raw: event.json, reason: .nulInText, relay: relay))
            return
        }
        let kind = event.kind
        self.candidates.append(Candidate(id: event.id, kind: kind, item: index, ordinal: self.outcomes.count))
        if kind == .giftWrap { self.owners += event.owners } else { self.owners.append(event.pubkey) }
        self.canonicalBytes += event.canonicalCount
        self.outcomes.append(nil)
    }

    /// The ids to ask for, sorted.
    var ids: some Collection<EventID> { self.candidates.lazy.map(\.id) }

    var hasEvents: Bool { !self.candidates.isEmpty }

    /// The relays that vanish requests of the batch name.
    var namedRelays: Set<RelayURL> {
        var named: Set<RelayURL> = []
        for index in self.candidates.indices where self.candidates[index].kind == .vanishRequest {
            named.formUnion(VanishRequest(self.event(index))?.relays ?? [])
        }
        return named
    }

    /// One for each event, in order.
    var settled: [WriteOutcome] {
        self.outcomes.map { outcome in
            guard let outcome else { preconditionFailure("An event without an outcome") }
            return outcome
        }
    }

    /// Of the events that become rows.
    var insertedIDs: [EventID] {
        self.inserts.compactMap { item in
            guard case .event(let verified, _, _) = self.items[item] else { return nil }
            return verified.event.id
        }
    }

    /// Corrects the outcome of an event that somebody else stored in between.
    mutating func markDuplicate(item: Int) {
        guard let candidate = self.candidates.first(where: { $0.item == item }) else { return }
        self.outcomes[candidate.ordinal] = .duplicate
        self.inserts.removeAll { $0 == item }
    }

    private func event(_ candidate: Int) -> Event {
        guard case .event(let verified, _, _) = self.items[self.candidates[candidate].item] else {
            preconditionFailure("A candidate is an event")
        }
        return verified.event
    }

    /// Sorts by id and keeps the first of each; the others are sightings.
    private mutating func removeCopies() {
        let all = self.candidates
        // Moving two words about costs less than moving whole candidates.
        var order = all.indices.map { (word: all[$0].id.value.word0, index: $0) }
        order.sort { left, right in
            if left.word != right.word { return left.word < right.word }
            let (first, second) = (all[left.index].id, all[right.index].id)
            return first == second ? left.index < right.index : first < second
        }
        self.candidates.removeAll(keepingCapacity: true)
        for (_, index) in order {
            if let last = self.candidates.last, last.id == all[index].id {
                self.outcomes[all[index].ordinal] = .duplicate
                self.noteSighting(of: all[index])
            } else {
                self.candidates.append(all[index])
            }
        }
    }

    private mutating func sortOwners() {
        self.owners.sort { $0.value < $1.value }
        var kept = 0
        for index in self.owners.indices where kept == 0 || self.owners[kept - 1] != self.owners[index] {
            self.owners[kept] = self.owners[index]
            kept += 1
        }
        self.owners.removeSubrange(kept...)
    }

    private mutating func noteSighting(of candidate: Candidate) {
        guard case .event(_, let relay?, let seenAt) = self.items[candidate.item] else { return }
        self.sightings.append(Sighting(id: candidate.id, relay: relay, seenAt: seenAt))
    }
}

// MARK: - Deciding

extension BatchPlan {
    /// Settles every outcome.
    mutating func decide(_ probe: Probe, ownURLs: Set<RelayURL>) {
        self.inserts.reserveCapacity(self.candidates.count)
        if !probe.existing.isEmpty {
            for index in self.candidates.indices where probe.existing.contains(self.candidates[index].id) {
                self.outcomes[self.candidates[index].ordinal] = .duplicate
                self.noteSighting(of: self.candidates[index])
            }
        }
        for index in self.candidates.indices where self.isOpen(index) {
            switch self.candidates[index].kind {
            case .deletionRequest, .vanishRequest: self.marks.add(self.event(index), ownURLs: ownURLs)
            default: break
            }
        }
        self.withdraw(probe)
        // Sorted, so that the same batch always does the same things in the same order.
        for (coordinate, versions) in self.coordinates.sorted(by: { $0.value[0] < $1.value[0] }) {
            let new = versions.filter { self.outcomes[self.candidates[$0].ordinal] != .duplicate }
            guard !new.isEmpty else { continue }
            self.decide(coordinate, new, stored: probe.heads[coordinate])
        }
        for candidate in self.candidates {
            let outcome = self.outcomes[candidate.ordinal] ?? .written
            self.outcomes[candidate.ordinal] = outcome
            if outcome == .written { self.inserts.append(candidate.item) }
        }
    }

    private func isOpen(_ index: Int) -> Bool { self.outcomes[self.candidates[index].ordinal] == nil }

    /// What a mark keeps out, be it stored or of this batch.
    private mutating func withdraw(_ probe: Probe) {
        guard !self.marks.isEmpty || !probe.marks.isEmpty || !probe.relayVanishes.isEmpty else { return }
        var marks = probe.marks
        marks.formUnion(self.marks)
        var relayVanishes = probe.relayVanishes
        for (vanish, until) in self.marks.relayVanishes {
            guard let relay = probe.relays[vanish.relay] else { continue }
            relayVanishes[vanish.pubkey, default: []].append((relay, until))
        }
        for index in self.candidates.indices where self.isOpen(index) {
            let event = self.event(index)
            if marks.withdraw(event, at: Coordinate(of: event)) || !self.keepRelay(of: index, event, relayVanishes) {
                self.outcomes[self.candidates[index].ordinal] = .deleted
            }
        }
    }

    /// Passes over the relays that the author asked to forget the event (NIP-62).
    ///
    /// - Returns: false where no other one shows it here. An event that nobody showed, such as an imported one, is here in
    ///   its own right.
    private mutating func keepRelay(
        of index: Int, _ event: Event, _ vanishes: [PublicKey: [(relay: RelayID, until: Timestamp)]]
    ) -> Bool {
        guard event.kind != .vanishRequest, let vanishes = vanishes[event.pubkey] else { return true }
        let item = self.candidates[index].item
        guard case .event(_, let first?, _) = self.items[item] else { return true }
        let relays = [first] + self.sightings.filter { $0.id == event.id }.map(\.relay)
        let kept = relays.first { relay in
            !vanishes.contains { $0.relay == relay && event.createdAt <= $0.until }
        }
        if let kept, kept != first { self.firstRelays[item] = kept }
        return kept != nil
    }

    private mutating func decide(_ coordinate: Coordinate, _ versions: [Int], stored: StoredHead?) {
        var best: (index: Int, head: HighWaterMark)?
        for index in versions {
            let head = HighWaterMark(self.event(index))
            if head.wins(over: best?.head) { best = (index, head) }
        }
        // A version that is taken back raises the mark all the same: an older one must not return in its place.
        var newest = stored?.newest
        if let best, best.head == newest || best.head.wins(over: newest) {
            // A head whose row is gone may come back as itself.
            if self.isOpen(best.index) { self.outcomes[self.candidates[best.index].ordinal] = .written }
            if let newest, newest != best.head { self.superseded.append(newest.id) }
            newest = best.head
        }
        for index in versions where self.isOpen(index) {
            self.outcomes[self.candidates[index].ordinal] = .replaced
        }
        let readable = coordinate.kind == .profile ? self.project(versions, stored: stored?.readable) : nil
        guard let newest, newest != stored?.newest || readable != stored?.readable else { return }
        self.heads.append(Head(coordinate: coordinate, newest: newest, readable: readable))
    }

    /// Rule D9: the source of a profile is the newest readable kind 0, whether or not its row is already replaced.
    private mutating func project(_ versions: [Int], stored: HighWaterMark?) -> HighWaterMark? {
        var readable = stored
        var source: (index: Int, profile: Profile)?
        for index in versions {
            guard case .event(let verified, _, let seenAt) = self.items[self.candidates[index].item] else { continue }
            guard let row = ProfileRow(verified) else {
                self.unreadableProfiles += 1
                continue
            }
            let mark = HighWaterMark(verified.event)
            // A source that is gone may come back as itself.
            guard mark == readable || mark.wins(over: readable) else { continue }
            readable = mark
            source = (index, Profile(event: verified.event, seenAt: seenAt, row: row))
        }
        if let first = versions.first { self.profileAuthors.append(self.event(first).pubkey) }
        guard let source else { return readable }
        if self.outcomes[self.candidates[source.index].ordinal] == .deleted {
            self.withdrawnProfiles.append(source.profile.event.pubkey)
        } else {
            self.profiles.append(source.profile)
        }
        return readable
    }
}
