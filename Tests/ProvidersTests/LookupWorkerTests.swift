import Logging
import Nostr
import NostrCache
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Providers

/// A migrated database with profiles, and a worker whose web is a server of the test.
struct LookupFixture: Sendable {
    let configuration: PostgresConfiguration
    let connection: PostgresConnection
    let server: WebServer
    let port: Int

    static func with(
        _ answer: @escaping @Sendable (String) -> WebServer.Answer, _ body: (LookupFixture) async throws -> Void
    ) async throws {
        try await TestDatabase.withDatabase { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            let migrator = Migrator(
                line: NostrSchema.line, migrations: NostrSchema.migrations, toolVersion: "test", logger: .silent)
            _ = try await migrator.up(on: connection)
            try await WebServer.with(answer) { server, port in
                try await body(
                    LookupFixture(configuration: configuration, connection: connection, server: server, port: port))
            }
            await connection.close()
        }
    }

    static func key(_ number: UInt8) -> PublicKey {
        PublicKey(Bytes32(0, 0, 0, UInt64(number)))
    }

    func script(_ sql: String) async throws { try await self.connection.run { try $0.executeScript(sql) } }

    func profile(_ number: UInt8, nip05: String? = nil, lud16: String? = nil) async throws {
        try await self.connection.run { session in
            _ = try session.execute(
                """
                INSERT INTO nostr_profiles (pubkey, nip05, lud16, updated_at, event_id, profile_valid, seen_at)
                VALUES (decode($1, 'hex'), $2, $3, 1, sha256(decode($1, 'hex')), true, now())
                ON CONFLICT (pubkey) DO UPDATE SET nip05 = excluded.nip05, lud16 = excluded.lud16
                """,
                [
                    .text("\(Self.key(number))"), nip05.map(PostgresValue.text) ?? .null,
                    lud16.map(PostgresValue.text) ?? .null,
                ])
        }
    }

    /// One pass of a worker that never waits for its turns, but counts how long it would have.
    @discardableResult
    func pass(_ change: (inout ProviderSettings) -> Void = { $0.checksIdentifiers = true }) async throws -> Bool {
        var settings = ProviderSettings()
        change(&settings)
        let fetch = try testFetch(port: self.port) { $0 = settings }
        return try await LookupWorker(
            settings: settings, database: self.configuration, rules: CacheRules(), fetch: fetch, logger: .silent,
            sleep: { _ in }
        ).pass()
    }

    func column(_ sql: String) async throws -> [String] {
        try await self.connection.run { try $0.execute(sql).map { $0[0].text ?? "NULL" } }
    }

    func verified() async throws -> [String] {
        try await self.column("SELECT nip05 FROM nostr_profiles_checked WHERE nip05_verified ORDER BY 1")
    }
}

struct LookupWorkerTests {
    private static func names(_ pairs: [String: UInt8]) -> WebServer.Answer {
        let members = pairs.map { "\"\($0.key)\":\"\(LookupFixture.key($0.value))\"" }.joined(separator: ",")
        return .json("{\"names\":{\(members)}}")
    }

