import ArgumentParser
import Nostr
import Serving

/// Asks a running daemon, for scripts: one line, and an exit status that says the same.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Asks a running daemon how it is.",
        discussion: "EXIT STATUS: 0 pass, 1 warn, 2 fail or unreachable, 64 usage, 78 configuration.")

    @OptionGroup var options: ConfigurationOptions

    @Option(help: ArgumentHelp("Where the daemon listens, instead of health.listen.", valueName: "http://host:port"))
    var url: String?

    @Flag(help: "The daemon's own document.")
    var json = false

    func run() async throws {
        try await self.perform {
            let address = try self.address()
            do {
                let ready = try await HealthClient.get("/readyz", from: address)
                let health = try await HealthClient.get("/health", from: address)
                guard let document = JSONValue(parsing: health.body) else { throw HealthClient.Failure.notHTTP }
                let summary = Self.summary(ready: ready, health: document)
                if self.json { Terminal.output(document.text) } else { Terminal.output(summary.line) }
                throw ExitCode(summary.status.rawValue)
            } catch let failure as HealthClient.Failure {
                Terminal.output(
                    self.json
                        ? JSONValue.object([
                            .init(name: "status", value: .string("fail")),
                            .init(name: "output", value: .string("\(failure)")),
                        ]).text : "fail: \(address) \(Terminal.harmless(failure.description))")
                throw ExitCode(ProcessStatus.unhealthy.rawValue)
            }
        }
    }

    private func address() throws -> ListenAddress {
        guard let url = self.url else {
            guard let address = try self.options.load().configuration.health.listen else {
                throw CommandFailure(.configuration, "health.listen is off: give --url")
            }
            return address
        }
        let text = url.hasPrefix("http://") ? String(url.dropFirst("http://".count)) : url
        guard let address = ListenAddress(text.hasSuffix("/") ? String(text.dropLast()) : text) else {
            throw ValidationError("expected http://host:port, found '\(url)'")
        }
        return address
    }

    /// Not ready is a failure, whatever else is said.
    static func summary(ready: HealthClient.Answer, health: JSONValue) -> (status: ProcessStatus, line: String) {
        let word = health["status"]?.string ?? "fail"
        let status: ProcessStatus =
            ready.status != 200 || word == "fail" ? .unhealthy : word == "warn" ? .incomplete : .success
        var reasons: [String] = []
        if case .object(let checks)? = health["checks"] {
            for check in checks {
                for entry in check.value.array ?? [] where entry["status"]?.string != "pass" {
                    let component = entry["componentId"]?.string.map { " \($0)" } ?? ""
                    reasons.append(Terminal.harmless("\(check.name)\(component): \(entry["output"]?.string ?? "")"))
                }
            }
        }
        let name: String =
            switch status {
            case .success: "pass"
            case .incomplete: "warn"
            default: "fail"
            }
        let notReady = ready.status == 200 ? [] : ["not ready"]
        let rest = (notReady + reasons).prefix(5).joined(separator: "; ")
        return (status, rest.isEmpty ? name : "\(name): \(rest)")
    }
}
