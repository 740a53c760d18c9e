import ArgumentParser
import Nostr
import Serving

/// The initializer that the service uses, printed.
struct CheckConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config", abstract: "Validates the configuration; names everything that is wrong.",
        discussion: "EXIT STATUS: 0 valid, 64 usage, 78 invalid.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Print the effective values with the source of each; secrets are <redacted>.")
    var show = false

    @Flag(help: "One JSON document.")
    var json = false

    func run() async throws {
        try await self.perform {
            let loaded = try self.options.load()
            guard self.show || self.json else {
                Terminal.error("The configuration is valid (\(loaded.file ?? "built in")).")
                return
            }
            var report = ConfigurationReport(sources: loaded.sources)
            report.add(ControlSettings.all, of: loaded.configuration)
            report.add(secret: "database.password", isGiven: loaded.configuration.database.password != nil)
            guard !self.json else { return Terminal.output(report.json.text) }
            for line in report.lines { Terminal.output(line) }
        }
    }
}
