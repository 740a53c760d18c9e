import FoundationEssentials
import Postgres

/// The GitHub credentials of a user. They are part of no answer and no log: this type prints as nothing.
package struct GitHubTokens: Sendable, Equatable {
    package let access: String
    package let refresh: String?
    package let expiresAt: WallTime?
    package let scopes: String?

    package init(access: String, refresh: String? = nil, expiresAt: WallTime? = nil, scopes: String? = nil) {
        self.access = access
        self.refresh = refresh
        self.expiresAt = expiresAt
        self.scopes = scopes
    }
}

extension GitHubTokens: CustomStringConvertible, CustomReflectable {
    package var description: String { "GitHub tokens" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// For the program that calls GitHub on behalf of a user; no HTTP route leads here.
extension ControlOperations {
    private var requiredCipher: CredentialCipher {
        get throws(ControlPlaneError) {
            guard let cipher = self.cipher else { throw .badRequest("no key for GitHub tokens is configured") }
            return cipher
        }
    }

    /// Stores the caller's tokens, encrypted, in place of earlier ones.
    package func setGitHubTokens(_ caller: Caller, _ tokens: GitHubTokens) async throws {
        let cipher = try self.requiredCipher
        let access = try cipher.seal(tokens.access, .githubAccessToken, of: caller.userID)
        let refresh = try tokens.refresh.map { try cipher.seal($0, .githubRefreshToken, of: caller.userID) }
        try await self.write(caller) { transaction in
            _ = try transaction.execute(
                """
                UPDATE users SET github_access_token = $2, github_refresh_token = $3, github_token_expires_at = $4,
                  github_scopes = $5
                WHERE user_id = $1
                """,
                [
                    .bytea(access), refresh.map { .bytea($0) } ?? .null, Input.time(tokens.expiresAt),
                    try Input.text(tokens.scopes, "github_scopes"),
                ])
        }
    }

    /// The caller's tokens; nil where there are none, or none that a configured key opens.
    package func gitHubTokens(_ caller: Caller) async throws -> GitHubTokens? {
        let cipher = try self.requiredCipher
        return try await self.read(caller) { transaction in
            let found = try transaction.execute(
                """
                SELECT github_access_token, github_refresh_token, github_token_expires_at, github_scopes
                FROM users WHERE user_id = $1
                """)
            guard let row = found.first else { return nil }
            var reader = RowReader(row)
            let (access, refresh) = (reader.optionalBytes(), reader.optionalBytes())
            guard let access = access.flatMap({ cipher.open($0, .githubAccessToken, of: caller.userID) }) else {
                return nil
            }
            return GitHubTokens(
                access: access, refresh: refresh.flatMap { cipher.open($0, .githubRefreshToken, of: caller.userID) },
                expiresAt: reader.optionalTime(), scopes: reader.optionalText())
        }
    }

    /// Forgets the caller's tokens.
    package func clearGitHubTokens(_ caller: Caller) async throws {
        try await self.write(caller) { transaction in
            _ = try transaction.execute(
                """
                UPDATE users SET github_access_token = NULL, github_refresh_token = NULL,
                  github_token_expires_at = NULL, github_scopes = NULL
                WHERE user_id = $1
                """)
        }
    }
}
