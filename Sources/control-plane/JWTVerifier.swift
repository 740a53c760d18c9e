import ControlPlane
import Foundation

/// Believes tokens of the external auth (RFC 8725): the steps of control-plane.md section 8, in order.
struct JWTVerifier: Sendable {
    private let policy: JWTPolicy
    private let keys: KeyStore
    private let now: @Sendable () -> Double
    private let onRefusal: @Sendable (JWTRefusal) -> Void

    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - onRefusal: told why, since the client is not.
    init(
        policy: JWTPolicy, keys: KeyStore, now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 },
        onRefusal: @escaping @Sendable (JWTRefusal) -> Void = { _ in }
    ) {
        self.policy = policy
        self.keys = keys
        self.now = now
        self.onRefusal = onRefusal
    }

    /// What the authenticator asks.
    var verify: Authenticator.VerifyJWT {
        { token in try await self.claims(of: token) }
    }

    /// - Throws: ``ControlPlaneError/unauthorized``, the same for every reason; ``KeyStoreError/unavailable`` when
    ///   nothing can be said because no key is known.
    func claims(of token: String) async throws -> VerifiedClaims {
        do {
            return try await self.verified(token)
        } catch let refusal as JWTRefusal {
            self.onRefusal(refusal)
            throw ControlPlaneError.unauthorized
        }
    }

    private func verified(_ text: String) async throws -> VerifiedClaims {
        let token = try JSONWebToken(text)
        guard self.policy.algorithms.contains(token.algorithm) else { throw JWTRefusal.algorithm }
        let key: VerificationKey
        do throws(KeyStoreError) {
            key = try await self.keys.key(id: token.keyID, for: token.algorithm)
        } catch {
            guard error == .unknownKey else { throw error }
            throw JWTRefusal.unknownKey
        }
        guard key.verifies(token.signature, of: token.signed) else { throw JWTRefusal.signature }
        return try self.policy.claims(of: token.payload, now: self.now())
    }
}
