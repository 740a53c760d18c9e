import Nostr
import NostrCache
import RelayWorld
import Testing

@testable import Ingest

struct BatchVerifierTests {
    let wall = Timestamp(1_760_000_000)

    /// Signed events of which every seventh is forged, every eleventh from the future, every thirteenth expired.
    func events(_ count: Int) throws -> [Event] {
        let signer = Signer()
        let key = signer.key(named: "author")
        return try (0..<count).map { number in
            let isFuture = number % 11 == 3
            let tags = number % 13 == 5 ? [["expiration", "1"]] : [["t", "\(number)"]]
            let body = Event.Body(
                pubkey: key.publicKey, createdAt: Timestamp(isFuture ? 1_760_009_000 : 1_759_000_000), kind: .note,
                tags: tags, content: "event \(number)")
            let event = signer.sign(body, with: key)
            guard number % 7 == 2 else { return event }
            return try Event(
                Event.Body(
                    pubkey: body.pubkey, createdAt: body.createdAt, kind: .note, tags: tags, content: "forged \(number)"
                ),
                id: event.id, sig: event.sig)
        }
    }

    func verdict(_ events: [Event], parts: Int) async -> (ids: [EventID], counts: Accounts.FrameCounts) {
        let verifier = BatchVerifier(
            relay: RelayID(1), keys: PublicKeyCache(capacity: 64), verified: VerifiedSignatures(capacity: 64),
            limits: EventLimits(), partsMax: parts)
        let verdict = await verifier.verify(events, at: self.wall, seenAt: 5)
        let ids = verdict.items.compactMap { item -> EventID? in
            switch item {
            case .event(let verified, _, _): verified.event.id
            case .quarantine(let quarantined): quarantined.event.event.id
            default: nil
            }
        }
        return (ids, verdict.counts)
    }

    @Test(arguments: [0, 1, 15, 16, 31, 32, 33, 63, 100, 257])
    func `parts side by side give what one gives, in the same order`(count: Int) async throws {
        let events = try self.events(count)
        let alone = await self.verdict(events, parts: 1)
        #expect(alone.counts.queued + alone.counts.rejected.values.reduce(0, +) == count)
        #expect(alone.ids.count == alone.counts.queued)
        for parts in [2, 3, 8] {
            let cut = await self.verdict(events, parts: parts)
            #expect(cut.ids == alone.ids)
            #expect(cut.counts == alone.counts)
        }
    }

    /// What is embedded, and what becomes of it: kind, tags of the carrier beside `e`, and whether the embed is genuine.
    @Test(arguments: [
        (kind: 6 as UInt16, isGenuine: true, isTaken: true), (16, true, true), (4550, true, true), (1, true, false),
        (6, false, false),
    ])
    func `an event in the content of a repost or an approval comes behind it, if it is genuine and asked for`(
        kind: UInt16, isGenuine: Bool, isTaken: Bool
    ) async throws {
        let signer = Signer()
        let key = signer.key(named: "carrier")
        let note = try self.events(1)[0]
        let json = String(decoding: note.json, as: UTF8.self)
        let community = "34550:\(key.publicKey):c"
        let carrier = signer.sign(
            Event.Body(
                pubkey: key.publicKey, createdAt: Timestamp(1_759_000_001), kind: Kind(kind),
                tags: [["e", "\(note.id)", ""], ["p", "\(note.pubkey)"], ["a", community], ["k", "1"]],
                content: isGenuine ? json : json.replacing("event 0", with: "event 1")), with: key)
        for isAsked in [false, true] {
            let verifier = BatchVerifier(
                relay: RelayID(1), keys: PublicKeyCache(capacity: 64), verified: nil, limits: EventLimits(),
                takesEmbeds: isAsked)
            let verdict = await verifier.verify([carrier], at: self.wall, seenAt: 5)
            let ids = verdict.items.compactMap { item in
                if case .event(let verified, RelayID(1)?, 5) = item { verified.event.id } else { nil }
            }
            #expect(ids == (isAsked && isTaken ? [carrier.id, note.id] : [carrier.id]))
            #expect(verdict.counts.embedded == (isAsked && isTaken ? 1 : 0))
            #expect(verdict.counts.queued == ids.count)
            // What was received is counted with the frames.
            #expect(verdict.counts.difference == -1)
        }
    }
}
