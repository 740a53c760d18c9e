import CLibPQ
import Glibc
import Logging

/// Connecting: `PQconnectStartParams` and `PQconnectPoll`, with a limit per address.
extension LibPQHandle {
    /// Pipeline mode and `int8multirange` begin with 14.
    static let oldestServerVersion: Int32 = 140_000

    /// OpenSSL writes to sockets that the peer has closed; the error is what we want, not the signal.
    private static let ignoresBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// Connects and checks that the server can serve us. Blocks the thread; name resolution has libc's own limits.
    static func connect(
        _ configuration: PostgresConfiguration, logger: Logger
    ) throws(PostgresError) -> LibPQHandle {
        _ = Self.ignoresBrokenPipes
        guard let connection = Self.start(configuration.keywordsAndValues) else { throw .outOfMemory }
        do throws(PostgresError) {
            // The SQLSTATE of a refusal ("28P01: password authentication failed") is in no field of a PGconn, only in
            // its verbose message.
            PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
            try Self.complete(connection, timeout: configuration.connectTimeout)
            PQsetErrorVerbosity(connection, PQERRORS_DEFAULT)
            try Self.requireSupported(connection)
            if configuration.preparesStatements { try Self.requireSettings(connection) }
        } catch {
            PQfinish(connection)
            throw error
        }
        PQsetnonblocking(connection, 1)
        let notices = NoticeLog(logger: logger)
        PQsetNoticeReceiver(
            connection,
            { context, notice in
                guard let context, let notice else { return }
                Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue().received(notice)
            }, Unmanaged.passUnretained(notices).toOpaque())
        return LibPQHandle(adopting: connection, notices: notices)
    }

    /// `PQconnectStartParams` with `expand_dbname`; nil when libpq cannot allocate. The caller finishes it.
    static func start(_ settings: [(keyword: String, value: String)]) -> OpaquePointer? {
        let keywords = settings.map { strdup($0.keyword) }
        let values = settings.map { strdup($0.value) }
        defer { for string in keywords + values { free(string) } }
        let keywordList = keywords.map { UnsafePointer($0) } + [nil]
        let valueList = values.map { UnsafePointer($0) } + [nil]
        return PQconnectStartParams(keywordList, valueList, 1)
    }

    /// Polls until the connection stands.
    ///
    /// The limit holds per address, as `connect_timeout` does in libpq's blocking functions: a host that swallows
    /// packets must not use up the time of the next one.
    private static func complete(_ connection: OpaquePointer, timeout: Duration?) throws(PostgresError) {
        var address = ""
        var deadline: Deadline?
        // As if the last poll had said so (libpq's manual, "Database Connection Control Functions").
        var status = PGRES_POLLING_WRITING
        while true {
            guard PQstatus(connection) != CONNECTION_BAD else { throw Self.refusal(connection) }
            let current = Self.address(of: connection)
            if current != address {
                address = current
                deadline = timeout.map { ContinuousClock.now + $0 }
            }
            // The descriptor may differ from call to call.
            let events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT
            if Self.poll(PQsocket(connection), events, until: deadline) == .deadlinePassed {
                guard PQstatus(connection) == CONNECTION_STARTED else {
                    throw .connectionFailed(message: "\(address) accepted the connection but did not answer in time")
                }
                // Ends the attempt with an error, after which libpq goes on to the next address, if there is one.
                shutdown(PQsocket(connection), Int32(SHUT_RDWR))
                deadline = timeout.map { ContinuousClock.now + $0 }
            }
            status = PQconnectPoll(connection)
            if status == PGRES_POLLING_OK { return }
            if status == PGRES_POLLING_FAILED { throw Self.refusal(connection) }
        }
    }

    private static func address(of connection: OpaquePointer) -> String {
        func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
        return "\(text(PQhost(connection))) \(text(PQhostaddr(connection))) port \(text(PQport(connection)))"
    }

    /// The server's own report if it sent one, else what libpq says.
    private static func refusal(_ connection: OpaquePointer) -> PostgresError {
        let message = Self.message(of: connection)
        guard let report = ServerError(connectionMessage: message) else { return .connectionFailed(message: message) }
        // PgBouncer's answer to `options`; asking again would not help.
        if report.sqlState == "08P01", report.message.hasPrefix("unsupported startup parameter") {
            return .unsupportedServer(message: "\(report.message): \(self.poolerRemedy)")
        }
        return .server(report)
    }

    private static let poolerRemedy =
        "a connection pooler stands in between; give a direct connection to PostgreSQL"

    /// A pooler that is told to ignore `options` hands out sessions without the limits and plans that we rely on.
    private static func requireSettings(_ connection: OpaquePointer) throws(PostgresError) {
        let witness = PostgresConfiguration.witness
        let reported = PQparameterStatus(connection, witness.name).map { String(cString: $0) }
        guard reported == witness.value else {
            throw .unsupportedServer(message: "the settings of the session did not arrive: \(self.poolerRemedy)")
        }
    }

    private static func requireSupported(_ connection: OpaquePointer) throws(PostgresError) {
        let version = PQserverVersion(connection)
        guard version >= Self.oldestServerVersion else {
            throw .unsupportedServer(message: "PostgreSQL \(version / 10_000) is too old, 14 is the oldest that works")
        }
        let encoding = PQparameterStatus(connection, "server_encoding").map { String(cString: $0) } ?? ""
        guard encoding == "UTF8" else {
            throw .unsupportedServer(message: "the database's encoding is \(encoding): create one with ENCODING 'UTF8'")
        }
    }
}

extension ServerError {
    /// Finds the last `SEVERITY:  SQLSTATE: message` in the verbose message of a failed connection, in any language.
    ///
    /// This reads a code, not a text: libpq 15 has no other way to it.
    init?(connectionMessage: String) {
        for line in connectionMessage.split(separator: "\n").reversed() {
            let parts = line.split(separator: ":  ", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let code = parts[1].prefix(5)
            guard code.utf8.count == 5, code.utf8.allSatisfy({ Self.isOfSQLState($0) }),
                parts[1].dropFirst(5).hasPrefix(": ")
            else { continue }
            let before = parts[0].split(separator: " ").last.map { String($0) } ?? ""
            self.init(sqlState: String(code), severity: before, message: String(parts[1].dropFirst(7)))
            return
        }
        return nil
    }

    private static func isOfSQLState(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
}
