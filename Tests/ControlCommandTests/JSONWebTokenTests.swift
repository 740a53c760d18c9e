import ControlPlane
import Crypto
import Foundation
import Nostr
import TestSupport
import Testing

@testable import control_plane

/// RFC 7515, RFC 7519, RFC 8725 and control-plane.md section 8, without a socket.
struct JSONWebTokenTests {
    static let key = AuthService.Key("k1")
    static let other = AuthService.Key("k2")
    static let now = 1_800_000_000
    static let policy = JWTPolicy(
        issuer: AuthService.issuer, audience: AuthService.audience, algorithms: [.edDSA])

    /// Why the token is refused, or nil.
    private func refusal(
        _ token: String, keys: [AuthService.Key] = [Self.key], policy: JWTPolicy = Self.policy
    ) async -> JWTRefusal? {
        let store = KeyStore(logger: .silent) { AuthService.document(keys) }
        do throws(JWTRefusal) {
            let parsed = try JSONWebToken(token)
            guard policy.algorithms.contains(parsed.algorithm) else { return .algorithm }
            let key: VerificationKey
            do throws(KeyStoreError) {
                key = try await store.key(id: parsed.keyID, for: parsed.algorithm)
            } catch { return .unknownKey }
            guard key.verifies(parsed.signature, of: parsed.signed) else { return .signature }
            _ = try policy.claims(of: parsed.payload, now: Double(Self.now))
            return nil
        } catch {
            return error
        }
    }

    private func token(_ changes: [String: String?] = [:], header: String? = nil) throws -> String {
        try AuthService.token(
            header ?? AuthService.header(Self.key), AuthService.payload("usr_1", now: Self.now, changes), Self.key)
    }

    @Test func `a good token is believed`() async throws {
        #expect(try await self.refusal(self.token()) == nil)
    }

    @Test(
        arguments: [
            (["aud": "\"https://elsewhere.example\""], .audience), (["aud": nil], .audience),
            (["aud": "[]"], .audience),
            (["aud": "[\"a\",\"https://control.example\"]"], nil), (["aud": "[1,2]"], .audience),
            (["aud": "\"https://control.example/\""], .audience),
            (["iss": "\"https://auth.example.evil\""], .issuer), (["iss": nil], .issuer), (["iss": "1"], .issuer),
            (["exp": nil], .expired), (["exp": "\"1900000000\""], .expired), (["exp": "1799999941"], nil),
            (["exp": "1799999940"], .expired), (["exp": "1e400"], .expired), (["exp": "1800000000.5"], nil),
            (["nbf": "1800000060"], nil), (["nbf": "1800000061"], .notYetValid), (["nbf": "null"], .notYetValid),
            (["iat": "1800000061"], .notYetValid), (["iat": nil], nil),
            (["sub": nil], .subject), (["sub": "\"\""], .subject), (["sub": "7"], .subject),
            (["sub": "\"\(String(repeating: "x", count: 255))\""], nil),
            (["sub": "\"\(String(repeating: "x", count: 256))\""], .subject), (["sub": "\"a\\u0000b\""], .subject),
        ] as [([String: String?], JWTRefusal?)])
    func `claims are checked`(changes: [String: String?], refusal: JWTRefusal?) async throws {
        #expect(try await self.refusal(self.token(changes)) == refusal)
    }

