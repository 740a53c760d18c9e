import Nostr

/// What takes events back: deletion requests (NIP-09) and vanish requests (NIP-62), as marks.
///
/// A mark is the maximum of all requests received for one key, whether or not the request itself is stored: a request that
/// a vanish request purged keeps its effect. So the marks of two sets of events are the maxima of both, and no order of
/// arrival can tell.
struct LifecycleMarks {
    /// One event, whoever signed it: the mark binds it only if `pubkey` may delete it.
    struct DeletedEvent: Hashable {
        let target: NamedID
        let pubkey: PublicKey
    }

    struct RelayVanish: Hashable {
        let pubkey: PublicKey
        let relay: RelayURL
    }

    private(set) var events: [DeletedEvent: HighWaterMark] = [:]
    private(set) var coordinates: [Coordinate: HighWaterMark] = [:]
    /// By key, with the request that stays.
    private(set) var vanishes: [PublicKey: HighWaterMark] = [:]
    private(set) var relayVanishes: [RelayVanish: Timestamp] = [:]

    init() {}

    var isEmpty: Bool {
        self.events.isEmpty && self.coordinates.isEmpty && self.vanishes.isEmpty && self.relayVanishes.isEmpty
    }

    /// Adds what an event of kind 5 or 62 asks for.
    mutating func add(_ event: Event, ownURLs: Set<RelayURL>) {
        let mark = HighWaterMark(event)
        if let request = DeletionRequest(event) {
            for id in request.events {
                self.add(mark, toEvent: DeletedEvent(target: NamedID(id), pubkey: request.pubkey))
            }
            for address in request.addresses { self.add(mark, toCoordinate: Coordinate(address)) }
        } else if let request = VanishRequest(event) {
            switch request.reach(ownURLs: ownURLs) {
            case .everything:
                self.add(mark, toKey: request.pubkey)
            case .relays(let relays):
                for relay in relays {
                    let key = RelayVanish(pubkey: request.pubkey, relay: relay)
                    self.relayVanishes[key] = max(self.relayVanishes[key] ?? .zero, request.until)
                }
            }
        }
    }

    mutating func add(_ mark: HighWaterMark, toEvent event: DeletedEvent) {
        if mark.wins(over: self.events[event]) { self.events[event] = mark }
    }

    mutating func add(_ mark: HighWaterMark, toCoordinate coordinate: Coordinate) {
        if mark.wins(over: self.coordinates[coordinate]) { self.coordinates[coordinate] = mark }
    }

    mutating func add(_ mark: HighWaterMark, toKey pubkey: PublicKey) {
        if mark.wins(over: self.vanishes[pubkey]) { self.vanishes[pubkey] = mark }
    }

    /// Adds what is stored already.
    mutating func formUnion(_ other: LifecycleMarks) {
        for (event, mark) in other.events { self.add(mark, toEvent: event) }
        for (coordinate, mark) in other.coordinates { self.add(mark, toCoordinate: coordinate) }
        for (pubkey, mark) in other.vanishes { self.add(mark, toKey: pubkey) }
    }

    /// Whether a mark keeps the event out.
    func withdraw(_ event: Event, at coordinate: Coordinate?) -> Bool {
        let owners = event.owners
        for owner in owners {
            if let vanish = self.vanishes[owner], event.createdAt <= vanish.createdAt, event.id != vanish.id {
                return true
            }
        }
        // Requests to delete and to vanish cannot be deleted (NIP-09).
        guard event.kind != .deletionRequest, event.kind != .vanishRequest else { return false }
        for owner in owners where self.events[DeletedEvent(target: NamedID(event.id), pubkey: owner)] != nil {
            return true
        }
        guard let coordinate, let mark = self.coordinates[coordinate] else { return false }
        return event.createdAt <= mark.createdAt
    }
}
