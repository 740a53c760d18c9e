import Nostr
import Testing

/// The readers over real events, which are no part of the repository (``SharedEvents``).
///
/// Relays, wallets and clients of many hands wrote them, so they check what no vector of ours can: that a preimage is the
/// one of the payment hash, a description the one that was hashed, and an amount the one that was asked for.
@Suite(.enabled(if: SharedEvents.isPresent)) struct RealReadingTests {
    static let events: [Event] = {
        guard let lines = try? SharedEvents.lines("dev.jsonl") else { return [] }
        return lines.compactMap { try? Event(json: $0) }
    }()

    private static func counts(_ words: some Sequence<String>) -> [String: Int] {
        words.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    @Test func `real zap receipts hold, but for those of invoices that are none`() {
        let verifier = EventVerifier(keys: Pipeline.keys)
        let receipts = Self.events.compactMap { ZapReceipt($0, verifier: verifier) }
        // Fifteen are payments inside one wallet, whose invoices have an empty payment hash; one was asked for by e-mail.
        #expect(
            Self.counts(receipts.map { $0.fault?.rawValue ?? "none" }) == [
                "none": 569, "bolt11_invalid": 15, "description_invalid": 1,
            ])
        #expect(Self.counts(receipts.compactMap(\.preimageMatch).map { "\($0)" }) == ["true": 266])
        #expect(Self.counts(receipts.compactMap(\.hashMatch).map { "\($0)" }) == ["true": 259, "false": 282])
        #expect(Self.counts(receipts.flatMap(\.flags.names)) == ["anon": 5, "private": 1])
        #expect(receipts.allSatisfy { $0.fault != nil || $0.amountSource == .invoice })
        #expect(Set(receipts.compactMap(\.invoice?.paymentHash)).count > 560)
        #expect(receipts.count(where: { $0.standing(ZapContext()).countedMsats > 0 }) == 569)
    }

    @Test func `real reactions have a target and a meaning`() {
        let reactions = Self.events.compactMap { Reaction($0) }
        #expect(
            Self.counts(reactions.map(\.value.typeName)) == [
                "like": 532, "emoji": 525, "custom": 5, "dislike": 1, "other": 6,
            ])
        #expect(Self.counts(reactions.flatMap(\.flags.names)) == ["self_reaction": 6])
        #expect(reactions.count(where: \.targets.isEmpty) == 5)
    }

    @Test func `real deletion requests name something`() {
        let requests = Self.events.compactMap { DeletionRequest($0) }
        #expect(requests.count == 578)
        #expect(requests.count(where: { $0.events.isEmpty && $0.addresses.isEmpty }) == 5)
        #expect(requests.count(where: { !$0.addresses.isEmpty }) == 34)
        #expect(Self.counts(requests.flatMap(\.flags.names)) == ["bad_tag": 3])
    }

    @Test func `real labels are of label events and of the events themselves`() {
        let labels = Self.events.map { ($0.kind, Labels($0)) }.filter { !$0.1.labels.isEmpty }
        #expect(labels.count(where: { $0.0 == .label }) == 78 && labels.count == 125)
        #expect(labels.count(where: \.1.isAI) == 1)
    }

    @Test func `real expirations can be read`() {
        #expect(Self.events.count(where: { $0.expiration.time != nil }) == 39)
        #expect(!Self.events.contains { $0.expiration == .unreadable })
        #expect(Self.events.count(where: { ZapSplits($0.tags).isPayable }) == 23)
    }
}
