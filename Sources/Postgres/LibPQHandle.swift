import CLibPQ
import Glibc
import Logging

/// Owns a `PGconn`: one owner, freed once, by the compiler's word.
///
/// Every wait is a `poll()` with a deadline: a frozen server sends nothing, and libpq alone would wait for ever. A
/// handle whose connection broke or whose deadline passed is closed and stays so.
struct LibPQHandle: ~Copyable {
    typealias Deadline = ContinuousClock.Instant

    /// Nil once closed.
    private var connection: OpaquePointer?
    /// Asks the server to stop the running statement; taken in advance, since a broken connection cannot give it.
    private var cancellation: OpaquePointer?
    /// Kept alive for libpq, which holds it unowned.
    private let notices: NoticeLog

    /// Takes over an established connection.
    init(adopting connection: OpaquePointer, notices: NoticeLog) {
        self.connection = connection
        self.cancellation = PQgetCancel(connection)
        self.notices = notices
    }

    deinit {
        PQfreeCancel(self.cancellation)
        PQfinish(self.connection)
    }

    /// Whether a statement has a chance.
    var isUsable: Bool {
        self.connection != nil && PQstatus(self.connection) == CONNECTION_OK
    }

    /// The `PGconn` for a single libpq call.
    var pointer: OpaquePointer {
        get throws(PostgresError) {
            guard let connection = self.connection else { throw .notConnected }
            return connection
        }
    }

    mutating func close() {
        PQfreeCancel(self.cancellation)
        self.cancellation = nil
        PQfinish(self.connection)
        self.connection = nil
    }

    /// Where the session stands between BEGIN and COMMIT.
    var transactionStatus: PGTransactionStatusType {
        PQtransactionStatus(self.connection)
    }

    /// Takes what a send function of libpq returned.
    mutating func check(sent: Int32) throws(PostgresError) {
        guard sent != 1 else { return }
        throw self.failure()
    }

    /// The next result of the current statement, or nil when it has no more. The caller clears it.
    ///
    /// - Throws: ``PostgresError/deadlineExceeded`` and ``PostgresError/connectionFailed(message:)``; both close the
    /// handle.
    mutating func nextResult(by deadline: Deadline) throws(PostgresError) -> OpaquePointer? {
        let connection = try self.pointer
        try self.flush(by: deadline)
        while PQisBusy(connection) == 1 {
            try self.wait(for: POLLIN, by: deadline)
            guard PQconsumeInput(connection) == 1 else { throw self.failure() }
        }
        return PQgetResult(connection)
    }

    /// Hands the output buffer to the kernel, reading meanwhile: a server that waits for us to read would never read
    /// itself.
    mutating func flush(by deadline: Deadline) throws(PostgresError) {
        let connection = try self.pointer
        while true {
            switch PQflush(connection) {
            case 0: return
            case 1:
                try self.wait(for: POLLIN | POLLOUT, by: deadline)
                guard PQconsumeInput(connection) == 1 else { throw self.failure() }
            default:
                // What the server said before it hung up is still to be read, and explains more than a broken pipe.
                guard PQconsumeInput(connection) == 1 || PQstatus(connection) == CONNECTION_OK else {
                    throw self.failure()
                }
                return
            }
        }
    }

    /// Suspends the thread until the socket is ready.
    mutating func wait(for events: Int32, by deadline: Deadline) throws(PostgresError) {
        let socket = PQsocket(try self.pointer)
        guard socket >= 0 else { throw self.failure() }
        switch Self.poll(socket, events, until: deadline) {
        case .ready: return
        case .deadlinePassed:
            self.cancelAndClose()
            throw .deadlineExceeded
        }
    }

    /// The error of the last libpq call; closes the handle if the connection is gone.
    mutating func failure() -> PostgresError {
        guard let connection = self.connection else { return .notConnected }
        let message = LibPQHandle.message(of: connection)
        guard PQstatus(connection) != CONNECTION_OK else { return .unexpected(message: message) }
        self.close()
        return .connectionFailed(message: message)
    }

