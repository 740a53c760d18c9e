import ArgumentParser
import Logging
import Nostr
import NostrCache
import Postgres
import Serving

/// The line `nostr` of the database's schema.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Shows and applies migrations of the line 'nostr'.",
        discussion: """
            'run' migrates only its own embedded cluster; for a server of yours, run 'migrate up' with a role that may.
            EXIT STATUS: 0 up to date or applied, 1 pending (status, plan), 69 unavailable, 75 another migration runs,
            77 not permitted, 78 the database does not fit this program.
            """,
        subcommands: [Status.self, Plan.self, Up.self], defaultSubcommand: Status.self)

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists what was applied and what is pending.")
        @OptionGroup var options: ConfigurationOptions
        @Flag(help: "One JSON document.") var json = false

        func run() async throws {
            try await self.perform {
                let plan = try await MigrateCommand.plan(self.options)
                self.json ? Terminal.output(MigrateCommand.json(plan).text) : Self.print(plan)
                if !plan.pending.isEmpty { throw ExitCode(ProcessStatus.incomplete.rawValue) }
            }
        }

        private static func print(_ plan: MigrationPlan) {
            for row in plan.applied {
                Terminal.output(
                    "applied  \(row.name)  \(Timestamp(row.appliedAt / 1_000_000).rfc3339)  by \(row.appliedBy)")
            }
            for migration in plan.pending { Terminal.output("pending  \(migration.name)") }
        }
    }

    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints the SQL that 'up' would run.")
        @OptionGroup var options: ConfigurationOptions
        @Flag(help: "One JSON document.") var json = false

        func run() async throws {
            try await self.perform {
                let plan = try await MigrateCommand.plan(self.options)
                Terminal.output(self.json ? MigrateCommand.json(plan).text : plan.sql)
                if !plan.pending.isEmpty { throw ExitCode(ProcessStatus.incomplete.rawValue) }
            }
        }
    }

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Applies what is pending.")
        @OptionGroup var options: ConfigurationOptions
        @Flag(help: "Print what would be done; change nothing.") var dryRun = false
        @Flag(help: "One JSON document.") var json = false

        func run() async throws {
            try await self.perform {
                let loaded = try self.options.load()
                let logger = self.options.logger(loaded)
                let done = try await withDatabase(
                    loaded.configuration.database, applicationName: "nostr-ingest migrate", logger: logger
                ) { database in
                    try await database.withConnection(logger: logger) { connection in
                        let migrator = OpenDatabase.migrator(logger: logger)
                        guard self.dryRun else { return try await migrator.up(on: connection) }
                        return try await migrator.plan(on: connection).pending
                    }
                }
                guard !self.json else {
                    let names = JSONValue.array(done.map { .string($0.name) })
                    return Terminal.output(
                        JSONValue.object([
                            .init(name: "dryRun", value: .bool(self.dryRun)), .init(name: "migrations", value: names),
                        ]).text)
                }
                for migration in done {
                    Terminal.output("\(self.dryRun ? "would apply" : "applied")  \(migration.name)")
                }
                if done.isEmpty { Terminal.error("Nothing to do.") }
            }
        }
    }

    private static func plan(_ options: ConfigurationOptions) async throws -> MigrationPlan {
        let loaded = try options.load()
        let logger = options.logger(loaded)
        return try await withDatabase(
            loaded.configuration.database, applicationName: "nostr-ingest migrate", logger: logger
        ) { database in
            try await database.withConnection(logger: logger) { connection in
                try await OpenDatabase.migrator(logger: logger).plan(on: connection)
            }
        }
    }

    private static func json(_ plan: MigrationPlan) -> JSONValue {
        .object([
            .init(name: "line", value: .string(plan.line)),
            .init(name: "version", value: .number(String(plan.currentVersion))),
            .init(name: "needed", value: .number(String(Version.schema))),
            .init(
                name: "applied",
                value: .array(
                    plan.applied.map { row in
                        .object([
                            .init(name: "version", value: .number(String(row.version))),
                            .init(name: "name", value: .string(row.name)),
                            .init(name: "appliedAt", value: .string(Timestamp(row.appliedAt / 1_000_000).rfc3339)),
                            .init(name: "appliedBy", value: .string(row.appliedBy)),
                        ])
                    })),
            .init(name: "pending", value: .array(plan.pending.map { .string($0.name) })),
        ])
    }
}