    @Test func `an identifier is verified when its domain names the profile's key`() async throws {
        try await LookupFixture.with { path in
            switch path {
            case "a.test/.well-known/nostr.json?name=good": Self.names(["good": 1])
            case "a.test/.well-known/nostr.json?name=liar": Self.names(["liar": 1])
            case "a.test/.well-known/nostr.json?name=_": Self.names(["_": 3])
            default: .status(404)
            }
        } _: { fixture in
            for (number, nip05) in [(1, "good@a.test"), (2, "liar@a.test"), (3, "_@a.test"), (4, "gone@a.test")] {
                try await fixture.profile(UInt8(number), nip05: nip05)
            }
            try await fixture.profile(5, nip05: "no identifier")
            try await fixture.pass()
            #expect(try await fixture.verified() == ["_@a.test", "good@a.test"])
            #expect(
                try await fixture.column("SELECT reason FROM nostr_nip05_checks ORDER BY pubkey") == [
                    "NULL", "names another key", "NULL", "status 404", "no address",
                ])
            let verified = try await Lookups(connection: fixture.connection).verifiedIdentifiers(
                of: (1...5).map { LookupFixture.key($0) })
            #expect(verified == [LookupFixture.key(1), LookupFixture.key(3)])

            // Nobody is asked again before it is time.
            let asked = fixture.server.requests.count
            #expect(asked == 4)
            try await fixture.pass()
            #expect(fixture.server.requests.count == asked)
        }
    }

    @Test func `another identifier is another question, and its verdict is not inherited`() async throws {
        try await LookupFixture.with({ $0.hasSuffix("=good") ? Self.names(["good": 1]) : .status(503) }) { fixture in
            try await fixture.profile(1, nip05: "good@a.test")
            try await fixture.pass()
            #expect(try await fixture.verified() == ["good@a.test"])
            try await fixture.profile(1, nip05: "other@a.test")
            #expect(try await fixture.verified() == [])
            try await fixture.pass()
            #expect(try await fixture.verified() == [])
        }
    }

    @Test func `a domain that does not answer keeps its verdict until that expires`() async throws {
        let isDown = Atomic<Bool>(false)
        try await LookupFixture.with { _ in
            isDown.load(ordering: .relaxed) ? .status(503) : Self.names(["good": 1])
        } _: { fixture in
            try await fixture.profile(1, nip05: "good@a.test")
            try await fixture.pass()
            isDown.store(true, ordering: .relaxed)
            for failures in 1...3 {
                try await fixture.script("UPDATE nostr_nip05_checks SET next_check_at = now()")
                try await fixture.pass()
                #expect(try await fixture.verified() == ["good@a.test"])
                #expect(
                    try await fixture.column(
                        "SELECT failures || ' ' || round(extract(epoch FROM next_check_at - now()) / 60) "
                            + "FROM nostr_nip05_checks") == ["\(failures) \(5 << failures)"])
            }
            try await fixture.script("UPDATE nostr_nip05_checks SET expires_at = now()")
            #expect(try await fixture.verified() == [])
        }
    }

    @Test func `redirects of NIP-05 are ignored`() async throws {
        try await LookupFixture.with { path in
            path.hasPrefix("a.test") ? .status(302, ["Location": "https://b.test/x"]) : Self.names(["good": 1])
        } _: { fixture in
            try await fixture.profile(1, nip05: "good@a.test")
            try await fixture.pass()
            #expect(try await fixture.verified() == [])
            #expect(fixture.server.requests.count == 1)
        }
    }

    @Test func `what a profile no longer claims is forgotten`() async throws {
        try await LookupFixture.with({ _ in Self.names(["good": 1]) }) { fixture in
            try await fixture.profile(1, nip05: "good@a.test")
            try await fixture.pass()
            try await fixture.script("DELETE FROM nostr_profiles")
            try await fixture.pass()
            #expect(try await fixture.column("SELECT identifier FROM nostr_nip05_checks") == [])
        }
    }

    @Test func `a host is asked one question at a time, other hosts beside it`() async throws {
        try await LookupFixture.with({ _ in Self.names(["x": 1]) }) { fixture in
            for number in 1...12 {
                try await fixture.profile(UInt8(number), nip05: "x\(number)@\(number % 2 == 0 ? "a" : "b").test")
            }
            try await fixture.pass()
            #expect(fixture.server.requests.count == 12)
            #expect(fixture.server.most(of: "a.test") == 1)
            #expect(fixture.server.most(of: "b.test") == 1)
        }
    }

    @Test func `nothing is asked that the operator did not turn on`() async throws {
        try await LookupFixture.with({ _ in .json("{}") }) { fixture in
            try await fixture.profile(1, nip05: "good@a.test", lud16: "good@a.test")
            try await fixture.pass { _ in }
            #expect(fixture.server.requests == [])
        }
    }

    @Test func `of two workers one asks`() async throws {
        try await LookupFixture.with({ _ in Self.names(["good": 1]) }) { fixture in
            try await fixture.profile(1, nip05: "good@a.test")
            let lock = try await WriterLock(connection: fixture.connection, for: .lookups)
            #expect(try await lock.tryAcquire())
            try await fixture.pass()
            #expect(fixture.server.requests == [])
            try await lock.release()
            try await fixture.pass()
            #expect(fixture.server.requests.count == 1)
        }
    }
}

/// Zap receipts and the keys of their signers (NIP-57, level V3).
struct ZapConfirmationTests {
    private static let zaps: @Sendable (inout ProviderSettings) -> Void = { $0.confirmsZaps = true }

    private static func provider(_ number: UInt8, allowsNostr: Bool = true) -> WebServer.Answer {
        .json(
            "{\"allowsNostr\":\(allowsNostr),\"nostrPubkey\":\"\(LookupFixture.key(number))\",\"tag\":\"payRequest\"}")
    }

