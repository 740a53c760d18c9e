import Nostr

/// The identity of a replaceable or addressable event, as the tables key it.
struct Coordinate: Hashable {
    let kind: Kind
    let pubkey: PublicKey
    /// The value of the first `d` tag in UTF-8; empty for replaceable kinds.
    let d: [UInt8]

    init(kind: Kind, pubkey: PublicKey, d: [UInt8]) {
        self.kind = kind
        self.pubkey = pubkey
        self.d = d
    }

    /// Nil for kinds without versions.
    init?(of event: Event) {
        switch event.kind.kindClass {
        case .replaceable: self.init(kind: event.kind, pubkey: event.pubkey, d: [])
        case .addressable: self.init(kind: event.kind, pubkey: event.pubkey, d: event.identifier.bytes)
        case .regular, .ephemeral: return nil
        }
    }

    init(_ address: EventAddress) {
        self.init(
            kind: address.kind, pubkey: address.pubkey,
            d: address.kind.kindClass == .addressable ? address.identifier.bytes : [])
    }
}

/// A moment and the event that set it: a version of a coordinate, or a request. The greater moment wins, then the lower
/// id (NIP-01), so the winner of many is the same in every order.
struct HighWaterMark: Hashable {
    let createdAt: Timestamp
    let id: EventID

    init(createdAt: Timestamp, id: EventID) {
        self.createdAt = createdAt
        self.id = id
    }

    init(_ event: Event) {
        self.init(createdAt: event.createdAt, id: event.id)
    }

    func wins(over other: HighWaterMark?) -> Bool {
        guard let other else { return true }
        return self.createdAt != other.createdAt ? self.createdAt > other.createdAt : self.id < other.id
    }
}

/// An id that somebody named. Unlike that of an event it is anybody's choice, so all of its bytes are hashed.
struct NamedID: Hashable, Comparable {
    let value: Bytes32

    init(_ id: EventID) {
        self.value = id.value
    }

    var id: EventID { EventID(self.value) }

    func hash(into hasher: inout Hasher) {
        hasher.combine(self.value.word0)
        hasher.combine(self.value.word1)
        hasher.combine(self.value.word2)
        hasher.combine(self.value.word3)
    }

    static func < (left: NamedID, right: NamedID) -> Bool { left.value < right.value }
}
