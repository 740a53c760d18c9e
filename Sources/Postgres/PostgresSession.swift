import CLibPQ
import Logging

/// The synchronous face of a connection, used on the connection's own thread inside ``PostgresConnection/run(_:)``.
///
/// Not `Sendable`: it cannot leave the body that it was given to.
package final class PostgresSession {
    /// Longer than any statement of ours, shorter than the patience of an operator. `statement_timeout` of the server
    /// is shorter; this one strikes when the server is frozen and says nothing.
    package static let defaultDeadline: Duration = .seconds(60)
    /// A writer has about thirty statements, a reader one for each shape of filter.
    private static let preparedStatementsMax = 128

    var handle: LibPQHandle
    var statements = StatementCache(capacity: PostgresSession.preparedStatementsMax)
    /// The parameters of the statement being sent; kept for its memory.
    var parameters = ParameterBuffer()
    private let preparesStatements: Bool

    /// Connects. Blocks: only on a thread that may.
    init(_ configuration: PostgresConfiguration, logger: Logger) throws(PostgresError) {
        self.handle = try LibPQHandle.connect(configuration, logger: logger)
        self.preparesStatements = configuration.preparesStatements
    }

    package var isUsable: Bool { self.handle.isUsable }

    /// Whether a transaction block is open, healthy or failed.
    package var isInTransaction: Bool {
        self.handle.transactionStatus != PQTRANS_IDLE
    }

    /// Runs one statement, prepared on its first use, with binary parameters and a binary result.
    ///
    /// A statement that the server has forgotten (26000) or whose tables changed under it (0A000) is prepared again
    /// once, outside a transaction block; inside, the block is lost and the error says
    /// ``PostgresError/Category/staleStatement``.
    ///
    /// - Parameter deadline: how long the server may be silent; ``defaultDeadline`` unless given.
    package func execute(
        _ sql: String, _ parameters: [PostgresValue] = [], deadline: Duration? = nil
    ) throws(PostgresError) -> PostgresResult {
        let deadline = ContinuousClock.now + (deadline ?? Self.defaultDeadline)
        do throws(PostgresError) {
            return try self.executeOnce(sql, parameters, by: deadline)
        } catch {
            guard error.category == .staleStatement, !self.isInTransaction else { throw error }
            return try self.executeOnce(sql, parameters, by: deadline)
        }
    }

    /// Runs a script of several statements; a failure stops it. Without BEGIN of its own it is one transaction.
    package func executeScript(_ sql: String, deadline: Duration? = nil) throws(PostgresError) {
        let deadline = ContinuousClock.now + (deadline ?? Self.defaultDeadline)
        try self.handle.check(sent: PQsendQuery(self.handle.pointer, sql))
        _ = try self.collect(by: deadline)
    }

    /// A parameter that the server reports, such as `server_version` or `server_encoding`.
    package func parameterStatus(_ name: String) -> String? {
        guard let connection = try? self.handle.pointer else { return nil }
        return PQparameterStatus(connection, name).map { String(cString: $0) }
    }

    /// The process id of our backend, as in `pg_stat_activity`; 0 without a connection.
    package var backendPID: Int32 {
        guard let connection = try? self.handle.pointer else { return 0 }
        return PQbackendPID(connection)
    }

    /// Hangs up; the connection is unusable from here on.
    package func close() {
        self.handle.close()
    }

    private func executeOnce(
        _ sql: String, _ parameters: [PostgresValue], by deadline: LibPQHandle.Deadline
    ) throws(PostgresError) -> PostgresResult {
        let connection = try self.handle.pointer
        guard self.preparesStatements else {
            self.parameters.encode(parameters)
            try self.handle.check(sent: self.parameters.sendUnnamed(connection, sql))
            return try self.collect(by: deadline)
        }
        let key = StatementCache.Key(sql: sql, parameterOIDs: parameters.map(\.oid))
        let name = try self.prepare(key, by: deadline)
        self.parameters.encode(parameters)
        try self.handle.check(sent: self.parameters.send(connection, name))
        do throws(PostgresError) {
            return try self.collect(by: deadline)
        } catch {
            if error.category == .staleStatement { self.forget(key, name, after: error) }
            throw error
        }
    }

    private func prepare(
        _ key: StatementCache.Key, by deadline: LibPQHandle.Deadline
    ) throws(PostgresError) -> String {
        if let name = self.statements.name(for: key) { return name }
        let name = self.statements.freshName()
        let oids = key.parameterOIDs
        let sent = PQsendPrepare(try self.handle.pointer, name, key.sql, Int32(oids.count), oids)
        try self.handle.check(sent: sent)
        _ = try self.collect(by: deadline)
        try self.remember(key, name, by: deadline)
        return name
    }

    /// Enters a prepared statement and gives the least recently used one back.
    func remember(_ key: StatementCache.Key, _ name: String, by deadline: LibPQHandle.Deadline) throws(PostgresError) {
        guard let evicted = self.statements.insert(key, name: name) else { return }
        try self.handle.check(sent: PQsendQuery(self.handle.pointer, "DEALLOCATE \(evicted)"))
        do throws(PostgresError) {
            _ = try self.collect(by: deadline)
        } catch {
            // Somebody deallocated it already, which is what we wanted; every other error counts.
            guard error.category == .staleStatement else { throw error }
        }
    }

    /// After 26000 everything else is gone, too (`DISCARD ALL`); after a stale plan only this one is.
    func forget(_ key: StatementCache.Key, _ name: String, after error: PostgresError) {
        if error.sqlState == "26000" { self.statements.removeAll() } else { self.statements.remove(key) }
    }

    /// Reads all results of the current statement.
    ///
    /// - Returns: the last one.
    /// - Throws: the first error, after everything was read: the connection is then ready for the next statement.
    func collect(by deadline: LibPQHandle.Deadline) throws(PostgresError) -> PostgresResult {
        var last: PostgresResult?
        var failure: PostgresError?
        while let result = try self.handle.nextResult(by: deadline) {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
                last = PostgresResult(copying: result)
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                // Only copyIn speaks COPY; hanging up is the one sure way out of it.
                self.close()
                throw .unexpected(message: "a COPY outside copyIn")
            default:
                failure = failure ?? self.error(of: result)
            }
        }
        if let failure {
            if !self.handle.isUsable { self.close() }
            throw failure
        }
        guard let last else { throw self.handle.failure() }
        return last
    }

    /// The server's report, or what libpq says about a broken connection.
    func error(of result: OpaquePointer) -> PostgresError {
        if let report = ServerError(report: result) { return .server(report) }
        let message = PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
        let text = String(message.split(separator: "\n").joined(separator: " "))
        return self.handle.isUsable ? .unexpected(message: text) : .connectionFailed(message: text)
    }
}
