import ArgumentParser
import Glibc
import Serving

/// The daemon and the commands for its operator.
@main
struct NostrIngest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nostr-ingest", abstract: "Copies Nostr relays into PostgreSQL.",
        discussion: """
            Data goes to standard output, messages to standard error. Secrets are never given as arguments.

            \(ExitText.environment)
            """,
        version: Version.release,
        subcommands: [
            RunCommand.self, BackfillCommand.self, ImportCommand.self, ExportCommand.self, StatusCommand.self,
            QuarantineCommand.self, RebuildCommand.self, MigrateCommand.self, CheckConfigCommand.self,
            HealthCommand.self,
            VersionCommand.self,
        ])
}

struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Says what this program is.")

    @Flag(help: "One JSON document.")
    var json = false

    func run() async throws {
        let text =
            self.json
            ? "{\"version\":\"\(Version.release)\",\"schema\":\(Version.schema),\"swift\":\"\(Version.swift)\"}"
            : "nostr-ingest \(Version.release) (schema \(Version.schema), Swift \(Version.swift))"
        Terminal.output(text)
    }
}
