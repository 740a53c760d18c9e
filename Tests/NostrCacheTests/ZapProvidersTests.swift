import Nostr
import TestSupport
import Testing

@testable import NostrCache
@testable import RelayWorld

/// Confirmed providers (NIP-57, level V3): the same standing whether the key or the receipt came first.
struct ZapProvidersTests {
    let signer = TestSigner()

    private func zap(
        _ provider: UInt8, recipient: UInt8, target: EventID?, payment: UInt8 = 1, at time: Int64 = 100
    ) -> VerifiedEvent {
        let subject = [["p", "\(self.signer.key(recipient))"]] + (target.map { [["e", "\($0)"]] } ?? [])
        let request = self.signer.event(9734, by: 9, at: time, tags: subject + [["relays", "wss://r.example"]])
        let invoice = LightningInvoice(
            msats: 21_000, createdAt: Timestamp(time), paymentHash: self.signer.sha256([payment]), purpose: .text("zap")
        )
        let tags = [["bolt11", invoice.text], ["description", String(decoding: request.event.json, as: UTF8.self)]]
        return self.signer.event(9735, by: provider, at: time, tags: subject + tags)
    }

    private static let standing = """
        SELECT concat_ws(' ', level, coalesce(provider_match::text, 'unknown'), coalesce(recipient_match::text, 'unknown'),
          CASE WHEN is_counted THEN 'counted' ELSE 'not' END, zap_count, zap_msats, zap_msats_verified)
        FROM nostr_zaps z LEFT JOIN nostr_event_stats s ON s.event_id = z.target_event_id
        ORDER BY z.created_at
        """

    @Test func `a key confirms the receipts before it and behind it`() async throws {
        let note = self.signer.event(1, by: 1, "note")
        let zap = self.zap(20, recipient: 1, target: note.event.id)
        try await CacheFixture.with { cache in
            let providers = ZapProviders(connection: cache.connection)
            try await cache.write([zap])
            #expect(try await cache.column(Self.standing) == ["1 unknown unknown counted 1 21000 0"])
            try await cache.write([note])
            #expect(try await cache.column(Self.standing) == ["2 unknown true counted 1 21000 0"])
            #expect(try await providers.confirm(self.signer.key(20), for: self.signer.key(1)) == 1)
            #expect(try await cache.column(Self.standing) == ["3 true true counted 1 21000 21000"])
            #expect(try await providers.confirm(self.signer.key(20), for: self.signer.key(1)) == 0)
            // The target goes, and comes back.
            try await cache.script("DELETE FROM nostr_event_relays")
            try await cache.clear()
            try await cache.write([note, zap])
            #expect(try await cache.column(Self.standing) == ["3 true true counted 1 21000 21000"])
        }
    }

    @Test func `of a payment the confirmed receipt counts, whoever copied it earlier`() async throws {
        let note = self.signer.event(1, by: 1, "note")
        let copy = self.zap(21, recipient: 1, target: note.event.id, at: 50)
        let zap = self.zap(20, recipient: 1, target: note.event.id, at: 100)
        try await CacheFixture.with { cache in
            try await cache.write([note, copy, zap])
            #expect(
                try await cache.column(Self.standing) == [
                    "2 unknown true counted 1 21000 0", "2 unknown true not 1 21000 0",
                ])
            try await ZapProviders(connection: cache.connection).confirm(self.signer.key(20), for: self.signer.key(1))
            #expect(
                try await cache.column(Self.standing) == [
                    "2 false true not 1 21000 21000", "3 true true counted 1 21000 21000",
                ])
        }
    }

    @Test func `a recipient who should not have got it stays at level 1, unless the target's zap tags name it`()
        async throws
    {
        let note = self.signer.event(1, by: 1, "note")
        let split = self.signer.event(1, by: 1, tags: [["zap", "\(self.signer.key(2))", "wss://r.example"]], "split")
        let zaps = [
            self.zap(20, recipient: 2, target: note.event.id, payment: 1, at: 1),
            self.zap(20, recipient: 2, target: split.event.id, payment: 2, at: 2),
        ]
        try await CacheFixture.with { cache in
            try await ZapProviders(connection: cache.connection).confirm(self.signer.key(20), for: self.signer.key(2))
            try await cache.write([note, split] + zaps)
            #expect(
                try await cache.column(Self.standing) == [
                    "1 true false counted 1 21000 0", "3 true true counted 1 21000 21000",
                ])
        }
    }

    @Test func `a trusted key is believed for everybody`() async throws {
        let note = self.signer.event(1, by: 1, "note")
        var rules = CacheRules()
        rules.trustedProviders = [self.signer.key(20)]
        try await CacheFixture.with { cache in
            _ = try await cache.writer(rules: rules).write(
                cache.items([self.zap(20, recipient: 1, target: note.event.id), note]))
            #expect(try await cache.column(Self.standing) == ["3 true true counted 1 21000 21000"])
        }
    }
}
