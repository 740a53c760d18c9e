package import FoundationEssentials
import Postgres

/// What an operator does on the command line: whoever reaches the database with this program's rights.
///
/// No HTTP route leads here. The last owner is protected from the operator as well.
package struct ControlAdministration: Sendable {
    private let database: ControlDatabase

    package init(database: ControlDatabase) {
        self.database = database
    }

    // MARK: - Tokens

    /// Makes a token for a user that has a row; the secret is shown once.
    package func createToken(
        of userID: String, name: String, expires expiry: TokenExpiry = .usual
    ) async throws -> NewToken {
        let userID = try Self.checked(userID)
        return try await self.database.write { try $0.insertToken(of: userID, name: name, expires: expiry) }
    }

    /// A user's tokens, newest first.
    package func listTokens(of userID: String, page: PageRequest = .first) async throws -> Page<APIToken> {
        let userID = try Self.checked(userID)
        return try await self.database.read { session in
            guard try session.execute("SELECT FROM users WHERE user_id = $1", [.text(userID)]).count == 1 else {
                throw ControlPlaneError.notFound("there is no such user")
            }
            return try session.page(
                page, "SELECT \(APIToken.columns(of: "t")) FROM api_tokens AS t WHERE t.user_id = $1", [.text(userID)],
                by: Keyset(time: "t.created_at", id: "t.id", order: .newestFirst)
            ) { ($0.createdAt, $0.id) }
        }
    }

    /// Ends anybody's token at once. Ending it again changes nothing.
    package func revokeToken(_ id: UUID) async throws -> APIToken {
        try await self.database.write { session in
            let revoked: APIToken? = try session.first(
                """
                UPDATE api_tokens AS t SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1
                RETURNING \(APIToken.columns(of: "t"))
                """, [.uuid(id)])
            guard let revoked else { throw ControlPlaneError.notFound("there is no such token") }
            return revoked
        }
    }

    // MARK: - Users

    /// Makes the row of a program that nobody signs in as, so that it can have tokens.
    package func createServiceAccount(_ userID: String, name: String) async throws -> User {
        let userID = try Self.checked(userID)
        return try await self.database.write { session in
            let made: User? = try session.first(
                """
                INSERT INTO users AS u (user_id, name) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING
                RETURNING \(User.columns(of: "u"))
                """, [.text(userID), try Input.text(name, "name")])
            guard let made else { throw ControlPlaneError.conflict("the user id is taken") }
            return made
        }
    }

    /// Every user, by user id.
    package func listUsers(page: PageRequest = .first) async throws -> Page<User> {
        try await self.database.read { session in
            var sql = "SELECT \(User.columns(of: "u")) FROM users AS u"
            var parameters: [PostgresValue] = []
            if let cursor = page.cursor {
                sql += " WHERE u.user_id > $1"
                parameters = [try cursor.numberAndText(of: .byText)[1]]
            }
            return try session.page(page, sql + " ORDER BY u.user_id", parameters) { user in
                Cursor(.byText, number: 0, tie: Array(user.userID.utf8))
            }
        }
    }

    package func user(_ userID: String) async throws -> User {
        let userID = try Self.checked(userID)
        return try await self.database.read { session in
            let found: User? = try session.first(
                "SELECT \(User.columns(of: "u")) FROM users AS u WHERE u.user_id = $1", [.text(userID)])
            guard let found else { throw ControlPlaneError.notFound("there is no such user") }
            return found
        }
    }

    // MARK: - Organizations and projects

    /// Every organization, newest first.
    package func listOrganizations(page: PageRequest = .first) async throws -> Page<Organization> {
        try await self.database.read { session in
            try session.page(
                page, "SELECT \(Organization.columns(of: "o")) FROM organizations AS o WHERE true", [],
                by: Keyset(time: "o.created_at", id: "o.id", order: .newestFirst)
            ) { ($0.createdAt, $0.id) }
        }
    }

    /// Sets what no request may set. Nil leaves a value alone.
    package func updateOrganization(_ id: UUID, plan: String? = nil, credits: Int? = nil) async throws -> Organization {
        try await self.database.write { session in
            let updated: Organization? = try session.first(
                """
                UPDATE organizations AS o SET plan = coalesce($2, plan), credits = coalesce($3, credits) WHERE id = $1
                RETURNING \(Organization.columns(of: "o"))
                """, [.uuid(id), try Input.text(plan, "plan"), .integer(credits)])
            guard let updated else { throw ControlPlaneError.notFound("there is no such organization") }
            return updated
        }
    }

    /// The members of any organization, in the order in which they joined.
    package func listMembers(of organization: UUID, page: PageRequest = .first) async throws -> Page<Member> {
        try await self.database.read { session in
            try session.members(of: organization, page: page)
        }
    }

    /// Every project, the last changed first; of one organization where it is given.
    package func listProjects(organization: UUID? = nil, page: PageRequest = .first) async throws -> Page<Project> {
        try await self.database.read { session in
            try session.page(
                page,
                """
                SELECT \(Project.columns(of: "p")) FROM projects AS p
                WHERE ($1::uuid IS NULL OR p.organization_id = $1)
                """, [.uuid(organization)], by: Keyset(time: "p.updated_at", id: "p.id", order: .newestFirst)
            ) { ($0.updatedAt, $0.id) }
        }
    }

    // MARK: - Pruning

    /// How many rows ``prune()`` removed.
    package struct Pruned: Sendable, Equatable {
        package let tokens: Int
        package let idempotencyKeys: Int
    }

    /// Removes tokens revoked 90 days ago, which are kept for audit, and idempotency keys of yesterday.
    package func prune() async throws -> Pruned {
        try await self.database.write { session in
            let tokens = try session.execute("DELETE FROM api_tokens WHERE revoked_at < now() - interval '90 days'")
            let keys = try session.execute("DELETE FROM idempotency_keys WHERE created_at < now() - interval '1 day'")
            return Pruned(tokens: tokens.affectedRows, idempotencyKeys: keys.affectedRows)
        }
    }

    private static func checked(_ userID: String) throws(ControlPlaneError) -> String {
        guard !userID.utf8.contains(0) else { throw .badRequest("a user id holds no U+0000") }
        return userID
    }
}
