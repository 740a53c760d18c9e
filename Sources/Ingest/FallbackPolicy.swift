/// Which fallback relays serve now: one for each primary that has been down too long, the best first.
///
/// A fallback hands back when the primary it stands for has held again for a while; switching back at once would follow
/// every flap. Pure: time is an argument.
package struct FallbackPolicy: Hashable, Sendable {
    /// A primary may be gone this long before anybody stands in.
    package var takeOverAfter: Duration = .seconds(60)
    /// A primary must hold this long before its stand-in goes.
    package var handBackAfter: Duration = .seconds(120)

    package init() {}

    /// What is known of one relay.
    package struct Candidate: Hashable, Sendable {
        package let relay: String
        /// Since when it serves without a break; nil while it does not.
        package let servingSince: ContinuousClock.Instant?
        /// Since when it does not serve; nil while it does.
        package let downSince: ContinuousClock.Instant?
        /// Failed connections in a row: the fewer, the better.
        package let failures: Int

        package init(
            relay: String, servingSince: ContinuousClock.Instant?, downSince: ContinuousClock.Instant?, failures: Int
        ) {
            self.relay = relay
            self.servingSince = servingSince
            self.downSince = downSince
            self.failures = failures
        }
    }

    /// The fallbacks that should serve, given those that do.
    package func active(
        primaries: [Candidate], fallbacks: [Candidate], serving: Set<String>, now: ContinuousClock.Instant
    ) -> Set<String> {
        let missing = primaries.count { primary in
            primary.servingSince == nil && (primary.downSince.map { now - $0 >= self.takeOverAfter } ?? false)
        }
        // A primary that came back keeps its stand-in until it has held; one that never went needs none.
        let settling = primaries.count { primary in
            primary.servingSince.map { now - $0 < self.handBackAfter } ?? false
        }
        let kept = min(serving.count, missing + settling)
        let needed = max(missing, kept)
        // Those that serve stay, so that nothing is switched without need; then the healthiest.
        let ranked = fallbacks.sorted { left, right in
            let leftKey = (serving.contains(left.relay) ? 0 : 1, left.failures, left.relay)
            let rightKey = (serving.contains(right.relay) ? 0 : 1, right.failures, right.relay)
            return leftKey < rightKey
        }
        return Set(ranked.prefix(needed).map(\.relay))
    }
}
