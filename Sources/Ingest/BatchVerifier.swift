import Glibc
import Nostr
import NostrCache

/// The second pass over what a relay sent: id, signature, and whether the event may be stored.
///
/// A verification takes some 45 µs, so one read burst can keep a core busy for ten milliseconds while others idle. A large
/// batch is therefore cut into parts that are verified side by side; the order of what comes out is that of what came in.
struct BatchVerifier: ~Copyable {
    /// What became of the events of a batch.
    struct Verdict: Sendable {
        var items: [CacheItem] = []
        var counts = Accounts.FrameCounts()
    }

    /// When a batch is judged, and by which rules.
    private struct Rules: Sendable {
        let relay: RelayID
        let limits: EventLimits
        let takesEmbeds: Bool
        let wall: Timestamp
        /// Microseconds since 1970.
        let seenAt: Int64
    }

    private let relay: RelayID
    private let limits: EventLimits
    private let takesEmbeds: Bool
    private let keys: PublicKeyCache
    private let verified: VerifiedSignatures?
    private let verifier: EventVerifier
    private let partsMax: Int

    /// Below this a part is not worth a task, which costs about as much as a tenth of a verification.
    private static let partEventsMin = 16
    /// More parts than cores would only wait for each other.
    static let cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    init(
        relay: RelayID, keys: PublicKeyCache, verified: VerifiedSignatures?, limits: EventLimits,
        takesEmbeds: Bool = false, partsMax: Int = Self.cores
    ) {
        self.relay = relay
        self.limits = limits
        self.takesEmbeds = takesEmbeds
        self.keys = keys
        self.verified = verified
        self.verifier = EventVerifier(keys: keys, verified: verified)
        self.partsMax = partsMax
    }

    /// Judges the events, in order; `seenAt` is in microseconds since 1970.
    func verify(_ events: [Event], at wall: Timestamp, seenAt: Int64) async -> Verdict {
        let rules = Rules(
            relay: self.relay, limits: self.limits, takesEmbeds: self.takesEmbeds, wall: wall, seenAt: seenAt)
        let parts = min(self.partsMax, events.count / Self.partEventsMin)
        guard parts > 1 else { return Self.judge(events[...], rules, self.verifier) }
        let (keys, verified) = (self.keys, self.verified)
        let size = (events.count + parts - 1) / parts
        return await withTaskGroup(of: (start: Int, verdict: Verdict).self) { group in
            for start in stride(from: size, to: events.count, by: size) {
                let part = events[start..<min(start + size, events.count)]
                group.addTask { (start, Self.judge(part, rules, EventVerifier(keys: keys, verified: verified))) }
            }
            var whole = Self.judge(events[..<size], rules, self.verifier)
            var rest: [(start: Int, verdict: Verdict)] = []
            for await part in group { rest.append(part) }
            for part in rest.sorted(by: { $0.start < $1.start }) {
                whole.items += part.verdict.items
                whole.counts.add(part.verdict.counts)
            }
            return whole
        }
    }

    private static func judge(
        _ events: ArraySlice<Event>, _ rules: Rules, _ verifier: borrowing EventVerifier
    ) -> Verdict {
        var verdict = Verdict()
        verdict.items.reserveCapacity(events.count)
        for index in events.indices {
            let event = events[index]
            if index + 1 < events.endIndex { verifier.prefetch(events[index + 1]) }
            do throws(EventRejection) {
                let item = try EventIntake.item(
                    of: event, verifiedBy: verifier, from: rules.relay, limits: rules.limits, at: rules.wall,
                    seenAt: rules.seenAt)
                verdict.items.append(item)
                verdict.counts.queued += 1
                guard rules.takesEmbeds, case .event(let carrier, _, _) = item,
                    let embed = EventIntake.embed(in: carrier, verifiedBy: verifier, at: rules.wall)
                else { continue }
                verdict.items.append(.event(embed, relay: rules.relay, seenAt: rules.seenAt))
                verdict.counts.embedded += 1
                verdict.counts.queued += 1
            } catch {
                verdict.counts.reject(error)
            }
        }
        return verdict
    }
}
