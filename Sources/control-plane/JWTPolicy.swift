import ControlPlane
import Nostr

/// What a token of the external auth must say (RFC 7519 section 4.1); pure.
struct JWTPolicy: Sendable {
    /// Clocks of two machines differ by so much.
    static let leewaySeconds = 60.0

    let issuer: String
    let audience: String
    let algorithms: Set<SignatureAlgorithm>

    /// The claims of a token whose signature was checked.
    ///
    /// - Parameter now: seconds since 1970.
    func claims(of payload: JSONValue, now: Double) throws(JWTRefusal) -> VerifiedClaims {
        guard let issuer = payload["iss"]?.string, issuer.utf8.elementsEqual(self.issuer.utf8) else { throw .issuer }
        guard self.isForUs(payload["aud"]) else { throw .audience }
        guard let expiry = Self.date(payload["exp"]) else { throw .expired }
        guard now < expiry + Self.leewaySeconds else { throw .expired }
        for name in ["nbf", "iat"] {
            guard let value = payload[name] else { continue }
            guard let date = Self.date(value), date <= now + Self.leewaySeconds else { throw .notYetValid }
        }
        func text(_ name: String) -> String? { payload[name]?.string }
        let isVerified = payload["email_verified"]?.bool ?? payload["emailVerified"]?.bool ?? false
        let claims = text("sub").flatMap { subject in
            VerifiedClaims(
                subject: subject, name: text("name"), username: text("username"),
                email: isVerified ? text("email") : nil, image: text("image") ?? text("picture"))
        }
        guard let claims else { throw .subject }
        return claims
    }

    private func isForUs(_ audience: JSONValue?) -> Bool {
        switch audience {
        case .string(let text): text.utf8.elementsEqual(self.audience.utf8)
        case .array(let list):
            list.contains { $0.string.map { $0.utf8.elementsEqual(self.audience.utf8) } ?? false }
        default: false
        }
    }

    /// A NumericDate: seconds, perhaps with a fraction.
    private static func date(_ value: JSONValue?) -> Double? {
        guard case .number(let text)? = value, let seconds = Double(text), seconds.isFinite else { return nil }
        return seconds
    }
}
