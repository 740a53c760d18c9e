import ArgumentParser
import Ingest
import LineFiles
import Logging
import Nostr
import NostrCache
import Serving

/// Events from a file.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Writes the events of a JSONL file into the cache.",
        discussion: """
            One event object a line, verified like anything from a relay, through the same writer, with the same outcomes
            and reasons. Files that end in .gz and .zst are unpacked. It may be stopped or killed at any moment: run again,
            it skips what has been committed by a look at the ids. Rejected lines do not make it fail.
            EXIT STATUS: 0 all lines have their outcome, 64 usage, 65 the file is corrupt or cut off, 69 database
            unavailable, 73 the reject file cannot be created, 74 the file cannot be read, 75 try again later,
            77 not permitted, 78 configuration or schema, 130 interrupted.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: ArgumentHelp("The file; - is standard input.", valueName: "file"))
    var file = "-"

    @Option(help: ArgumentHelp("none, gzip or zstd, whatever the file is called.", valueName: "format"))
    var compression: Compression?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Only these kinds; others are rejected as 'policy'.", valueName: "kind"))
    var kind: [UInt16] = []

    @Option(
        help: ArgumentHelp("Write a JSON line for every refused line here: number, reason, text.", valueName: "file"))
    var rejects: String?

    @Flag(help: "The reject file may exist already, and is overwritten.")
    var force = false

    @Flag(help: "Verify only: no database is opened, nothing is written.")
    var dryRun = false

    @Flag(help: "One JSON document.")
    var json = false

    func run() async throws {
        try await self.perform {
            let loaded = try self.options.load()
            let logger = self.options.logger(loaded)
            let rejects = try self.rejects.map { path throws(LineFileError) in
                try OutputFile(path: path, compression: Compression(path: path), replaces: self.force)
            }
            let outcome = try await self.outcome(loaded, rejects, logger)
            try await rejects?.finish()
            if self.json {
                Terminal.output(outcome.json.text)
            } else {
                for line in outcome.lines { Terminal.output(line) }
            }
            if outcome.wasInterrupted { throw ExitCode(ProcessStatus.interrupted) }
        }
    }

    private func outcome(
        _ loaded: LoadedConfiguration, _ rejects: OutputFile?, _ logger: Logger
    ) async throws -> ImportOutcome {
        let ingest = loaded.configuration.ingest
        let path = self.file == "-" ? nil : self.file
        let file = EventFile(
            path: path, compression: self.compression ?? path.map(Compression.init(path:)) ?? .none,
            // As long as a message of a relay may be.
            limits: LineReader.Limits(lineBytesMax: ingest.connection.messageBytesMax))
        let run = ImportRun(
            file: file, kinds: self.kind.isEmpty ? nil : Set(self.kind.map { Kind($0) }), configuration: ingest,
            rejects: rejects, logger: logger)
        if self.dryRun { return try await run.verify() }
        return try await withDatabase(
            loaded.configuration.database, applicationName: "nostr-ingest import", logger: logger
        ) { database in
            try await database.requireSchema(logger: logger)
            return try await run.write(to: database)
        }
    }
}

extension Compression: ExpressibleByArgument {}
