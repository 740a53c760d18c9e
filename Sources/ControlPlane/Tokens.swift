package import FoundationEssentials
import Postgres

/// A row of `api_tokens`, without the hash.
package struct APIToken: TableRow, Identified {
    static package let columns = ["id", "name", "created_at", "expires_at", "last_used_at", "revoked_at"]

    package let id: UUID
    package let name: String
    package let createdAt: WallTime
    package let expiresAt: WallTime?
    package let lastUsedAt: WallTime?
    package let revokedAt: WallTime?

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.name = reader.text()
        self.createdAt = reader.time()
        self.expiresAt = reader.optionalTime()
        self.lastUsedAt = reader.optionalTime()
        self.revokedAt = reader.optionalTime()
    }
}

/// A token together with its secret, which nobody can show again.
package struct NewToken: Identified {
    package let token: APIToken
    package let secret: TokenSecret

    package var id: UUID { self.token.id }
}

/// Until when a new token is good.
package enum TokenExpiry: Hashable, Sendable {
    /// 90 days.
    case usual
    case never
    case at(WallTime)
    case after(Duration)
}

extension ControlOperations {
    /// Makes a token for the caller, who must be signed in with a JWT: a token cannot make tokens.
    ///
    /// - Parameter key: a repeated request is CONFLICT, since the secret cannot be shown again; it makes no second
    ///   token.
    package func createToken(
        _ caller: Caller, name: String, expires expiry: TokenExpiry = .usual, once key: IdempotencyKey? = nil
    ) async throws -> NewToken {
        guard case .jwt = caller.credential else {
            throw ControlPlaneError.forbidden("a token cannot make tokens: sign in")
        }
        return try await self.create(caller, "token", once: key) { _, _ in
            throw ControlPlaneError.conflict("the token was made already, and its secret is shown only once")
        } _: { transaction in
            try transaction.session.insertToken(of: caller.userID, name: name, expires: expiry)
        }
    }

    /// The caller's tokens, newest first, the expired and revoked ones included.
    package func listTokens(_ caller: Caller, page: PageRequest = .first) async throws -> Page<APIToken> {
        try await self.read(caller) { transaction in
            try transaction.page(
                page, "SELECT \(APIToken.columns(of: "t")) FROM api_tokens AS t WHERE t.user_id = $1", [],
                by: Keyset(time: "t.created_at", id: "t.id", order: .newestFirst)
            ) { ($0.createdAt, $0.id) }
        }
    }

    /// Ends a token of the caller at once. Ending it again changes nothing.
    package func revokeToken(_ caller: Caller, _ id: UUID) async throws {
        try await self.write(caller) { transaction in
            let changed = try transaction.execute(
                "UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now()) WHERE id = $2 AND user_id = $1",
                [.uuid(id)])
            guard changed.affectedRows == 1 else { throw ControlPlaneError.notFound("there is no such token") }
        }
    }
}

/// How many tokens of a user are good at a time: enough for every machine of a person, few enough to look through.
private let liveTokensMax = 50
/// 90 days.
private let tokenLifetimeSeconds: Double = 90 * 86_400

extension PostgresSession {
    /// Stores a new token of a user that has a row; the secret exists only in what is returned.
    func insertToken(of userID: String, name: String, expires expiry: TokenExpiry) throws -> NewToken {
        // Two at once take turns, so that the count holds.
        let user = try self.execute("SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE", [.text(userID)])
        guard user.count == 1 else { throw ControlPlaneError.notFound("there is no such user") }
        let live = try self.execute(
            """
            SELECT count(*) FROM api_tokens
            WHERE user_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
            """, [.text(userID)])
        guard live.first?[0].int8 ?? 0 < liveTokensMax else {
            throw ControlPlaneError.conflict("a user has at most \(liveTokensMax) live tokens: revoke one")
        }
        // Neither a moment nor a duration: never.
        var moment = PostgresValue.null
        var seconds = PostgresValue.null
        switch expiry {
        case .usual: seconds = .float8(tokenLifetimeSeconds)
        case .never: break
        case .at(let time): moment = .timestamptz(time.microseconds)
        case .after(let duration): seconds = .float8(Double(duration.components.seconds))
        }
        let secret = TokenSecret()
        let rows = try self.execute(
            """
            INSERT INTO api_tokens AS t (user_id, token_hash, name, expires_at)
            VALUES ($1, $2, $3, coalesce($4::timestamptz, now() + make_interval(secs => $5)))
            RETURNING \(APIToken.columns(of: "t"))
            """, [.text(userID), .bytea(secret.hash), try Input.text(name, "name"), moment, seconds])
        guard let row = rows.first else { preconditionFailure("INSERT returns its row") }
        var reader = RowReader(row)
        return NewToken(token: APIToken(&reader), secret: secret)
    }
}
