/// What failed between us and PostgreSQL, and through ``category`` what to do about it.
package enum PostgresError: Error, Equatable, Sendable {
    /// libpq cannot read the connection string or the environment. The text holds nothing of the string: it may be a
    /// secret.
    case invalidConfiguration(message: String)
    /// The server cannot serve us whatever we do: too old, or its encoding is not UTF-8.
    case unsupportedServer(message: String)
    /// No connection came about, or an existing one broke. A dead connection has no SQLSTATE.
    case connectionFailed(message: String)
    /// The connection was closed, or broke in an earlier statement.
    case notConnected
    /// libpq could not allocate.
    case outOfMemory
    /// The server did not answer in time. The statement was asked to stop and the connection is closed.
    case deadlineExceeded
    /// The server refused, and said why.
    case server(ServerError)
    /// The server answered something that the statement cannot produce.
    case unexpected(message: String)

    /// What the caller does about an error: the table of SQLSTATEs in operations.md §13.4.
    package enum Category: String, CaseIterable, Sendable {
        /// Reconnect with backoff, do the same work again.
        case connection
        /// Do the same work again, a few times, then less at once.
        case transient
        /// Disk, memory or a limit of the server: pause and try now and then; drop nothing.
        case resource
        /// We reached a standby: reconnect.
        case readOnly
        /// One of the values cannot be stored: bisect.
        case data
        /// The prepared statement is gone or outlived its tables: prepare again.
        case staleStatement
        /// Tables or rights are not what we need: an operator must act.
        case schemaOrRights
        /// The statement is wrong.
        case ourBug
        /// The server does not let us in.
        case authentication
        /// The server's storage is broken: stop writing.
        case corruption
    }

    /// The SQLSTATE, if the server sent one.
    package var sqlState: String? {
        guard case .server(let error) = self else { return nil }
        return error.sqlState
    }

    package var category: Category {
        switch self {
        case .connectionFailed, .notConnected, .deadlineExceeded: .connection
        case .outOfMemory: .resource
        case .invalidConfiguration, .unsupportedServer: .schemaOrRights
        case .unexpected: .ourBug
        case .server(let error): error.category
        }
    }

    /// Whether the same work may succeed later, on a new connection or in a new transaction.
    package var isTransient: Bool {
        switch self.category {
        case .connection, .transient, .resource, .readOnly, .staleStatement: true
        case .data, .schemaOrRights, .ourBug, .authentication, .corruption: false
        }
    }
}

/// An error report of the server.
package struct ServerError: Equatable, Sendable {
    /// Five characters, appendix A of PostgreSQL's manual.
    package var sqlState: String
    /// `ERROR`, `FATAL` or `PANIC`, never translated.
    package var severity: String
    package var message: String
    /// May hold the row that failed: for logs at debug level only, and no part of `description`.
    package var detail: String?
    package var hint: String?
    package var schema: String?
    package var table: String?
    package var column: String?
    package var constraint: String?
    /// The C function that raised the error; tells a stale plan (0A000) from a missing feature.
    package var routine: String?

    package init(
        sqlState: String, severity: String = "ERROR", message: String = "", detail: String? = nil, hint: String? = nil,
        schema: String? = nil, table: String? = nil, column: String? = nil, constraint: String? = nil,
        routine: String? = nil
    ) {
        self.sqlState = sqlState
        self.severity = severity
        self.message = message
        self.detail = detail
        self.hint = hint
        self.schema = schema
        self.table = table
        self.column = column
        self.constraint = constraint
        self.routine = routine
    }

    package var category: PostgresError.Category {
        switch self.sqlState {
        case "57P01", "57P02", "57P03", "57P05", "53300", "25P03": .connection
        case "55P03", "57014": .transient
        case "53000", "53100", "53200", "53400": .resource
        case "25006": .readOnly
        case "54000", "54001": .data
        case "26000": .staleStatement
        // "cached plan must not change result type" has the code of any missing feature; the routine tells it apart.
        case "0A000" where self.routine == "RevalidateCachedQuery": .staleStatement
        case "42P01", "42703", "3F000", "42501": .schemaOrRights
        case "28000", "28P01", "3D000", "57P04": .authentication
        default: self.categoryOfClass
        }
    }

    /// By the first two characters, for codes that the table does not name.
    private var categoryOfClass: PostgresError.Category {
        switch self.sqlState.prefix(2) {
        case "08": .connection
        case "40": .transient
        case "22", "23": .data
        case "28": .authentication
        case "58", "XX": .corruption
        default: .ourBug
        }
    }
}

extension PostgresError: CustomStringConvertible {
    /// One line for a log: never DETAIL, which may hold a row.
    package var description: String {
        switch self {
        case .invalidConfiguration(let message): "invalid database settings: \(message)"
        case .unsupportedServer(let message): "unsupported server: \(message)"
        case .connectionFailed(let message): "connection failed: \(message)"
        case .notConnected: "not connected"
        case .outOfMemory: "out of memory"
        case .deadlineExceeded: "the server did not answer in time"
        case .server(let error): error.description
        case .unexpected(let message): "unexpected answer: \(message)"
        }
    }
}

extension ServerError: CustomStringConvertible {
    /// SQLSTATE, message and the names involved. Messages of class 22 are left out, since they quote the value.
    package var description: String {
        var text = "\(self.severity) \(self.sqlState)"
        if !self.sqlState.hasPrefix("22") { text += ": \(self.message)" }
        if let table = self.table { text += ", table \(table)" }
        if let column = self.column { text += ", column \(column)" }
        if let constraint = self.constraint { text += ", constraint \(constraint)" }
        return text
    }
}
