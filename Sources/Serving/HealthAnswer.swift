import Nostr

/// What the server says to one request: decided here, sent by ``QueryServer``.
package struct HealthAnswer: Equatable, Sendable {
    package var status: Int
    package var contentType: String
    package var cacheControl: String
    /// The methods that are, when this one is not.
    package var allow: String?
    package var body: String

    package init(
        status: Int, contentType: String = HealthAnswer.plain, cacheControl: String = "no-store",
        allow: String? = nil, body: String
    ) {
        self.status = status
        self.contentType = contentType
        self.cacheControl = cacheControl
        self.allow = allow
        self.body = body
    }

    package static let plain = "text/plain; charset=utf-8"
}

/// What is asked for, independent of how the answer is found.
package enum HealthRoute: Equatable, Sendable {
    case probe(HealthCheck.Probe)
    /// One check of `/readyz`.
    case readiness(check: String)
    case health
    case metrics

    /// By the path alone; nil: there is no such thing.
    package init?(path: String) {
        switch path {
        case "/livez": self = .probe(.live)
        case "/readyz", "/ready": self = .probe(.ready)
        case "/startupz": self = .probe(.startup)
        case "/health", "/healthz": self = .health
        case "/metrics": self = .metrics
        default:
            guard path.hasPrefix("/readyz/") else { return nil }
            let check = path.dropFirst("/readyz/".count)
            guard !check.isEmpty, !check.contains("/") else { return nil }
            self = .readiness(check: String(check))
        }
    }

    /// For the label of a metric: the pattern, never the path.
    package var pattern: String {
        switch self {
        case .probe(.live): "/livez"
        case .probe(.ready): "/readyz"
        case .probe(.startup): "/startupz"
        case .probe(.health), .health: "/health"
        case .readiness: "/readyz/{check}"
        case .metrics: "/metrics"
        }
    }
}

extension HealthReport {
    /// `/livez`, `/readyz`, `/startupz`: 200 or 503; the list of checks when asked for, and always when one fails.
    package func answer(to probe: HealthCheck.Probe, isVerbose: Bool, excluding excluded: [String]) -> HealthAnswer {
        let name = probe.path
        let checks = self.checks(of: probe)
        let counted = checks.filter { !excluded.contains($0.name) }
        let failed = counted.filter { $0.status == .fail }
        guard isVerbose || !failed.isEmpty else { return HealthAnswer(status: 200, body: "ok\n") }
        var lines = checks.map { check in
            excluded.contains(check.name) ? "[+]\(check.name) excluded: ok" : check.line
        }
        let unknown = excluded.filter { name in !checks.contains { $0.name == name } }
        if !unknown.isEmpty {
            lines.append("warn: there are no checks to exclude named \(unknown.joined(separator: ", "))")
        }
        lines.append(failed.isEmpty ? "\(name) check passed" : "\(name) check failed")
        return HealthAnswer(status: failed.isEmpty ? 200 : 503, body: lines.joined(separator: "\n") + "\n")
    }

    /// `/readyz/<check>`: that check alone.
    package func answer(toReadinessOf name: String) -> HealthAnswer {
        guard let check = self.checks(of: .ready).first(where: { $0.name == name }) else { return .notFound }
        return HealthAnswer(
            status: check.status == .fail ? 503 : 200, body: check.status == .fail ? check.line + "\n" : "ok\n")
    }

    /// `/health`: 200 unless something fails.
    package var healthAnswer: HealthAnswer {
        HealthAnswer(
            status: self.status(of: .health) == .fail ? 503 : 200, contentType: "application/health+json",
            cacheControl: "max-age=5", body: self.json.text + "\n")
    }
}

extension HealthAnswer {
    package static let notFound = HealthAnswer(status: 404, body: "not found\n")
    package static let methodNotAllowed = HealthAnswer(status: 405, allow: "GET, HEAD", body: "method not allowed\n")
    /// A name that is not ours: a browser that was lured here (DNS rebinding).
    package static let misdirected = HealthAnswer(status: 421, body: "misdirected request\n")
}

extension HealthCheck {
    fileprivate var line: String {
        switch self.status {
        case .pass: "[+]\(self.name) ok"
        case .warn: "[+]\(self.name) ok: \(Self.oneLine(self.output))"
        case .fail: "[-]\(self.name) failed: \(Self.oneLine(self.output))"
        }
    }

    /// What relays and servers say goes into an output; a line stays a line.
    private static func oneLine(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}

extension HealthCheck.Probe {
    fileprivate var path: String {
        switch self {
        case .live: "livez"
        case .ready: "readyz"
        case .startup: "startupz"
        case .health: "health"
        }
    }
}

/// Whether a `Host` header names this machine's loopback: the guard against DNS rebinding of a browser.
package enum LoopbackName {
    package static func contains(_ authority: String?) -> Bool {
        // HTTP/1.0 knows no Host, and a browser always sends one.
        guard let authority else { return true }
        let bytes = Array(authority.utf8)
        if bytes.first == UInt8(ascii: "[") { return authority == "[::1]" || authority.hasPrefix("[::1]:") }
        let host = String(decoding: bytes.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self).lowercased()
        return self.isLoopback(host)
    }

    /// `localhost`, 127.0.0.0/8 or `::1`.
    package static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil && !$0.hasPrefix("+") }
    }
}
