import ArgumentParser
import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import Serving

/// Events with a valid signature that could not be stored.
struct QuarantineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quarantine", abstract: "Shows, retries and drops what could not be stored.",
        discussion: """
            The daemon retries by itself what only time has to cure (future). Everything else waits for you.
            EXIT STATUS: 0, 1 some entries were retried in vain, 64 usage, 69 database unavailable, 77 not permitted,
            78 configuration or schema.
            """,
        subcommands: [List.self, Retry.self, Drop.self], defaultSubcommand: List.self)

    /// Which entries a command means.
    struct Choice: ParsableArguments {
        @Argument(help: ArgumentHelp("Numbers of entries, as 'list' shows them.", valueName: "number"))
        var numbers: [Int64] = []

        @Option(help: "All entries with this reason: future, nul_in_text, unstorable.")
        var reason: String?

        @Flag(help: "All entries.")
        var all = false

        /// Nil unless exactly one of them is given.
        var selection: Quarantine.Selection? {
            switch (self.numbers.isEmpty, self.reason, self.all) {
            case (false, nil, false): .ids(self.numbers)
            case (true, let reason?, false): .reason(reason)
            case (true, nil, true): .all
            default: nil
            }
        }

        func validate() throws {
            guard self.selection != nil else {
                throw ValidationError("say which entries: their numbers, --reason, or --all")
            }
        }

        func required() throws -> Quarantine.Selection {
            guard let selection = self.selection else { throw ValidationError("say which entries") }
            return selection
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists entries, oldest first.")
        @OptionGroup var options: ConfigurationOptions
        @Option(help: "Only this reason.") var reason: String?
        @Option(help: "At most so many.") var limit = 100
        @Flag(help: "One JSON document.") var json = false

        func validate() throws {
            guard (1...10_000).contains(self.limit) else { throw ValidationError("--limit is 1 to 10000") }
        }

        func run() async throws {
            try await self.perform {
                let entries = try await self.options.withSchema("nostr-ingest quarantine") { database, _, logger in
                    try await database.withConnection(logger: logger) { connection in
                        try await Quarantine(connection: connection).entries(
                            self.reason.map { .reason($0) } ?? .all, limit: self.limit)
                    }
                }
                if self.json { return Terminal.output(QuarantineReport.json(entries).text) }
                for line in QuarantineReport.lines(entries) { Terminal.output(line) }
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Runs entries through the whole pipeline again.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var choice: Choice
        @Flag(help: "One JSON document.") var json = false

        func run() async throws {
            try await self.perform {
                let selection = try self.choice.required()
                let outcome = try await self.options.withSchema("nostr-ingest quarantine") { database, loaded, logger in
                    let ingest = loaded.configuration.ingest
                    let (connection, writer) = try await CacheWriter.open(
                        database.configuration, rules: ingest.rules, logger: logger)
                    let requeue = Requeue(
                        connection, writer: writer, keys: PublicKeyCache(capacity: 64), limits: ingest.limits.event)
                    let outcome = try await requeue.run(selection)
                    await connection.close()
                    return outcome
                }
                Terminal.output(
                    self.json ? QuarantineReport.json(outcome).text : QuarantineReport.line(outcome))
                if !outcome.kept.isEmpty { throw ExitCode(ProcessStatus.incomplete.rawValue) }
            }
        }
    }

    struct Drop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forgets entries.",
            discussion: "Relays may send the events again. It asks on a terminal, and needs --yes elsewhere.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var choice: Choice
        @Flag(help: "Do not ask.") var yes = false
        @Flag(help: "One JSON document.") var json = false

        func run() async throws {
            try await self.perform {
                let selection = try self.choice.required()
                guard self.yes || Terminal.confirms("Forget these entries of the quarantine?") else {
                    throw CommandFailure(.usage, "nothing was dropped: say --yes")
                }
                let count = try await self.options.withSchema("nostr-ingest quarantine") { database, _, logger in
                    try await database.withConnection(logger: logger) { connection in
                        try await Quarantine(connection: connection).drop(selection)
                    }
                }
                Terminal.output(self.json ? "{\"dropped\":\(count)}" : "dropped \(count)")
            }
        }
    }
}

/// What `quarantine` says; pure.
enum QuarantineReport {
    static func lines(_ entries: [Quarantine.Entry]) -> [String] {
        guard !entries.isEmpty else { return ["The quarantine is empty."] }
        var rows = [["NUMBER", "REASON", "SQLSTATE", "EVENT", "BYTES", "SEEN", "RETRY", "ATTEMPTS", "RELAY"]]
        for entry in entries {
            rows.append([
                "\(entry.id)", Terminal.harmless(entry.reason), entry.sqlState.map(Terminal.harmless) ?? "-",
                "\(entry.event)", "\(entry.byteCount)\(entry.isTruncated ? " (cut)" : "")", Self.time(entry.seenAt),
                entry.retryAt.map(Self.time) ?? "-", "\(entry.attempts)",
                entry.relay.map { RelayURL($0)?.label ?? Terminal.harmless($0) } ?? "-",
            ])
        }
        return TextTable.lines(rows)
    }

    private static func time(_ microseconds: Int64) -> String { Timestamp(microseconds / 1_000_000).rfc3339 }

    static func json(_ entries: [Quarantine.Entry]) -> JSONValue {
        .array(
            entries.map { entry in
                .object([
                    .init(name: "number", value: .number("\(entry.id)")),
                    .init(name: "event", value: .string("\(entry.event)")),
                    .init(name: "reason", value: .string(entry.reason)),
                    .init(name: "sqlState", value: entry.sqlState.map(JSONValue.string) ?? .null),
                    .init(name: "bytes", value: .number("\(entry.byteCount)")),
                    .init(name: "truncated", value: .bool(entry.isTruncated)),
                    .init(name: "seenAt", value: .string(Self.time(entry.seenAt))),
                    .init(name: "retryAt", value: entry.retryAt.map { .string(Self.time($0)) } ?? .null),
                    .init(name: "attempts", value: .number("\(entry.attempts)")),
                    .init(name: "relay", value: entry.relay.map(JSONValue.string) ?? .null),
                ])
            })
    }

    private static func reasons(_ counts: [EventRejection: Int]) -> [(String, Int)] {
        counts.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key.rawValue, $0.value) }
    }

    static func line(_ outcome: Requeue.Outcome) -> String {
        var parts = [
            "written \(outcome.written)", "duplicate \(outcome.duplicate)", "replaced \(outcome.replaced)",
            "deleted \(outcome.deleted)",
        ]
        parts += Self.reasons(outcome.dropped).map { "dropped \($0.0) \($0.1)" }
        parts += Self.reasons(outcome.kept).map { "kept \($0.0) \($0.1)" }
        return parts.joined(separator: ", ")
    }

    static func json(_ outcome: Requeue.Outcome) -> JSONValue {
        func object(_ counts: [EventRejection: Int]) -> JSONValue {
            .object(Self.reasons(counts).map { .init(name: $0.0, value: .number("\($0.1)")) })
        }
        return .object([
            .init(name: "written", value: .number("\(outcome.written)")),
            .init(name: "duplicate", value: .number("\(outcome.duplicate)")),
            .init(name: "replaced", value: .number("\(outcome.replaced)")),
            .init(name: "deleted", value: .number("\(outcome.deleted)")),
            .init(name: "dropped", value: object(outcome.dropped)), .init(name: "kept", value: object(outcome.kept)),
        ])
    }
}
