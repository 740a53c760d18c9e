import Postgres

/// The statements of one round trip, and where the answers of interest will be.
struct StatementList {
    private(set) var statements: [PostgresStatement] = []

    var isEmpty: Bool { self.statements.isEmpty }

    /// - Returns: the index of the statement's answer.
    @discardableResult
    mutating func add(_ statement: PostgresStatement) -> Int {
        self.statements.append(statement)
        return self.statements.count - 1
    }

    mutating func add(_ statements: [PostgresStatement]) { self.statements += statements }
}
