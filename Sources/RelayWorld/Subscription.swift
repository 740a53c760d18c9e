import Nostr

/// What one REQ asked for, on one connection.
struct Subscription {
    let filters: [Filter]
    /// The REQ that opened it: an id may be used again for another.
    let request: Int
}

/// What is still to be sent to a client, in order.
enum OutgoingItem {
    case frame(OutgoingFrame)
    case answer(Answer)
    /// An event that was published after the subscription was opened.
    case live(SubscriptionID, request: Int, slot: Int32)
}

/// The stored events of one REQ and the message that ends them.
struct Answer {
    let subscription: SubscriptionID
    let request: Int
    let prefix: [UInt8]
    let slots: [Int32]
    var position = 0
    /// Text of the CLOSED that ends the answer, and after how many events.
    let closed: (text: String, afterEvents: Int)?
    /// The last message, EOSE, as often as it is sent.
    let end: [OutgoingFrame]

    /// Whether every event that will be sent has been.
    var isOver: Bool { self.position >= min(self.slots.count, self.closed?.afterEvents ?? .max) }
}
