import ArgumentParser
import ControlPlane
import Nostr
import Postgres
import Serving

/// The lines `control` and `control-vector` of the database's schema.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Shows and applies the migrations of the control plane.",
        discussion: """
            Needs a role that may; 'serve' does not. Without a verb it is 'up'. The line 'control-vector' waits until the
            database has the extension 'vector', which is never installed from here; everything else is applied meanwhile.
            EXIT STATUS: 0 up to date or applied, 1 pending (status, plan) or different (verify), 69 unavailable,
            75 another migration runs, 77 not permitted, 78 the database does not fit this program.
            """,
        subcommands: [Up.self, Status.self, Plan.self, Verify.self, Baseline.self], defaultSubcommand: Up.self)

    struct Target: ParsableArguments {
        @Option(
            help: ArgumentHelp("The last version of the line 'control'; the newest unless given.", valueName: "version")
        )
        var to: Int32?
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists what was applied, what is pending, and what waits for its extension.")
        @OptionGroup var options: ConfigurationOptions
        @Flag(help: "One JSON document.") var json = false

        func run() async throws {
            try await self.perform { try await MigrateCommand.status(self.options, json: self.json) }
        }
    }

    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints the SQL that 'up' would run.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var target: Target
        @Flag(help: "One JSON document.") var json = false

        func run() async throws {
            try await self.perform { try await MigrateCommand.plan(self.options, self.target, json: self.json) }
        }
    }

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Applies what is pending, and grants to the roles there are.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var target: Target
        @Flag(help: "Print the SQL; change nothing. The same as 'plan', but ends with 0.") var dryRun = false
        @Flag(help: ArgumentHelp("The same as 'status'.", visibility: .hidden)) var status = false
        @Flag(help: "Make the group roles that are missing; needs CREATEROLE.") var createRoles = false
        @Flag(help: "One JSON document.") var json = false

        func validate() throws {
            guard self.status, self.target.to != nil || self.dryRun || self.createRoles else { return }
            throw ValidationError("--status changes nothing and goes with --json alone")
        }

        func run() async throws {
            try await self.perform {
                if self.status { return try await MigrateCommand.status(self.options, json: self.json) }
                if self.dryRun {
                    do {
                        return try await MigrateCommand.plan(self.options, self.target, json: self.json)
                    } catch let code as ExitCode where code.rawValue == ProcessStatus.incomplete.rawValue {
                        return
                    }
                }
                let (applied, plans) = try await self.options.withConnection(
                    applicationName: MigrateCommand.applicationName
                ) { connection, logger in
                    let migrator = ControlMigrator(toolVersion: Release.version, logger: logger)
                    let applied = try await migrator.up(on: connection, to: self.target.to)
                    try await migrator.grant(on: connection, createRoles: self.createRoles)
                    return (applied, try await migrator.plans(on: connection, to: self.target.to))
                }
                guard !self.json else {
                    let lines = applied.map { line in
                        JSONValue.object([
                            .init(name: "line", value: .string(line.line)),
                            .init(name: "applied", value: .array(line.migrations.map { .string($0.name) })),
                            .init(
                                name: "waiting",
                                value: .array(
                                    (plans.first { $0.line == line.line }?.waiting ?? []).map { .string($0.name) })),
                        ])
                    }
                    return Terminal.output(JSONValue.object([.init(name: "lines", value: .array(lines))]).text)
                }
                for line in applied {
                    for migration in line.migrations { Terminal.output("applied  \(line.line)/\(migration.name)") }
                }
                for plan in plans {
                    for (name, state) in plan.states where state != .applied {
                        Terminal.output("\(state)  \(plan.line)/\(name)")
                    }
                }
                if applied.allSatisfy(\.migrations.isEmpty) { Terminal.error("Nothing to do.") }
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compares the tables with what the applied migrations make.")
        @OptionGroup var options: ConfigurationOptions
        @Flag(help: "One JSON document.") var json = false

        func run() async throws {
            try await self.perform {
                let drift = try await self.options.withConnection(applicationName: MigrateCommand.applicationName) {
                    connection, logger in
                    try await ControlMigrator(toolVersion: Release.version, logger: logger).verify(on: connection)
                }
                if self.json {
                    Terminal.output(
                        JSONValue.object([
                            .init(name: "missing", value: .array(drift.missing.map { .string($0) })),
                            .init(name: "unexpected", value: .array(drift.unexpected.map { .string($0) })),
                        ]).text)
                } else {
                    Terminal.output(drift.isEmpty ? "The schema is what the migrations make." : "\(drift)")
                }
                if !drift.isEmpty { throw ExitCode(ProcessStatus.incomplete.rawValue) }
            }
        }
    }

    struct Baseline: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enters versions in an empty ledger, if the tables are what they make.",
            discussion: "For a database whose ledger was lost, or that was restored without it.")
        @OptionGroup var options: ConfigurationOptions
        @Option(help: "The last version that the database has.") var to: Int32

        func run() async throws {
            try await self.perform {
                let entered = try await self.options.withConnection(applicationName: MigrateCommand.applicationName) {
                    connection, logger in
                    try await ControlMigrator(toolVersion: Release.version, logger: logger)
                        .baseline(on: connection, to: self.to)
                }
                for migration in entered { Terminal.output("entered  \(ControlSchema.line)/\(migration.name)") }
            }
        }
    }

    private static let applicationName = "control-plane migrate"

    private static func plans(_ options: ConfigurationOptions, to target: Int32?) async throws -> [MigrationPlan] {
        try await options.withConnection(applicationName: self.applicationName) { connection, logger in
            try await ControlMigrator(toolVersion: Release.version, logger: logger).plans(on: connection, to: target)
        }
    }

    private static func status(_ options: ConfigurationOptions, json: Bool) async throws {
        let plans = try await self.plans(options, to: nil)
        if json {
            Terminal.output(JSONValue.object([.init(name: "lines", value: .array(plans.map(self.json)))]).text)
        } else {
            for plan in plans {
                for (name, state) in plan.states { Terminal.output("\(state)  \(plan.line)/\(name)") }
            }
        }
        if plans.contains(where: { !$0.pending.isEmpty }) { throw ExitCode(ProcessStatus.incomplete.rawValue) }
    }

    private static func plan(_ options: ConfigurationOptions, _ target: Target, json: Bool) async throws {
        let plans = try await self.plans(options, to: target.to)
        if json {
            Terminal.output(JSONValue.object([.init(name: "lines", value: .array(plans.map(self.json)))]).text)
        } else {
            for plan in plans where !plan.pending.isEmpty { Terminal.output(plan.sql) }
        }
        if plans.contains(where: { !$0.pending.isEmpty }) { throw ExitCode(ProcessStatus.incomplete.rawValue) }
    }

    private static func json(_ plan: MigrationPlan) -> JSONValue {
        let states = plan.states.map { name, state in
            JSONValue.object([
                .init(name: "name", value: .string(name)), .init(name: "state", value: .string("\(state)")),
            ])
        }
        return .object([
            .init(name: "line", value: .string(plan.line)),
            .init(name: "version", value: .number(String(plan.currentVersion))),
            .init(name: "migrations", value: .array(states)),
        ])
    }
}
