import Postgres

/// A row of `users`, without the GitHub tokens.
package struct User: TableRow {
    static package let columns = [
        "user_id", "name", "username", "email", "image", "credits", "created_at", "referrer_id", "plan",
        "github_token_expires_at", "github_scopes", "stripe_customer_id",
    ]

    package let userID: String
    package let name: String?
    package let username: String?
    package let email: String?
    package let image: String?
    package let credits: Int?
    package let createdAt: WallTime?
    package let referrerID: String?
    package let plan: String?
    package let githubTokenExpiresAt: WallTime?
    package let githubScopes: String?
    package let stripeCustomerID: String?

    package init(_ reader: inout RowReader) {
        self.userID = reader.text()
        self.name = reader.optionalText()
        self.username = reader.optionalText()
        self.email = reader.optionalText()
        self.image = reader.optionalText()
        self.credits = reader.optionalInt()
        self.createdAt = reader.optionalTime()
        self.referrerID = reader.optionalText()
        self.plan = reader.optionalText()
        self.githubTokenExpiresAt = reader.optionalTime()
        self.githubScopes = reader.optionalText()
        self.stripeCustomerID = reader.optionalText()
    }
}

/// Who the caller is.
package struct Identity: Sendable, Equatable {
    package let userID: String
    package let credential: Credential
    package let isOperator: Bool
    /// Nil until the caller's first action.
    package let user: User?
}

extension ControlOperations {
    package func me(_ caller: Caller) async throws -> Identity {
        let user = try await self.read(caller) { transaction in
            try transaction.first(
                "SELECT \(User.columns(of: "u")) FROM users AS u WHERE u.user_id = $1", as: User.self)
        }
        let isOperator = (try? self.requireOperator(caller)) != nil
        return Identity(userID: caller.userID, credential: caller.credential, isOperator: isOperator, user: user)
    }
}
