import ControlPlane
import Foundation
import NIOHTTP1
import Nostr
import Synchronization
import TestSupport
import Testing

@testable import control_plane

struct CredentialTests {
    @Test(
        arguments: [
            ([], nil), (["Bearer cp_1"], "cp_1"), (["bearer  cp_1"], "cp_1"), (["Basic dXNlcg=="], nil),
            (["Bearer"], nil),
            (["Bearer "], nil), (["Bearer a b"], nil), (["Bearer a", "Bearer b"], nil), (["cp_1"], nil),
        ] as [([String], String?)])
    func `a credential is exactly one bearer value`(headers: [String], bearer: String?) {
        #expect(ControlAPI.bearer(headers) == bearer)
    }

    @Test func `credentials count in the header alone`() async throws {
        try await ServedPlane.with { plane async throws in
            let jwt = try plane.jwt("usr_1")
            #expect(try await plane.call(.GET, "/me?access_token=\(jwt)", as: nil).status == 401)
            #expect(try await plane.call(.GET, "/me", as: nil, headers: ["Cookie": "session=\(jwt)"]).status == 401)
            #expect(try await plane.call(.GET, "/me", as: jwt).status == 200)
        }
    }

    @Test func `every bad credential gets the same answer`() async throws {
        try await ServedPlane.with { plane async throws in
            let foreign = try AuthService.token("usr_1", AuthService.Key("first"))
            var answers: Set<String> = []
            for bearer in [
                nil, "x", "cp_", "cp_" + String(repeating: "0", count: 64), String(repeating: "a", count: 64), "a.b.c",
                String(repeating: "a", count: 9_000), foreign, try plane.jwt("usr_1", ["exp": "1"]),
                try plane.jwt("usr_1", ["aud": "\"other\""]), try plane.jwt("usr_1", ["iss": "\"other\""]),
                try plane.jwt("usr_1", ["nbf": "9999999999"]),
            ] {
                let answer = try await plane.call(.GET, "/me", as: bearer)
                #expect(answer.status == 401)
                answers.insert(answer.json.text)
            }
            #expect(answers.count == 1)
        }
    }

    @Test func `a rotation of keys is followed`() async throws {
        let next = AuthService.Key("second")
        // The old key stays until its last token has expired.
        let keys: @Sendable (AuthService.Key) async throws -> [UInt8] = { AuthService.document([$0, next]) }
        try await ServedPlane.with(keys: keys) { plane async throws in
            #expect(try await plane.call(.GET, "/me", as: AuthService.token("usr_1", next)).status == 200)
            #expect(try await plane.call(.GET, "/me", as: plane.jwt("usr_1")).status == 200)
        }
    }

    @Test func `without a key JWTs get 503 while tokens work, and without an auth service they get 401`() async throws {
        try await ServedPlane.with(keys: { _ in throw KeyFetchError.status(500) }) { plane async throws in
            let answer = try await plane.call(.GET, "/me", as: plane.jwt("usr_1"))
            #expect(answer.status == 503 && answer.code == "UNAVAILABLE")
            _ = try await plane.administration.createServiceAccount("svc_1", name: "Builder")
            let token = try await plane.administration.createToken(of: "svc_1", name: "t").secret.revealed
            #expect(try await plane.call(.GET, "/me", as: token).status == 200)
        }
        try await ServedPlane.with(keys: nil) { plane async throws in
            #expect(try await plane.call(.GET, "/me", as: plane.jwt("usr_1")).status == 401)
        }
    }

    @Test func `who fails too often is not looked at, and others are`() async throws {
        try await ServedPlane.with {
            $0.failuresPerMinute = 3
            $0.trustsForwardedFor = true
        } _: { plane async throws in
            let jwt = try plane.jwt("usr_1")
            func status(_ bearer: String, from address: String) async throws -> ServedPlane.Answer {
                try await plane.call(.GET, "/me", as: bearer, headers: ["X-Forwarded-For": "10.0.0.9, \(address)"])
            }
            for _ in 0..<3 { #expect(try await status("wrong", from: "192.0.2.1").status == 401) }
            let refused = try await status(jwt, from: "192.0.2.1")
            #expect(refused.status == 429 && refused.code == "RATE_LIMITED")
            #expect(
                refused.headers.first(name: "Retry-After").flatMap { Int($0) }.map { (1...20).contains($0) } ?? false)
            #expect(try await status(jwt, from: "192.0.2.2").status == 200)
        }
    }

