import ArgumentParser
import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import Serving

/// The companion tables, derived again.
struct RebuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild", abstract: "Derives everything that is derived again from the events.",
        discussion: """
            After a change of communities, of trusted keys or of this program's rules, or when in doubt. Beside the daemon
            and its readers, in bounded transactions; stopped or killed, run it again.
            EXIT STATUS: 0, 1 a row is no valid event any more, 64 usage, 69 database unavailable, 75 try again later, 77 not permitted, 78 configuration or
            schema, 130 interrupted.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "One JSON document.")
    var json = false

    func run() async throws {
        try await self.perform {
            let outcome = try await self.options.withSchema("nostr-ingest rebuild") { database, loaded, logger in
                let rules = loaded.configuration.ingest.rules
                let (connection, _) = try await CacheWriter.open(database.configuration, rules: rules, logger: logger)
                let rebuild = CacheRebuild(connection: connection, rules: rules)
                let display = ProgressDisplay("rebuild")
                defer { display.end() }
                let outcome = try await Interruption.watch { interruption in
                    try await interruption.race {
                        try await rebuild.run { progress in
                            display.update(
                                progress.total.map { $0 > 0 ? Double(progress.done) / Double($0) : 1 }, progress.done,
                                progress.phase.rawValue)
                        }
                    }
                }
                await connection.close()
                return outcome
            }
            guard let outcome else { throw ExitCode(ProcessStatus.interrupted) }
            Terminal.output(self.json ? outcome.json.text : outcome.line)
            if outcome.damaged > 0 { throw ExitCode(ProcessStatus.incomplete.rawValue) }
        }
    }
}

extension CacheRebuild.Outcome {
    private var counts: [(name: String, count: Int)] {
        [
            ("events", self.events), ("damaged", self.damaged), ("removed", self.removed), ("orphans", self.orphans),
            ("counted", self.counted),
        ]
    }

    var line: String { self.counts.map { "\($0.name) \($0.count)" }.joined(separator: ", ") }

    var json: JSONValue { .object(self.counts.map { .init(name: $0.name, value: .number("\($0.count)")) }) }
}
