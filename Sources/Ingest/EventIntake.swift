import Nostr
import NostrCache

/// What stands between a parsed event and the queue, wherever the event came from: id, signature, and the last gate.
enum EventIntake {
    /// The event as the writer takes it: to be stored, or, where the reason is one that keeps the bytes, to be
    /// quarantined. Both are settled by the writer. `seenAt` is in microseconds since 1970.
    static func item(
        of event: consuming Nostr.Event, verifiedBy verifier: borrowing EventVerifier, from relay: RelayID?,
        limits: EventLimits, at wall: Timestamp, seenAt: Int64
    ) throws(EventRejection) -> CacheItem {
        let verified = try verifier.verify(event)
        switch EventGate.rejection(of: verified.event, now: wall, limits: limits) {
        case nil:
            return .event(verified, relay: relay, seenAt: seenAt)
        case .some(let reason) where reason.isQuarantined:
            // The bytes are written anew from what was verified: what else was sent with them was never signed.
            let retryAt = verified.event.createdAt.seconds - limits.futureSecondsMax
            return .quarantine(
                QuarantinedEvent(
                    event: verified, raw: verified.event.json, reason: reason, relay: relay,
                    retryAt: reason == .future && retryAt < Int64.max / 1_000_000 ? retryAt * 1_000_000 : nil))
        case .some(let reason):
            throw reason
        }
    }

    /// The event that a verified one holds in its content and that is as good as if a relay had sent it: what a repost
    /// spreads (NIP-18), what an approval approves (NIP-72). One that holds another in turn is not looked into.
    static func embed(
        in event: VerifiedEvent, verifiedBy verifier: borrowing EventVerifier, at wall: Timestamp
    ) -> VerifiedEvent? {
        switch event.event.kind {
        case .repost, .genericRepost: Repost(event.event, verifier: verifier, now: wall)?.embed.event
        case .communityApproval: CommunityApproval(event.event, verifier: verifier, now: wall).embed.event
        default: nil
        }
    }
}
