import CLibPQ
import Glibc

/// A NOTIFY that reached us.
package struct PostgresNotification: Equatable, Sendable {
    package let channel: String
    package let payload: String
    /// The backend that sent it.
    package let backendPID: Int32
}

extension PostgresSession {
    /// BEGIN, the body, COMMIT; ROLLBACK when the body throws, and its error is the one that is thrown.
    ///
    /// A connection that breaks around COMMIT leaves it open whether the transaction was committed (operations.md
    /// §13.5): the error is then of the category `connection`, and the work must bear being done twice.
    ///
    /// - Parameter mode: what follows BEGIN, such as `ISOLATION LEVEL SERIALIZABLE`.
    package func transaction<Result>(_ mode: String = "", _ body: () throws -> Result) throws -> Result {
        precondition(!self.isUsable || !self.isInTransaction, "A transaction within a transaction")
        try self.executeScript(mode.isEmpty ? "BEGIN" : "BEGIN \(mode)")
        let result: Result
        do {
            result = try body()
        } catch {
            self.rollBack()
            throw error
        }
        if self.handle.transactionStatus == PQTRANS_INERROR {
            // COMMIT would answer ROLLBACK, without an error.
            self.rollBack()
            throw PostgresError.unexpected(message: "a statement of the transaction failed and its error was dropped")
        }
        do {
            try self.executeScript("COMMIT")
        } catch {
            self.rollBack()
            throw error
        }
        return result
    }

    /// Leaves the transaction block, or the connection where that fails.
    private func rollBack() {
        guard self.isUsable, self.isInTransaction else { return }
        do {
            try self.executeScript("ROLLBACK")
        } catch {
            self.close()
        }
    }

    /// What arrived on the channels we listen to.
    ///
    /// - Parameter limit: how long to wait for the first one; by default not at all.
    package func notifications(waitingUpTo limit: Duration = .zero) throws(PostgresError) -> [PostgresNotification] {
        let deadline = ContinuousClock.now + limit
        var received: [PostgresNotification] = []
        while true {
            let connection = try self.handle.pointer
            guard PQconsumeInput(connection) == 1 else { throw self.handle.failure() }
            while let notification = PQnotifies(connection) {
                defer { PQfreemem(notification) }
                received.append(
                    PostgresNotification(
                        channel: String(cString: notification.pointee.relname),
                        payload: String(cString: notification.pointee.extra),
                        backendPID: notification.pointee.be_pid))
            }
            guard received.isEmpty,
                LibPQHandle.poll(PQsocket(connection), POLLIN, until: deadline) == .ready
            else { return received }
        }
    }
}
