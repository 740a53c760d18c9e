import ArgumentParser
import ControlPlane
import Foundation
import Glibc
import Logging
import Postgres
import Serving

/// The service.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves the API until it is stopped.",
        discussion: """
            The first SIGTERM or SIGINT ends accepting and lets requests under way finish, for at most 20 s; a second one
            ends at once. The schema is never changed: run 'control-plane migrate up' with a role that may.

            \(ExitText.service)
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: ArgumentHelp("Where the API is served: host:port.", valueName: "address"))
    var listen: String?

    @Option(help: ArgumentHelp("Where health and metrics are served: host:port, or off.", valueName: "address"))
    var healthListen: String?

    func run() async throws {
        try await self.perform {
            ProcessFamilies.began()
            // A reader of the log that goes away must not end the service.
            signal(SIGPIPE, SIG_IGN)
            var flags: [String: (option: String, value: String)] = [:]
            if let listen = self.listen { flags["api.listen"] = ("--listen", listen) }
            if let listen = self.healthListen { flags["health.listen"] = ("--health-listen", listen) }
            let loaded = try self.options.load(flags)
            let counts = LogCounts()
            let logger = self.options.logger(loaded, counts: counts, isService: true)
            let environment = ProcessInfo.processInfo.environment
            SystemdNotifier(environment: environment)?.send("STATUS=connecting to the database")
            logger.info(
                "Starting", metadata: ["version": "\(Release.version)", "config.file": "\(loaded.file ?? "built in")"])
            if !loaded.configuration.auth.isConfigured {
                logger.notice("No auth service is configured: only API tokens are accepted")
            }
            do {
                let postgres = try loaded.configuration.database.configuration(
                    applicationName: "control-plane", environment: environment,
                    sessionSettings: ControlDatabase.sessionSettings)
                try await self.requireSchema(postgres, logger)
                try await ControlService(
                    configuration: loaded.configuration, postgres: postgres, environment: environment,
                    logCounts: counts, logger: logger
                ).run()
                logger.notice("Stopped")
            } catch {
                // From here on the log is where things are said.
                let failure = CommandFailure(error)
                logger.critical("Ending", metadata: ["error": "\(failure.message)"])
                throw ExitCode(failure.status.rawValue)
            }
        }
    }

    /// Whoever runs `migrate up` has rights that the service does not need.
    private func requireSchema(_ postgres: PostgresConfiguration, _ logger: Logger) async throws {
        let connection = try await PostgresConnection.open(postgres, logger: logger)
        let migrator = ControlMigrator(toolVersion: Release.version, logger: logger)
        let plans: [MigrationPlan]
        do {
            plans = try await migrator.plans(on: connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        if let plan = plans.first(where: { $0.line == ControlSchema.line }), !plan.pending.isEmpty {
            throw CommandFailure(
                .configuration,
                "the database is at version \(plan.currentVersion) of line \(plan.line), this program needs "
                    + "\(Release.schema): run 'control-plane migrate up'")
        }
    }
}