    /// Asks the server to stop and hangs up.
    ///
    /// `PQcancel` blocks until the postmaster answers, which a frozen one never does: it gets a thread of its own,
    /// which ends when the request does.
    private mutating func cancelAndClose() {
        if let cancellation = self.cancellation {
            self.cancellation = nil
            var thread = pthread_t()
            let refused = pthread_create(&thread, nil, sendCancellation, UnsafeMutableRawPointer(cancellation))
            if refused == 0 { pthread_detach(thread) } else { PQfreeCancel(cancellation) }
        }
        self.close()
    }
}

extension LibPQHandle {
    enum Wakeup { case ready, deadlinePassed }

    /// `poll()` on one descriptor; nil waits for ever, a deadline in the past looks once.
    static func poll(_ descriptor: Int32, _ events: Int32, until deadline: Deadline?) -> Wakeup {
        var descriptors = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        while true {
            // Rounded up, so that a wait of less than a millisecond does not spin.
            let left = deadline.map { ContinuousClock.now.duration(to: $0) / .milliseconds(1) }
            let milliseconds = left.map { Int32(min(max($0, 0), 1e9).rounded(.up)) } ?? -1
            // An error of the descriptor counts as ready: libpq meets and names it. EINTR waits again.
            if Glibc.poll(&descriptors, 1, milliseconds) > 0 { return .ready }
            if let left, left <= 0 { return .deadlinePassed }
        }
    }

    static func message(of connection: OpaquePointer) -> String {
        var message = Substring(String(cString: PQerrorMessage(connection)))
        while message.last?.isNewline == true { message.removeLast() }
        return String(message)
    }
}

/// Runs on its own thread and owns the `PGcancel`.
private func sendCancellation(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let cancellation = context.map { OpaquePointer($0) }
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
        _ = PQcancel(cancellation, message.baseAddress, 256)
    }
    PQfreeCancel(cancellation)
    return nil
}

/// Hands the server's notices and warnings to the log.
final class NoticeLog {
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    func received(_ notice: OpaquePointer) {
        let report = ServerError(report: notice)
        let level: Logger.Level = report?.severity == "WARNING" ? .warning : .debug
        self.logger.log(
            level: level, "PostgreSQL sent a notice",
            metadata: [
                "postgres.severity": "\(report?.severity ?? "")", "postgres.sqlstate": "\(report?.sqlState ?? "")",
                "postgres.message": "\(report?.message ?? "")",
            ])
    }
}

extension ServerError {
    /// The fields of an error or notice; nil where there is no SQLSTATE, that is where libpq itself speaks.
    init?(report: OpaquePointer) {
        func field(_ code: Int32) -> String? {
            PQresultErrorField(report, code).map { String(cString: $0) }
        }
        guard let sqlState = field(CLIBPQ_DIAG_SQLSTATE) else { return nil }
        self.init(
            sqlState: sqlState,
            severity: field(CLIBPQ_DIAG_SEVERITY_NONLOCALIZED) ?? "ERROR",
            message: field(CLIBPQ_DIAG_MESSAGE_PRIMARY) ?? "",
            detail: field(CLIBPQ_DIAG_MESSAGE_DETAIL),
            hint: field(CLIBPQ_DIAG_MESSAGE_HINT),
            schema: field(CLIBPQ_DIAG_SCHEMA_NAME),
            table: field(CLIBPQ_DIAG_TABLE_NAME),
            column: field(CLIBPQ_DIAG_COLUMN_NAME),
            constraint: field(CLIBPQ_DIAG_CONSTRAINT_NAME),
            // PG_DIAG_SOURCE_FUNCTION, a macro that Swift does not import.
            routine: field(Int32(UInt8(ascii: "R"))))
    }
}
