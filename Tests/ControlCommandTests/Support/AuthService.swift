import Crypto
import Foundation
import Nostr
import Synchronization

/// The external auth of a test: keys that sign, and the document that publishes them.
struct AuthService: Sendable {
    static let issuer = "https://auth.example"
    static let audience = "https://control.example"

    /// A key pair with a name.
    struct Key: Sendable {
        let id: String
        let secret: Curve25519.Signing.PrivateKey

        init(_ id: String) {
            self.id = id
            self.secret = Curve25519.Signing.PrivateKey()
        }

        var jwk: String {
            let x = AuthService.base64url(Array(self.secret.publicKey.rawRepresentation))
            return #"{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"\#(self.id)","x":"\#(x)"}"#
        }
    }

    static func document(_ keys: [Key]) -> [UInt8] {
        Array(#"{"keys":[\#(keys.map(\.jwk).joined(separator: ","))]}"#.utf8)
    }

    static func base64url(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// A token of any header and payload, signed.
    static func token(_ header: String, _ payload: String, _ key: Key) throws -> String {
        let signed = self.base64url(Array(header.utf8)) + "." + self.base64url(Array(payload.utf8))
        let signature = try key.secret.signature(for: Array(signed.utf8))
        return signed + "." + self.base64url(Array(signature))
    }

    static func header(_ key: Key) -> String { #"{"alg":"EdDSA","typ":"JWT","kid":"\#(key.id)"}"# }

    /// What a good token says; members may be replaced, or removed with nil.
    static func payload(_ subject: String, now: Int, _ changes: [String: String?] = [:]) -> String {
        var members: [String: String] = [
            "sub": JSONValue.string(subject).text, "iss": "\"\(self.issuer)\"", "aud": "\"\(self.audience)\"",
            "iat": String(now), "exp": String(now + 900),
        ]
        for (name, value) in changes { members[name] = value }
        return "{" + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    /// A good token, for now.
    static func token(_ subject: String, _ key: Key, _ changes: [String: String?] = [:]) throws -> String {
        let now = Int(Date().timeIntervalSince1970)
        return try self.token(self.header(key), self.payload(subject, now: now, changes), key)
    }
}

/// A clock that is set by hand.
final class HandClock: Sendable {
    private let elapsed = Mutex<Duration>(.zero)
    private let start = ContinuousClock.now

    var now: ContinuousClock.Instant { self.start + self.elapsed.withLock { $0 } }
    func advance(by duration: Duration) { self.elapsed.withLock { $0 += duration } }
}
