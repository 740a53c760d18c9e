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
            let rows = Self.rows(loaded)
            guard !self.json else {
                let members = rows.map { row in
                    JSONValue.Member(
                        name: row.key,
                        value: .object([
                            .init(name: "value", value: row.json), .init(name: "source", value: .string(row.source)),
                        ]))
                }
                return Terminal.output(JSONValue.object(members).text)
            }
            for row in rows { Terminal.output("\(row.key): \(row.text)  # \(row.source)") }
        }
    }

    private struct Row {
        let key: String
        let json: JSONValue
        let source: String

        var text: String {
            if case .string(let text) = self.json { return text.isEmpty ? "\"\"" : text }
            return self.json.text
        }
    }

    private static func rows(_ loaded: LoadedConfiguration) -> [Row] {
        let configuration = loaded.configuration
        func row(_ key: String, _ json: JSONValue) -> Row {
            Row(key: key, json: json, source: loaded.sources[key] ?? "default")
        }
        func relays(_ key: String, isFallback: Bool) -> Row {
            let relays = configuration.ingest.relays.filter { ($0.role == .fallback) == isFallback }
            return row(key, .array(relays.map { .string($0.url.label) }))
        }
        let streams = configuration.ingest.streams.map { stream in
            JSONValue.object([
                .init(name: "name", value: .string(stream.name)), .init(name: "filter", value: stream.filter.json),
            ])
        }
        var rows = [
            relays("relays.primary", isFallback: false), relays("relays.fallback", isFallback: true),
            row("streams", .array(streams)),
            row("communities.bases", .array(configuration.communityBases.map(JSONValue.string))),
        ]
        rows += DaemonSettings.all.map { row($0.key, .string($0.show(configuration))) }
        if configuration.database.password != nil { rows.append(row("database.password", .string("<redacted>"))) }
        return rows
    }
}