    @Test(
        arguments: [
            (#"{"alg":"none","kid":"k1"}"#, .algorithm), (#"{"alg":"None"}"#, .algorithm),
            (#"{"alg":"HS256","kid":"k1"}"#, .algorithm), (#"{"alg":"ES256","kid":"k1"}"#, .algorithm),
            (#"{"kid":"k1"}"#, .algorithm), (#"{"alg":["EdDSA"],"kid":"k1"}"#, .algorithm),
            (#"{"alg":"EdDSA","kid":"k1","crit":["exp"]}"#, .critical), (#"{"alg":"EdDSA","kid":"k9"}"#, .unknownKey),
            (#"{"alg":"EdDSA"}"#, nil), (#"{"alg":"EdDSA","kid":7}"#, .malformed),
            (#"{"alg":"EdDSA","alg":"none","kid":"k1"}"#, .malformed),
            (#"{"alg":"EdDSA","kid":"k1","jku":"https://evil.example/keys","x5u":"https://evil.example"}"#, nil),
            ("[]", .malformed), ("not json", .malformed),
        ] as [(String, JWTRefusal?)])
    func `headers are checked`(header: String, refusal: JWTRefusal?) async throws {
        #expect(try await self.refusal(self.token(header: header)) == refusal)
    }

    @Test func `without a kid there must be no choice`() async throws {
        let token = try self.token(header: #"{"alg":"EdDSA"}"#)
        #expect(await self.refusal(token, keys: [Self.key, Self.other]) == .unknownKey)
    }

    @Test func `the signature covers the exact bytes`() async throws {
        let good = try self.token()
        let foreign = try AuthService.token(
            AuthService.header(Self.key), AuthService.payload("usr_1", now: Self.now), Self.other)
        #expect(await self.refusal(foreign) == .signature)
        let parts = good.split(separator: ".")
        let payload = AuthService.base64url(Array(AuthService.payload("usr_2", now: Self.now).utf8))
        #expect(await self.refusal("\(parts[0]).\(payload).\(parts[2])") == .signature)
        #expect(await self.refusal("\(parts[0]).\(parts[1]).") == .signature)
    }

    @Test func `a public key is no HMAC secret`() async throws {
        let header = AuthService.base64url(Array(#"{"alg":"HS256","kid":"k1"}"#.utf8))
        let payload = AuthService.base64url(Array(AuthService.payload("usr_1", now: Self.now).utf8))
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(header).\(payload)".utf8),
            using: SymmetricKey(data: Self.key.secret.publicKey.rawRepresentation))
        let token = "\(header).\(payload).\(AuthService.base64url(Array(code)))"
        #expect(await self.refusal(token) == .algorithm)
    }

    @Test(arguments: ["", "..", "a.b", "a.b.c.d", "e30.e30.e30", "e30=.e30.AA", "e3 0.e30.AA", "e31.e30.AA"])
    func `what is no token is refused`(text: String) async {
        let refusal = await self.refusal(text)
        #expect(refusal == .malformed || refusal == .algorithm)
    }

    @Test func `an oversized token is refused before it is read`() async {
        #expect(await self.refusal(String(repeating: "a", count: JSONWebToken.bytesMax + 1)) == .oversized)
    }

    @Test(
        arguments: [
            (["email": "\"a@b.example\""], nil),
            (["email": "\"a@b.example\"", "email_verified": "true"], "a@b.example"),
            (["email": "\"a@b.example\"", "emailVerified": "true"], "a@b.example"),
            (["email": "\"a@b.example\"", "email_verified": "\"true\""], nil),
            (["email": "\"a@b.example\"", "email_verified": "false", "emailVerified": "true"], nil),
        ] as [([String: String?], String?)])
    func `an e-mail address counts when it is verified`(changes: [String: String?], email: String?) throws {
        let payload = try #require(JSONValue(parsing: AuthService.payload("usr_1", now: Self.now, changes)))
        #expect(try Self.policy.claims(of: payload, now: Double(Self.now)).email == email)
    }

    @Test(
        arguments: [
            ("", []), ("AA", [0]), ("AAA", [0, 0]), ("AAAA", [0, 0, 0]), ("_-8", [0xFF, 0xEF]), ("A", nil), ("AB", nil),
            ("AAB", nil), ("AA==", nil), ("A+", nil), ("A/", nil), ("AA\n", nil),
        ] as [(String, [UInt8]?)])
    func `base64url has one text for one value`(text: String, bytes: [UInt8]?) {
        #expect(Base64URL.decoded(text.utf8) == bytes)
    }
}
