import Nostr
import TestSupport
import Testing

@testable import NostrCache

/// Supersession, deletion, expiration and vanishing against the database, by the vectors of the protocol reference.
struct LifecycleSequenceTests {
    private static let file = "lifecycle-sequences.json"

    @Test func `the file has all its sequences`() {
        #expect(VectorFile.rows(Self.file).count == 57)
    }

    /// Every order where any order must give the result, event by event and in one batch.
    @Test func `every sequence ends with the events that its vector lists`() async throws {
        let signer = TestSigner()
        try await CacheFixture.with { cache in
            for row in VectorFile.rows(Self.file) {
                let sequence = try Sequence(row, signer)
                var tables: [String]?
                for order in sequence.orders {
                    for isOneBatch in [false, true] where !isOneBatch || sequence.isAnyOrder {
                        try await cache.clear()
                        let reasons = try await sequence.play(order, isOneBatch: isOneBatch, to: cache)
                        let comment: Comment = "\(sequence.id) \(order) one batch: \(isOneBatch)"
                        #expect(try await sequence.visible(in: cache) == sequence.stored, comment)
                        if !sequence.isAnyOrder { #expect(reasons == sequence.reasons, comment) }
                        let state = try await cache.tables()
                        if sequence.isAnyOrder { #expect(state == tables ?? state, comment) }
                        tables = state
                    }
                }
            }
        }
    }

    private struct Sequence {
        let id: String
        let isAnyOrder: Bool
        let steps: [(now: Timestamp, event: VerifiedEvent)]
        let viewNow: Int64
        let ownURLs: Set<RelayURL>
        let stored: [String]
        let reasons: [String]

        init(_ row: JSONValue, _ signer: TestSigner) throws {
            self.id = try #require(row["id"]?.string)
            self.isAnyOrder = row["order"]?.string == "any"
            self.steps = try #require(row["steps"]?.array).map { step in
                (
                    Timestamp(try #require(step["now"]?.integer)),
                    try signer.verify(Array(try #require(step["event"]).text.utf8))
                )
            }
            self.viewNow = try #require(row["view_now"]?.integer)
            self.ownURLs = Set(
                (row["context"]?["own_urls"]?.array ?? []).compactMap { $0.string.flatMap(RelayURL.init) })
            self.stored = try #require(row["expected"]?["stored"]?.array).compactMap(\.string)
            self.reasons = (row["expected"]?["reasons"]?.array ?? []).map { $0.string ?? "written" }
        }

        var orders: [[Int]] {
            let given = Array(self.steps.indices)
            return self.isAnyOrder ? Self.permutations(of: given) : [given]
        }

        private static func permutations(of items: [Int]) -> [[Int]] {
            guard items.count > 1 else { return [items] }
            return items.indices.flatMap { index in
                var rest = items
                let first = rest.remove(at: index)
                return self.permutations(of: rest).map { [first] + $0 }
            }
        }

        /// - Returns: what became of each event, in the words of the vectors.
        func play(_ order: [Int], isOneBatch: Bool, to cache: CacheFixture) async throws -> [String] {
            var rules = CacheRules()
            rules.ownURLs = self.ownURLs
            let writer = cache.writer(rules: rules)
            var reasons: [String] = []
            var batch: [VerifiedEvent] = []
            for step in order.map({ self.steps[$0] }) {
                if let rejection = EventGate.rejection(of: step.event.event, now: step.now) {
                    reasons.append(rejection.rawValue)
                    continue
                }
                batch.append(step.event)
                guard !isOneBatch else { continue }
                let outcomes = try await writer.write(cache.items(batch)).outcomes
                // The vectors tell deletion requests and vanish requests apart, outcomes do not.
                let isVanished = self.steps[0].event.event.kind == .vanishRequest
                reasons += outcomes.map { $0.word(deleted: isVanished ? "vanished" : "deleted") }
                batch = []
            }
            if isOneBatch { _ = try await writer.write(cache.items(batch)) }
            return reasons
        }

        func visible(in cache: CacheFixture) async throws -> [String] {
            try await cache.column(
                """
                SELECT encode(event_id, 'hex')
                FROM nostr_events
                WHERE expires_at IS NULL OR expires_at > \(self.viewNow)
                ORDER BY event_id
                """)
        }
    }
}

extension WriteOutcome {
    fileprivate func word(deleted: String) -> String {
        switch self {
        case .written: "written"
        case .duplicate: "duplicate"
        case .replaced: "superseded"
        case .deleted: deleted
        case .rejected(let rejection): rejection.rawValue
        }
    }
}
