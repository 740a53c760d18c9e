import FoundationEssentials
import Postgres

/// A transaction on behalf of a caller. In every statement `$1` is the caller's user id.
struct CallerTransaction {
    enum Mode {
        case read
        /// Rows that the decision rests on are locked until the commit.
        case write
    }

    let session: PostgresSession
    let caller: Caller
    let mode: Mode

    /// - Parameter parameters: from `$2` on.
    @discardableResult
    func execute(_ sql: String, _ parameters: [PostgresValue] = []) throws(PostgresError) -> PostgresResult {
        try self.session.execute(sql, [.text(self.caller.userID)] + parameters)
    }

    /// The first row; the statement begins with the row's own columns.
    func first<Row: TableRow>(
        _ sql: String, _ parameters: [PostgresValue] = [], as type: Row.Type = Row.self
    ) throws(PostgresError) -> Row? {
        try self.session.first(sql, [.text(self.caller.userID)] + parameters)
    }

    /// A page of a list by time: see ``PostgresSession``.
    func page<Row: TableRow>(
        _ request: PageRequest, _ select: String, _ parameters: [PostgresValue], by keyset: Keyset,
        key: (Row) -> (WallTime, UUID)
    ) throws -> Page<Row> {
        try self.session.page(request, select, [.text(self.caller.userID)] + parameters, by: keyset, key: key)
    }

    /// Enters the caller, and refreshes what its JWT says; an absent claim leaves what is stored.
    ///
    /// Part of the caller's own transaction: where the action fails, no row remains. The bearer of a token has a row.
    func rememberCaller() throws(PostgresError) {
        guard case .jwt(let claims) = self.caller.credential else { return }
        try self.execute(
            """
            INSERT INTO users AS u (user_id, name, username, email, image) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (user_id) DO UPDATE
            SET name = coalesce(excluded.name, u.name), username = coalesce(excluded.username, u.username),
              email = coalesce(excluded.email, u.email), image = coalesce(excluded.image, u.image)
            WHERE (u.name, u.username, u.email, u.image) IS DISTINCT FROM
              (coalesce(excluded.name, u.name), coalesce(excluded.username, u.username),
               coalesce(excluded.email, u.email), coalesce(excluded.image, u.image))
            """,
            [
                .optional(claims.name), .optional(claims.username), .optional(claims.email), .optional(claims.image),
            ])
    }
}
