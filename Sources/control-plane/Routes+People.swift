import ControlPlane
import HTTPTypes
import Nostr

extension Shapes {
    static let user = Shape<User>(
        "User", .text("user_id", \.userID), .text("name", \.name), .text("username", \.username),
        .text("email", \.email), .text("image", \.image), .integer("credits", \.credits),
        .time("created_at", \.createdAt), .text("referrer_id", \.referrerID), .text("plan", \.plan),
        .time("github_token_expires_at", \.githubTokenExpiresAt), .text("github_scopes", \.githubScopes),
        .text("stripe_customer_id", \.stripeCustomerID))
}

extension Shapes {
    static let identity = Shape<Identity>(
        "Identity", .text("user_id", \.userID),
        .init(name: "credential", schema: .choice(["jwt", "token"])) { identity in
            switch identity.credential {
            case .jwt: .string("jwt")
            case .token: .string("token")
            }
        },
        .boolean("is_operator", \.isOperator),
        .init(name: "user", schema: .nullable(.reference("User"))) { identity in
            identity.user.map(Shapes.user.json) ?? .null
        })
}

extension Shapes {
    static let token = Shape<APIToken>(
        "Token", .uuid("id", \.id), .text("name", \.name), .time("created_at", \.createdAt),
        .time("expires_at", \.expiresAt), .time("last_used_at", \.lastUsedAt), .time("revoked_at", \.revokedAt))
}

private enum TokenFields {
    static let name = Field("name", .text(1...100))
    static let expiresAt = Field(
        "expires_at", .time, "90 days from now unless given; null: never.")
}

extension RouteTable {
    static let me: [Route] = [
        .get("/me", "getMe", "Who the caller is.", Shown("me", Shapes.identity, with: Shapes.user.schema)) {
            try await $0.plane.me($0.caller)
        }
    ]

    static let tokens: [Route] = [
        .list("/tokens", "listTokens", "The caller's API tokens, newest first.", Shown("tokens", Shapes.token)) {
            try await $0.plane.listTokens($0.caller, page: $0.page)
        },
        createToken,
        .act(.delete, "/tokens/{id}", "revokeToken", "Ends one of the caller's tokens at once.") {
            try await $0.plane.revokeToken($0.caller, $0.id())
        },
    ]

    /// The only answer that holds a secret, and the only time that it does.
    private static let createToken = Route(
        method: .post, template: PathTemplate("/tokens"), name: "createToken",
        summary: "Makes an API token; its secret is shown this once.", access: .jwtOnly, takesIdempotencyKey: true,
        query: [], body: BodyShape("TokenCreation", TokenFields.name.required, TokenFields.expiresAt.optional),
        success: Route.Success(
            status: 201, members: [("api_key", .pattern("^cp_[0-9a-f]{64}$")), ("token", .reference("Token"))],
            schemas: [Shapes.token.schema]),
        errors: [.conflict]
    ) { exchange in
        let expiry: TokenExpiry =
            switch try exchange.body.patch(TokenFields.expiresAt) {
            case .keep: .usual
            case .clear: .never
            case .set(let time): .at(time)
            }
        let made = try await exchange.plane.createToken(
            exchange.caller, name: exchange.body.required(TokenFields.name), expires: expiry,
            once: exchange.idempotencyKey)
        return [
            JSONValue.Member(name: "api_key", value: .string(made.secret.revealed)),
            JSONValue.Member(name: "token", value: Shapes.token.json(made.token)),
        ]
    }
}
