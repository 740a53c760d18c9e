import ArgumentParser
import Ingest
import Nostr
import NostrCache
import Serving

/// The initializer that the daemon uses, printed.
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
            let report = Self.report(loaded)
            guard !self.json else { return Terminal.output(report.json.text) }
            for line in report.lines { Terminal.output(line) }
        }
    }

    private static func report(_ loaded: LoadedConfiguration) -> ConfigurationReport {
        let configuration = loaded.configuration
        func relays(isFallback: Bool) -> JSONValue {
            let relays = configuration.ingest.relays.filter { ($0.role == .fallback) == isFallback }
            return .array(relays.map { .string($0.url.label) })
        }
        let streams = configuration.ingest.streams.map { stream in
            JSONValue.object([
                .init(name: "name", value: .string(stream.name)), .init(name: "filter", value: stream.filter.json),
            ])
        }
        var report = ConfigurationReport(sources: loaded.sources)
        report.add("relays.primary", relays(isFallback: false))
        report.add("relays.fallback", relays(isFallback: true))
        report.add("streams", .array(streams))
        report.add("communities.bases", .array(configuration.communityBases.map(JSONValue.string)))
        report.add("providers.trustedKeys", .array(configuration.ingest.trustedProviders.map { .string("\($0)") }))
        report.add(DaemonSettings.all, of: configuration)
        report.add(secret: "database.password", isGiven: configuration.database.password != nil)
        return report
    }
}