    @Test func `an address that anybody may write is not believed`() async throws {
        try await ServedPlane.with {
            $0.failuresPerMinute = 1
        } _: { plane async throws in
            #expect(try await plane.call(.GET, "/me", as: "x", headers: ["X-Forwarded-For": "192.0.2.1"]).status == 401)
            #expect(try await plane.call(.GET, "/me", as: "x", headers: ["X-Forwarded-For": "192.0.2.2"]).status == 429)
        }
    }

    @Test func `a secret is shown once, and never again`() async throws {
        try await ServedPlane.with { plane async throws in
            let made = try await plane.call(.POST, "/tokens", by: "usr_1", #"{"name":"laptop","expires_at":null}"#)
            let secret = try #require(made.json["api_key"]?.string)
            #expect(made.status == 201 && secret.hasPrefix("cp_") && secret.utf8.count == 67)
            #expect(made.json["token"]?["expires_at"] == .null)
            let list = try await plane.call(.GET, "/tokens", by: "usr_1")
            #expect(!list.json.text.contains(secret.dropFirst(3)))
            #expect(try await plane.call(.GET, "/me", as: secret).status == 200)
            #expect(try await plane.call(.DELETE, "/tokens/\(made.id("token"))", by: "usr_1").status == 200)
            #expect(try await plane.call(.GET, "/me", as: secret).status == 401)
        }
    }

    @Test func `a user comes with the first action and not with a look`() async throws {
        try await ServedPlane.with { plane async throws in
            let claims: [String: String?] = [
                "name": "\"Ada\"", "email": "\"ada@example.com\"", "email_verified": "true",
            ]
            let jwt = try plane.jwt("usr_1", claims)
            #expect(try await plane.call(.GET, "/projects", as: jwt).json["projects"]?.array == [])
            #expect(try await plane.cell("SELECT count(*)::text FROM users") == "0")
            // An action that fails leaves nothing.
            let failed = try await plane.call(
                .POST, "/projects", as: jwt, #"{"name":"P","organization_id":"\#(UUID().uuidString)"}"#)
            #expect(failed.status == 404)
            #expect(try await plane.cell("SELECT count(*)::text FROM users") == "0")
            #expect(try await plane.call(.POST, "/projects", as: jwt, #"{"name":"P"}"#).status == 201)
            #expect(try await plane.cell("SELECT name || ' ' || email FROM users") == "Ada ada@example.com")
        }
    }
}

struct FailureLimiterTests {
    private let start = ContinuousClock.now

    @Test func `failures are refilled over a minute`() {
        var limiter = FailureLimiter(limit: 2)
        #expect(limiter.wait(for: "192.0.2.1", at: self.start) == nil)
        limiter.failed("192.0.2.1", at: self.start)
        #expect(limiter.wait(for: "192.0.2.1", at: self.start) == nil)
        limiter.failed("192.0.2.1", at: self.start)
        #expect(limiter.wait(for: "192.0.2.1", at: self.start) == 30)
        #expect(limiter.wait(for: "192.0.2.1", at: self.start + .seconds(29)) == 1)
        #expect(limiter.wait(for: "192.0.2.1", at: self.start + .seconds(30)) == nil)
        #expect(limiter.wait(for: "192.0.2.2", at: self.start) == nil)
    }

    @Test(
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"), ("2001:db8::1", "2001:db8:0:0"),
            ("::1", "0:0:0:0"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80:0:0:0"),
        ])
    func `a customer of IPv6 has one bucket`(address: String, key: String) {
        #expect(FailureLimiter.key(address) == key)
    }

    @Test func `the number of addresses is bounded`() {
        var limiter = FailureLimiter(limit: 1)
        for number in 0..<(FailureLimiter.addressesMax + 5) { limiter.failed("host-\(number)", at: self.start) }
        let known = (0..<(FailureLimiter.addressesMax + 5)).count {
            limiter.wait(for: "host-\($0)", at: self.start) != nil
        }
        #expect(known == FailureLimiter.addressesMax)
    }
}
