import Logging
import Serving

/// Every setting of the program, validated and immutable. Its initial value is what `config/control-plane.yaml` spells
/// out; a test holds the two equal.
struct ControlConfiguration: Hashable, Sendable {
    var database = Database()
    var api = API()
    var auth = Auth()
    /// User ids; e-mail addresses grant nothing.
    var operators: [String] = []
    var health = Health()
    var log = Log()

    struct Database: Hashable, Sendable {
        /// A connection string; empty: libpq's environment.
        var url = ""
        /// From a credential or the environment, never from a file that others may read.
        var password: Redacted<String>?
        /// The only schema of the search path; empty: the role's own.
        var schema = ""
        /// At most; each is a thread here and a process on the server.
        var connections = 8
    }

    struct API: Hashable, Sendable {
        var listen = ListenAddress(host: "127.0.0.1", port: 9465)
        var limits = ExchangeLimits()
        /// Failed attempts to authenticate from one address, in a minute.
        var failuresPerMinute = 20
        /// Origins of pages that may call from a browser; none by default, and never `*`.
        var corsOrigins: [String] = []
        /// Whether the last entry of X-Forwarded-For, set by a proxy on this machine, is the client's address.
        var trustsForwardedFor = false
    }

    struct Auth: Hashable, Sendable {
        /// Empty: no JWT is accepted, only tokens.
        var issuer = ""
        var audience = ""
        /// An absolute path or a URL.
        var jwks = ""
        var algorithms: [SignatureAlgorithm] = [.edDSA]

        var isConfigured: Bool { !self.issuer.isEmpty || !self.audience.isEmpty || !self.jwks.isEmpty }
    }

    struct Health: Hashable, Sendable {
        /// Nil: no listener.
        var listen: ListenAddress? = ListenAddress(host: "127.0.0.1", port: 9466)
    }

    struct Log: Hashable, Sendable {
        var level = Logger.Level.info
        var format = LogFormat.auto
    }
}

/// Every key of the configuration.
enum ControlSettings {
    /// In the order of the file.
    static let all: [Setting<ControlConfiguration>] = [
        .connectionString("database.url", \.database.url),
        .schemaName("database.schema", \.database.schema),
        .integer("database.connections", 1...256, \.database.connections),
        .listenAddress("api.listen", \.api.listen),
        .integer("api.connectionsMax", 1...65_536, \.api.limits.connections),
        .size("api.headerBytesMax", 4_096...65_536, \.api.limits.headerBytes),
        .size("api.bodyBytesMax", 65_536...(16 << 20), \.api.limits.bodyBytes),
        .seconds("api.headerLimit", .seconds(1) ... .seconds(600), \.api.limits.headerSeconds),
        .seconds("api.bodyLimit", .seconds(1) ... .seconds(600), \.api.limits.bodySeconds),
        .seconds("api.answerLimit", .seconds(1) ... .seconds(600), \.api.limits.answerSeconds),
        .seconds("api.idleLimit", .seconds(1) ... .seconds(3_600), \.api.limits.idleSeconds),
        .integer("api.failuresPerMinute", 1...10_000, \.api.failuresPerMinute),
        .words("api.corsOrigins", \.api.corsOrigins, "an origin such as https://app.example.com", Self.isOrigin),
        .flag("api.trustForwardedFor", \.api.trustsForwardedFor),
        .text("auth.issuer", \.auth.issuer),
        .text("auth.audience", \.auth.audience),
        .value("auth.jwks", \.auth.jwks, show: { $0 }) { text throws(SettingRefusal) in
            guard text.isEmpty || KeyLocation(text) != nil else {
                throw SettingRefusal(
                    reason: "expected https://…, an absolute path, or http://… of this machine; found '\(text)'")
            }
            return text
        },
        .value("auth.algorithms", \.auth.algorithms, show: { $0.map(\.rawValue).joined(separator: ", ") }) {
            text throws(SettingRefusal) in try Self.algorithms(text)
        },
        .words("operators", \.operators, "a user id of at most 255 bytes") { (1...255).contains($0.utf8.count) },
        .listenAddress("health.listen", \.health.listen),
        .choice("log.level", \.log.level),
        .choice("log.format", \.log.format),
    ]

    private static func algorithms(_ text: String) throws(SettingRefusal) -> [SignatureAlgorithm] {
        var algorithms: [SignatureAlgorithm] = []
        for word in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            guard let algorithm = SignatureAlgorithm(rawValue: String(word)) else {
                let known = SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
                throw SettingRefusal(reason: "expected some of \(known), found '\(word)'")
            }
            if !algorithms.contains(algorithm) { algorithms.append(algorithm) }
        }
        guard !algorithms.isEmpty else { throw SettingRefusal(reason: "at least one algorithm is needed") }
        return algorithms
    }

    /// As a browser sends it: scheme, host, perhaps a port, and no slash. `*` is none.
    private static func isOrigin(_ text: String) -> Bool {
        guard text.hasPrefix("https://") || text.hasPrefix("http://"), let scheme = text.firstRange(of: "://") else {
            return false
        }
        let rest = text[scheme.upperBound...]
        return !rest.isEmpty && !rest.contains { $0 == "/" || $0 == "*" || $0 == "@" || $0.isUppercase }
    }
}

extension Setting {
    /// Words that are separated by commas or spaces.
    fileprivate static func words(
        _ key: String, _ path: any Target<[String]>, _ expectation: String,
        _ isValid: @escaping @Sendable (String) -> Bool
    ) -> Setting {
        self.value(key, path, show: { $0.joined(separator: ", ") }) { text throws(SettingRefusal) in
            let words = text.split { $0 == "," || $0.isWhitespace }.map(String.init)
            if let wrong = words.first(where: { !isValid($0) }) {
                throw SettingRefusal(reason: "expected \(expectation), found '\(wrong)'")
            }
            return words
        }
    }

    fileprivate static func text(_ key: String, _ path: any Target<String>) -> Setting {
        self.value(key, path, show: { $0 }) { text throws(SettingRefusal) in text }
    }

    fileprivate static func flag(_ key: String, _ path: any Target<Bool>) -> Setting {
        self.value(key, path, isQuotable: false, show: { String($0) }) { text throws(SettingRefusal) in
            switch text {
            case "true": return true
            case "false": return false
            default: throw SettingRefusal(reason: "expected true or false, found '\(text)'")
            }
        }
    }
}
