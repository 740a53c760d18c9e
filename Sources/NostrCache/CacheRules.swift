package import Nostr

/// What the cache derives from events besides what they say themselves: one value for the daemon, its commands and
/// ``CacheRebuild``. Whoever changes it rebuilds.
package struct CacheRules: Sendable {
    /// The URLs under which communities live (rule D1).
    package var communityBases = CommunityBases.standard
    /// Kinds that count as replies to their parent in `nostr_event_stats`.
    package var replyKinds: [Kind] = [.comment]
    /// The URLs under which this service is known: a vanish request that names one means everything (NIP-62).
    package var ownURLs: Set<RelayURL> = []
    /// Whether further sightings of an event are recorded, and not only the first.
    package var recordsSightings = true
    /// Keys whose zap receipts are believed for every recipient (NIP-57).
    package var trustedProviders: [PublicKey] = []
    /// Whether rows beside those of `nostr_events`, and counters, are derived as events are written. Without them a cache is
    /// rebuilt before anybody reads it; the benchmark measures so what they cost.
    package var derivesCompanions = true

    package init() {}

    package init(communityBases: CommunityBases) {
        self.communityBases = communityBases
    }
}
