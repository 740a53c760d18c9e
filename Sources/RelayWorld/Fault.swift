/// What a relay can do to its clients; each case is counted every time it happens.
package enum Fault: String, CaseIterable, Sendable, Comparable {
    /// An answer was cut at the page cap, below the limit that was asked for.
    case capped
    /// The same, by the cap that is announced nowhere.
    case silentlyCapped
    /// `finish` although there was more (NIP-67).
    case falseFinish
    /// `more` although there was none.
    case falseMore
    case missingEOSE, earlyEOSE, secondEOSE
    /// An answer in another order than newest first.
    case reordered
    /// An EVENT frame sent again.
    case duplicate
    /// `since` and `until` of a request were ignored.
    case intervalIgnored
    /// A CLOSED instead of, or in the middle of, an answer.
    case closed
    /// A REQ that was never answered.
    case unanswered
    /// A message that a mute relay read without a word.
    case muted
    case tooManySubscriptions
    /// A CLOSED because the client has not authenticated (NIP-42).
    case authRequired
    /// An AUTH that was answered with `OK false`.
    case authRefused
    /// A REQ under an id that was used before.
    case usedSubscriptionIgnored
    case delayed
    case disconnectAfterEvents, disconnectMidMessage, disconnectPeriodic
    case forgedSignature, forgedBody, futureDated, malformedFrame, wrongSubscription, filterViolation, notice
    /// The listening socket was closed.
    case unreachable

    package static func < (left: Fault, right: Fault) -> Bool { left.rawValue < right.rawValue }
}

/// The shapes of a frame that no client should accept; a relay sends them in turn.
package enum MalformedFrame: String, CaseIterable, Sendable {
    /// An EVENT message that ends in the middle.
    case truncatedEvent
    case notJSON, notAnArray, emptyArray, unknownLabel
    /// An EVENT message whose `created_at` and `kind` are strings.
    case wrongTypes
    /// An EVENT message with two members `content`.
    case duplicateKey
    case upperCaseHex
    case numberInTag
    /// An EVENT message in a binary frame.
    case binary
}
