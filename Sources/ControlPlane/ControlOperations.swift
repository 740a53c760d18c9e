package import FoundationEssentials
import Postgres

/// What callers may do: one operation, one transaction, with the access check inside it.
///
/// Every operation takes the ``Caller`` first; none takes a user id in its place. What a caller may not see is
/// NOT_FOUND, what it sees but may not do is FORBIDDEN (control-plane.md §9.1).
package struct ControlOperations: Sendable {
    let database: ControlDatabase
    /// As UTF-8: equal texts of Unicode are not equal ids.
    private let operators: Set<[UInt8]>
    /// Nil: GitHub tokens cannot be stored.
    let cipher: CredentialCipher?

    /// - Parameter operators: user ids. E-mail addresses grant nothing.
    package init(database: ControlDatabase, operators: Set<String> = [], cipher: CredentialCipher? = nil) {
        self.database = database
        self.operators = Set(operators.map { Array($0.utf8) })
        self.cipher = cipher
    }

    /// Operators write what belongs to no tenant; they have no rights over tenants' data.
    func requireOperator(_ caller: Caller) throws(ControlPlaneError) {
        guard self.operators.contains(Array(caller.userID.utf8)) else {
            throw .forbidden("only an operator may do this")
        }
    }

    func read<Result: Sendable>(
        _ caller: Caller, _ body: @Sendable (CallerTransaction) throws -> Result
    ) async throws -> Result {
        try await self.database.read { session in
            try body(CallerTransaction(session: session, caller: caller, mode: .read))
        }
    }

    /// The caller's row comes and goes with the action.
    func write<Result: Sendable>(
        _ caller: Caller, _ body: @Sendable (CallerTransaction) throws -> Result
    ) async throws -> Result {
        try await self.database.write { session in
            let transaction = CallerTransaction(session: session, caller: caller, mode: .write)
            try transaction.rememberCaller()
            return try body(transaction)
        }
    }

    /// A write that makes a row, once for each key.
    ///
    /// - Parameters:
    ///   - operation: names it in the table of keys.
    ///   - again: the row that an earlier request with the same key made, if the caller still sees it.
    func create<Made: Identified>(
        _ caller: Caller, _ operation: String, once key: IdempotencyKey?,
        again: @Sendable (CallerTransaction, UUID) throws -> Made?,
        _ body: @Sendable (CallerTransaction) throws -> Made
    ) async throws -> Made {
        try await self.write(caller) { transaction in
            guard let key else { return try body(transaction) }
            if let id = try transaction.made(by: key, operation) {
                guard let made = try again(transaction, id) else {
                    throw ControlPlaneError.notFound("what was made with this idempotency key is gone")
                }
                return made
            }
            let made = try body(transaction)
            try transaction.note(key, operation, made: made.id)
            return made
        }
    }
}

/// What has an id of its own.
package protocol Identified: Sendable {
    var id: UUID { get }
}
