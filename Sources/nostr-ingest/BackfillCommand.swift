import ArgumentParser
import Foundation
import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import Serving

/// Fills the holes of a range and ends.
struct BackfillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill", abstract: "Asks relays for what is missing of a range.",
        discussion: """
            What the ledger covers is not asked for, so running it again continues where it stopped, and running it beside
            the daemon does no harm. Times: unix seconds, 2026-01-02, 2026-01-02T03:04:05Z, now, or how long ago (30d, 12h).
            EXIT STATUS: 0 complete, 1 something is missing or in holes, 64 usage, 69 database unavailable,
            75 try again later, 77 not permitted, 78 configuration or schema, 130 interrupted.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: ArgumentHelp("The first second asked for.", valueName: "time"))
    var since: String

    @Option(help: ArgumentHelp("The first second not asked for.", valueName: "time"))
    var until = "now"

    @Option(help: ArgumentHelp("Only this relay of the configuration; may be repeated.", valueName: "url"))
    var relay: [String] = []

    @Option(help: ArgumentHelp("Only this stream of the configuration; may be repeated.", valueName: "name"))
    var stream: [String] = []

    @Flag(help: "Say what is missing; ask nobody.")
    var dryRun = false

    @Flag(help: "One JSON document.")
    var json = false

    func validate() throws {
        _ = try self.range(now: IngestTime.system.wall)
    }

    func run() async throws {
        try await self.perform {
            let loaded = try self.options.load()
            let logger = self.options.logger(loaded)
            let order = try self.order(loaded.configuration.ingest)
            let outcome = try await withDatabase(
                loaded.configuration.database, applicationName: "nostr-ingest backfill", logger: logger
            ) { database in
                try await database.requireSchema(logger: logger)
                return try await BackfillRun(
                    order: order, configuration: loaded.configuration.ingest, database: database,
                    isDryRun: self.dryRun, logger: logger
                ).run()
            }
            if self.json {
                Terminal.output(outcome.json.text)
            } else {
                for line in outcome.lines { Terminal.output(line) }
            }
            if outcome.wasInterrupted { throw ExitCode(ProcessStatus.interrupted) }
            if !outcome.isComplete { throw ExitCode(ProcessStatus.incomplete.rawValue) }
        }
    }

    private func range(now: Timestamp) throws -> Range<Timestamp> {
        func time(_ option: String, _ text: String) throws -> Timestamp {
            guard let time = OperatorTime.timestamp(text, now: now) else {
                throw ValidationError(OperatorTime.refusal(option, text))
            }
            return time
        }
        let (since, until) = (try time("--since", self.since), try time("--until", self.until))
        guard since < until else { throw ValidationError("--since must be before --until") }
        return since..<until
    }

    /// The primaries unless relays are named: a fallback serves only what no primary does.
    private func order(_ configuration: IngestConfiguration) throws -> Backfill.Order {
        var relays = configuration.relays.filter { $0.role == .primary }
        if !self.relay.isEmpty {
            relays = try self.relay.map { text in
                guard let url = RelayURL(text), let known = configuration.relays.first(where: { $0.url == url }) else {
                    throw ValidationError("--relay: '\(text)' is no relay of the configuration")
                }
                return known
            }
        }
        var streams = configuration.streams
        if !self.stream.isEmpty {
            streams = try self.stream.map { name in
                if let known = configuration.streams.first(where: { $0.name == name }) { return known }
                let nearest = Suggestion.nearest(to: name, among: configuration.streams.map(\.name))
                let hint = nearest.map { "; did you mean \($0)?" } ?? ""
                throw ValidationError("--stream: '\(name)' is no stream of the configuration\(hint)")
            }
        }
        return Backfill.Order(range: try self.range(now: IngestTime.system.wall), relays: relays, streams: streams)
    }
}