    /// A receipt of 21 sat for profile 1, signed by `provider`.
    private func receipt(_ fixture: LookupFixture, _ number: Int, by provider: UInt8, level: Int = 1) async throws {
        try await fixture.script(
            """
            INSERT INTO nostr_zaps (event_id, provider_pubkey, recipient_pubkey, target_event_id, msats, amount_source,
              network, payment_hash, level, is_counted, created_at)
            VALUES (sha256('zap \(number)'), decode('\(LookupFixture.key(provider))', 'hex'),
              decode('\(LookupFixture.key(1))', 'hex'), sha256('target'), 21000, 'bolt11', 'bc',
              sha256('payment \(number)'), \(level), \(level > 0), \(number));
            INSERT INTO nostr_event_stats AS s (event_id, zap_count, zap_msats)
            VALUES (sha256('target'), 1, 21000)
            ON CONFLICT (event_id) DO UPDATE SET zap_count = s.zap_count + 1, zap_msats = s.zap_msats + 21000;
            """)
    }

    private func levels(_ fixture: LookupFixture) async throws -> [String] {
        try await fixture.column("SELECT level::text FROM nostr_zaps ORDER BY created_at")
    }

    private func verified(_ fixture: LookupFixture) async throws -> [String] {
        try await fixture.column("SELECT zap_msats_verified::text FROM nostr_event_stats")
    }

    @Test func `receipts that the recipient's provider signed are raised to V3, others are not, 57-15`() async throws {
        try await LookupFixture.with { path in
            path == "a.test/.well-known/lnurlp/alice" ? Self.provider(9) : .status(404)
        } _: { fixture in
            try await fixture.profile(1, lud16: "Alice@a.test")
            try await self.receipt(fixture, 1, by: 9)
            try await self.receipt(fixture, 2, by: 8)
            try await self.receipt(fixture, 3, by: 9, level: 0)
            try await fixture.pass(Self.zaps)
            #expect(try await self.levels(fixture) == ["3", "1", "0"])
            #expect(try await self.verified(fixture) == ["21000"])
            #expect(try await fixture.column("SELECT outcome FROM nostr_lightning_lookups") == ["found"])
            // The forged one makes nobody ask again before it is time.
            try await fixture.pass(Self.zaps)
            #expect(fixture.server.requests.count == 1)
        }
    }

    @Test func `a provider that rotates its key keeps its history`() async throws {
        let key = Atomic<UInt8>(8)
        try await LookupFixture.with({ _ in Self.provider(key.load(ordering: .relaxed)) }) { fixture in
            try await fixture.profile(1, lud16: "alice@a.test")
            try await self.receipt(fixture, 1, by: 8)
            try await self.receipt(fixture, 2, by: 9)
            try await fixture.pass(Self.zaps)
            #expect(try await self.levels(fixture) == ["3", "1"])
            key.store(9, ordering: .relaxed)
            try await fixture.script("UPDATE nostr_lightning_lookups SET next_check_at = now()")
            try await fixture.pass(Self.zaps)
            #expect(try await self.levels(fixture) == ["3", "3"])
            #expect(try await self.verified(fixture) == ["42000"])
            #expect(
                try await fixture.column("SELECT count(*)::text FROM nostr_zap_providers") == ["2"])
        }
    }

    @Test(
        arguments: [
            (.json("{\"nostrPubkey\":\"\(LookupFixture.key(9))\"}"), "refused signs no receipts"),
            (provider(9, allowsNostr: false), "refused signs no receipts"),
            (.json("{\"allowsNostr\":true,\"nostrPubkey\":\"npub1\"}"), "refused signs no receipts"),
            (.json("[]"), "refused signs no receipts"), (.json("not JSON"), "refused signs no receipts"),
            (.status(500), "failed status 500"), (.status(404), "refused status 404"),
        ] as [(WebServer.Answer, String)])
    func `an answer without a key confirms nothing`(answer: WebServer.Answer, outcome: String) async throws {
        try await LookupFixture.with({ _ in answer }) { fixture in
            try await fixture.profile(1, lud16: "alice@a.test")
            try await self.receipt(fixture, 1, by: 9)
            try await fixture.pass(Self.zaps)
            #expect(try await self.levels(fixture) == ["1"])
            #expect(
                try await fixture.column("SELECT outcome || ' ' || reason FROM nostr_lightning_lookups") == [outcome])
        }
    }

    @Test func `nobody without receipts is asked about`() async throws {
        try await LookupFixture.with({ _ in Self.provider(9) }) { fixture in
            try await fixture.profile(1, lud16: "alice@a.test")
            try await fixture.pass(Self.zaps)
            #expect(fixture.server.requests == [])
        }
    }
}
