import ArgumentParser
import Foundation
import Ingest
import LineFiles
import Logging
import Nostr
import NostrCache
import Postgres
import Serving

/// Events into a file.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes the events of the cache as JSONL.",
        discussion: """
            One event object a line, in canonical JSON, whose hash is the event's id. Kind by kind, newest first, from one
            snapshot: equal caches give equal files. Files that end in .gz and .zst are packed. A file appears under its
            name only when it is complete. Times as for backfill.
            EXIT STATUS: 0, 1 a row is no event any more (named on standard error), 64 usage, 69 database unavailable,
            73 the file cannot be created, 74 it cannot be written, 77 not permitted, 78 configuration or schema,
            130 interrupted.
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: ArgumentHelp("The file; - is standard output.", valueName: "file"))
    var file = "-"

    @Option(help: ArgumentHelp("none, gzip or zstd, whatever the file is called.", valueName: "format"))
    var compression: Compression?

    @Option(parsing: .upToNextOption, help: ArgumentHelp("Only these kinds.", valueName: "kind"))
    var kind: [UInt16] = []

    @Option(parsing: .upToNextOption, help: ArgumentHelp("Only these authors, in hexadecimal.", valueName: "pubkey"))
    var author: [String] = []

    @Option(help: ArgumentHelp("The first second of created_at.", valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("The first second of created_at that is left out.", valueName: "time"))
    var until: String?

    @Flag(help: "Also events whose expiration has passed and which are still there.")
    var includeExpired = false

    @Flag(help: "The file may exist already, and is overwritten.")
    var force = false

    @Flag(help: "One JSON document about the export; on standard error when the events go to standard output.")
    var json = false

    func validate() throws {
        _ = try self.selection(now: IngestTime.system.wall)
    }

    func run() async throws {
        try await self.perform {
            // A reader that goes away is an error of a write, not the end of the process.
            signal(SIGPIPE, SIG_IGN)
            let loaded = try self.options.load()
            let logger = self.options.logger(loaded)
            let selection = try self.selection(now: IngestTime.system.wall)
            let path = self.file == "-" ? nil : self.file
            let output = try OutputFile(
                path: path, compression: self.compression ?? path.map(Compression.init(path:)) ?? .none,
                replaces: self.force)
            let outcome = try await withDatabase(
                loaded.configuration.database, applicationName: "nostr-ingest export", logger: logger
            ) { database in
                try await database.requireSchema(logger: logger)
                return try await database.withConnection(logger: logger) { connection in
                    try await Interruption.watch { interruption in
                        try await interruption.race {
                            try await ExportRun(selection: selection, output: output).run(on: connection)
                        }
                    }
                }
            }
            guard let outcome else { throw ExitCode(ProcessStatus.interrupted) }
            self.report(outcome, toOutput: path != nil)
            if !outcome.damaged.isEmpty { throw ExitCode(ProcessStatus.incomplete.rawValue) }
        }
    }

    private func report(_ outcome: ExportOutcome, toOutput: Bool) {
        for id in outcome.damaged.prefix(ExportOutcome.damagedShownMax) {
            Terminal.error("nostr-ingest: row \(id) is no event any more: its columns do not give its id")
        }
        let text = self.json ? outcome.json.text : "exported \(outcome.events), damaged \(outcome.damaged.count)"
        self.json && toOutput ? Terminal.output(text) : Terminal.error(text)
    }

    private func selection(now: Timestamp) throws -> EventSelection {
        func time(_ option: String, _ text: String?) throws -> Timestamp? {
            try text.map { text in
                guard let time = OperatorTime.timestamp(text, now: now) else {
                    throw ValidationError(OperatorTime.refusal(option, text))
                }
                return time
            }
        }
        var selection = EventSelection()
        selection.kinds = Set(self.kind.map { Kind($0) })
        selection.authors = Set(
            try self.author.map { text in
                guard let key = PublicKey(hex: text) else {
                    throw ValidationError("--author: '\(text)' is no key: 64 lower-case hexadecimal digits")
                }
                return key
            })
        selection.since = try time("--since", self.since)
        selection.until = try time("--until", self.until)
        if let since = selection.since, let until = selection.until, since >= until {
            throw ValidationError("--since must be before --until")
        }
        selection.includesExpired = self.includeExpired
        return selection
    }
}

/// One export.
struct ExportRun: Sendable {
    let selection: EventSelection
    let output: OutputFile

    func run(on connection: PostgresConnection) async throws -> ExportOutcome {
        let display = ProgressDisplay("export")
        defer { display.end() }
        let cursor = try await EventCursor(self.selection, on: connection)
        var outcome = ExportOutcome()
        while true {
            let page = try await cursor.next()
            guard !page.isEmpty else { break }
            var lines: [[UInt8]] = []
            let verifier = EventVerifier(keys: PublicKeyCache(capacity: 4))
            for row in page {
                if let event = row.event, verifier.sha256(event.canonical.span) == row.id.value {
                    lines.append(event.json)
                } else {
                    outcome.damaged.append(row.id)
                }
            }
            try await self.output.write(lines)
            outcome.events += lines.count
            display.update(nil, outcome.events)
            try Task.checkCancellation()
        }
        try await cursor.close()
        try await self.output.finish()
        return outcome
    }
}

struct ExportOutcome: Sendable {
    var events = 0
    /// Rows that are no events any more.
    var damaged: [EventID] = []

    static let damagedShownMax = 10

    var json: JSONValue {
        .object([
            .init(name: "exported", value: .number("\(self.events)")),
            .init(name: "damaged", value: .array(self.damaged.map { .string("\($0)") })),
        ])
    }
}
