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
            settings: settings, database: self.configuration, fetch: fetch, logger: .silent, sleep: { _ in }
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
