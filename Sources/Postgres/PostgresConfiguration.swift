import CLibPQ
import Glibc

/// Which server to connect to, and how: exactly what libpq accepts, with the gaps filled that operations.md §13.1
/// names.
///
/// libpq reads the connection string, the environment (`PGHOST`, `PGSERVICE`, `PGPASSFILE` …) and the service file.
/// What any of them says wins over our defaults; only `client_encoding` is not negotiable, because every text in this
/// process is UTF-8.
package struct PostgresConfiguration: Equatable, Sendable {
    /// A dead address in a list of hosts costs this long.
    static let connectTimeoutSeconds = 5
    /// libpq's own default for `sslmode`, which protects nothing.
    private static let defaultSSLMode = "prefer"

    /// A URI, key=value pairs, a database name, or empty for the environment alone.
    private let connectionString: String
    /// Keywords that override the connection string, in the order in which libpq receives them.
    private let overrides: [Override]
    /// How long one address may take to answer; nil is for ever.
    let connectTimeout: Duration?
    /// Named statements are kept on the server. Off behind a pooler in transaction mode.
    package let preparesStatements: Bool
    /// Where a connection goes, without passwords: for logs.
    package let redactedDescription: String

    /// The last of our settings, which shows that all of them arrived: every server reports its value to its client, and
    /// hardly anybody has it so. How intervals are written out matters to nobody here.
    static let witness = (name: "IntervalStyle", value: "iso_8601")

    struct Override: Equatable, Sendable {
        let keyword: String
        let value: String
    }

    /// Reads the settings; opens nothing.
    ///
    /// - Parameters:
    ///   - connectionString: a URI (`postgresql://…`), key=value pairs, or empty for libpq's environment.
    ///   - password: from a credential; never part of the string, which may come from a command line.
    ///   - applicationName: as operators see it in `pg_stat_activity`, unless they named it themselves.
    ///   - database: instead of the one that the string names.
    ///   - schema: the only schema of the search path besides `pg_catalog`.
    ///   - extraSettings: server settings of the session, such as `statement_timeout`. They win over `PGOPTIONS`.
    ///   - preparesStatements: false behind a pooler in transaction mode; session settings are then not sent either.
    package init(
        connectionString: String, password: String? = nil, applicationName: String = "nostr-ingest",
        database: String? = nil, schema: String? = nil, extraSettings: [String: String] = [:],
        preparesStatements: Bool = true
    ) throws(PostgresError) {
        let given = try Self.parse(connectionString)
        let effective = Self.effectiveSettings(of: connectionString)
        var overrides = [Override(keyword: "client_encoding", value: "UTF8")]
        var fill: [(String, String)] = [
            ("application_name", applicationName), ("connect_timeout", "\(Self.connectTimeoutSeconds)"),
            ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ]
        let saysSSLMode = given["sslmode"] != nil || Self.environment("PGSSLMODE") != nil
        if !saysSSLMode, effective["sslmode"] ?? Self.defaultSSLMode == Self.defaultSSLMode, !Self.staysHere(effective)
        {
            // `prefer` as the compiled default tells nothing; `prefer` of a service file is read as "not said", the
            // safer way.
            overrides.append(Override(keyword: "sslmode", value: "verify-full"))
        }
        fill.removeAll { keyword, _ in effective[keyword] != nil }
        overrides += fill.map { Override(keyword: $0.0, value: $0.1) }
        if preparesStatements {
            let options = Self.options(effective["options"], schema: schema, extraSettings: extraSettings)
            overrides.append(Override(keyword: "options", value: options))
        }
        if let database { overrides.append(Override(keyword: "dbname", value: database)) }
        if let password { overrides.append(Override(keyword: "password", value: password)) }

        self.connectionString = connectionString
        self.overrides = overrides
        self.preparesStatements = preparesStatements
        let seconds = effective["connect_timeout"].flatMap { Int($0) } ?? Self.connectTimeoutSeconds
        self.connectTimeout = seconds > 0 ? .seconds(seconds) : nil
        self.redactedDescription = Self.redacted(effective, overrides)
    }

    /// Whether the environment names a server; otherwise the daemon starts its own (operations.md §8).
    ///
    /// User, password and TLS settings alone name no server.
    package static func environmentNamesAServer(_ env: [String: String]) -> Bool {
        ["DATABASE_URL", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE"].contains {
            env[$0]?.isEmpty == false
        }
    }

    /// What `PQconnectStartParams` takes with `expand_dbname`: the connection string first, what overrides it after.
    var keywordsAndValues: [(keyword: String, value: String)] {
        [("dbname", self.connectionString)] + self.overrides.map { ($0.keyword, $0.value) }
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomReflectable {
    package var description: String { self.redactedDescription }

    /// Dumps, too, show no password.
    package var customMirror: Mirror { Mirror(self, children: ["settings": self.redactedDescription]) }
}

extension PostgresConfiguration {
    /// What the connection string itself says.
    private static func parse(_ connectionString: String) throws(PostgresError) -> [String: String] {
        guard Self.looksLikeConnectionString(connectionString) else { return [:] }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(connectionString, &message) else {
            PQfreemem(message)
            // libpq's message quotes the string, and with it perhaps a part of a password.
            throw .invalidConfiguration(
                message: "the connection string is neither a URI postgresql://… nor a list of known key=value pairs")
        }
        defer { PQconninfoFree(options) }
        return Self.values(options)
    }

    /// libpq's own test; everything else is the name of a database.
    private static func looksLikeConnectionString(_ string: String) -> Bool {
        string.hasPrefix("postgresql://") || string.hasPrefix("postgres://") || string.utf8.contains(UInt8(ascii: "="))
    }

    /// The settings after connection string, service file, environment and libpq's defaults; a default that libpq
    /// compiled in appears like any other.
    ///
    /// libpq offers this only for a connection, so we begin one with an impossible `target_session_attrs`: it reads all
    /// its sources, refuses, and opens no socket.
    private static func effectiveSettings(of connectionString: String) -> [String: String] {
        let settings = [(keyword: "dbname", value: connectionString), (keyword: "target_session_attrs", value: "none")]
        guard let connection = LibPQHandle.start(settings) else { return [:] }
        defer { PQfinish(connection) }
        guard let options = PQconninfo(connection) else { return [:] }
        defer { PQconninfoFree(options) }
        return Self.values(options)
    }

    private static func values(_ options: UnsafeMutablePointer<PQconninfoOption>) -> [String: String] {
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val.map({ String(cString: $0) }), !value.isEmpty {
                values[String(cString: keyword)] = value
            }
            option += 1
        }
        return values
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Whether every host is a socket or loopback, where TLS protects nothing.
    private static func staysHere(_ effective: [String: String]) -> Bool {
        // Where both are given, libpq connects to the address; the host is only for the certificate.
        let hosts = effective["hostaddr"] ?? effective["host"] ?? ""
        return hosts.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { host in
            host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@") || host == "localhost" || host == "::1"
                || Self.isLoopbackAddress(host)
        }
    }

    /// 127.0.0.0/8 as four numbers: a name that merely begins with 127 is no address.
    private static func isLoopbackAddress(_ host: Substring) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The `options` keyword: our defaults, then what the operator said, then what the program asks for; the last one
    /// wins.
    private static func options(_ given: String?, schema: String?, extraSettings: [String: String]) -> String {
        var settings = ["-c TimeZone=UTC -c DateStyle=ISO"]
        if let given { settings.append(given) }
        if let schema {
            settings.append("-c " + Self.escaped("search_path=\"" + schema.replacing("\"", with: "\"\"") + "\""))
        }
        for (name, value) in extraSettings.sorted(by: { $0.key < $1.key }) {
            settings.append("-c " + Self.escaped("\(name)=\(value)"))
        }
        settings.append("-c \(self.witness.name)=\(self.witness.value)")
        return settings.joined(separator: " ")
    }

    /// The server splits `options` at white space that no backslash precedes.
    private static func escaped(_ setting: String) -> String {
        setting.map { $0 == "\\" || $0.isWhitespace ? "\\\($0)" : "\($0)" }.joined()
    }

    /// Only keywords that cannot hold a secret.
    private static func redacted(_ effective: [String: String], _ overrides: [Override]) -> String {
        var values = effective
        for override in overrides { values[override.keyword] = override.value }
        return ["host", "hostaddr", "port", "dbname", "user", "application_name", "sslmode"]
            .compactMap { keyword in values[keyword].map { "\(keyword)=\($0)" } }
            .joined(separator: " ")
    }
}
