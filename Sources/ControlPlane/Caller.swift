package import FoundationEssentials
package import Logging
import Postgres

/// What a JWT of the external auth service says, after its signature, issuer, audience and times were checked.
///
/// Made by whoever verified the JWT, and by nobody else.
package struct VerifiedClaims: Hashable, Sendable {
    /// `sub`: the user id.
    package let subject: String
    package let name: String?
    package let username: String?
    /// Only if the auth service calls it verified.
    package let email: String?
    package let image: String?

    /// The longest name, user name or address of an image that is kept.
    private static let textBytesMax = 2048
    private static let emailBytesMax = 320
    private static let subjectBytesMax = 255

    /// - Returns: nil when `subject` can be no user id. Another claim that cannot be stored counts as absent: it must
    ///   not keep its bearer out.
    package init?(
        subject: String, name: String? = nil, username: String? = nil, email: String? = nil, image: String? = nil
    ) {
        guard let subject = Self.storable(subject, Self.subjectBytesMax) else { return nil }
        self.subject = subject
        self.name = Self.storable(name, Self.textBytesMax)
        self.username = Self.storable(username, Self.textBytesMax)
        self.email = Self.storable(email, Self.emailBytesMax)
        self.image = Self.storable(image, Self.textBytesMax)
    }

    private static func storable(_ text: String?, _ bytesMax: Int) -> String? {
        guard let text, !text.isEmpty, text.utf8.count <= bytesMax, !text.utf8.contains(0) else { return nil }
        return text
    }
}

/// How a caller proved who it is.
package enum Credential: Hashable, Sendable {
    case jwt(VerifiedClaims)
    case token(id: UUID)
}

/// Somebody whose credential was verified. Only ``Authenticator`` makes one.
package struct Caller: Hashable, Sendable {
    package let userID: String
    package let credential: Credential

    fileprivate init(userID: String, credential: Credential) {
        self.userID = userID
        self.credential = credential
    }
}

/// Turns a bearer value into a caller.
package struct Authenticator: Sendable {
    /// Verifies a JWT in full.
    ///
    /// - Throws: ``ControlPlaneError/unauthorized`` for a bad one; anything else when it cannot be judged now.
    package typealias VerifyJWT = @Sendable (String) async throws -> VerifiedClaims

    /// A JWT of more is refused unread; every token is far shorter.
    package static let bearerBytesMax = 8192

    private let database: ControlDatabase
    private let verifyJWT: VerifyJWT?
    private let logger: Logger

    /// - Parameter verifyJWT: nil where no external auth service is configured: then only tokens are accepted.
    package init(database: ControlDatabase, verifyJWT: VerifyJWT?, logger: Logger) {
        self.database = database
        self.verifyJWT = verifyJWT
        self.logger = logger
    }

    /// The caller behind the value of `Authorization: Bearer …`.
    ///
    /// - Parameter bearer: nil where the header is missing.
    /// - Throws: ``ControlPlaneError/unauthorized``, the same for every reason; an error of the database or of the
    ///   verifier when nothing can be said.
    package func caller(bearer: String?) async throws -> Caller {
        guard let bearer, bearer.utf8.count <= Self.bearerBytesMax else { throw ControlPlaneError.unauthorized }
        if let hash = TokenSecret.hash(ofBearer: bearer) {
            return try await self.caller(tokenHash: hash)
        }
        guard let verifyJWT = self.verifyJWT, bearer.utf8.count(where: { $0 == UInt8(ascii: ".") }) == 2 else {
            throw ControlPlaneError.unauthorized
        }
        let claims = try await verifyJWT(bearer)
        return Caller(userID: claims.subject, credential: .jwt(claims))
    }

    /// Notes that a token was used: at most once in five minutes, after the answer, and a failure fails nothing.
    package func noteUse(by caller: Caller) async {
        guard case .token(let id) = caller.credential else { return }
        do {
            try await self.database.write { session in
                _ = try session.execute(
                    """
                    UPDATE api_tokens SET last_used_at = now()
                    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '5 minutes')
                    """, [.uuid(id)])
            }
        } catch {
            self.logger.debug("The use of a token was not noted", metadata: ["token.id": "\(id)"])
        }
    }

    /// Found by the hash of 256 random bits: how long the search takes tells nothing.
    private func caller(tokenHash: [UInt8]) async throws -> Caller {
        let found = try await self.database.read { session in
            try session.execute(
                """
                SELECT id, user_id FROM api_tokens
                WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
                """, [.bytea(tokenHash)]
            ).first.map { row in
                var reader = RowReader(row)
                return (id: reader.uuid(), userID: reader.text())
            }
        }
        guard let found else { throw ControlPlaneError.unauthorized }
        return Caller(userID: found.userID, credential: .token(id: found.id))
    }
}
