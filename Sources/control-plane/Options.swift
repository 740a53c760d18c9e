import ArgumentParser
import ControlPlane
import Foundation
import Logging
import Postgres
import Serving

/// The wrapper of the command line; what readings of NIPs note is `Nostr.Flag`.
typealias Flag = ArgumentParser.Flag

/// Options that every command with a configuration has; none has a default, so that none hides another source.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The configuration file.",
            discussion: "Default: /etc/control-plane/control-plane.yaml if it exists, else the defaults.",
            valueName: "path"))
    var config: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    @Option(help: "auto, text, json or journal.")
    var logFormat: String?

    func load(_ more: [String: (option: String, value: String)] = [:]) throws -> LoadedControl {
        var flags = more
        if let level = self.logLevel { flags["log.level"] = ("--log-level", level) }
        if let format = self.logFormat { flags["log.format"] = ("--log-format", format) }
        return try ControlLoader(
            file: self.config, flags: flags, environment: ProcessInfo.processInfo.environment
        ).load()
    }

    /// The log of an operator's command: what goes wrong, unless more is asked for.
    func logger(_ loaded: LoadedControl, counts: LogCounts = LogCounts(), isService: Bool = false) -> Logger {
        let log = loaded.configuration.log
        let level = isService || self.logLevel != nil ? log.level : max(log.level, .warning)
        return LogOutput.logger(
            label: "control-plane", level: level, format: log.format,
            environment: ProcessInfo.processInfo.environment, counts: counts)
    }
}

extension ControlConfiguration.Database {
    /// - Parameter sessionSettings: of a service; a command that migrates has none.
    func configuration(
        applicationName: String, environment: [String: String], sessionSettings: [String: String] = [:]
    ) throws -> PostgresConfiguration {
        guard !self.url.isEmpty || PostgresConfiguration.environmentNamesAServer(environment) else {
            throw CommandFailure(
                .configuration,
                "no database: set DATABASE_URL, one of libpq's variables, or database.url in the configuration")
        }
        return try PostgresConfiguration(
            connectionString: self.url, password: self.password?.value, applicationName: applicationName,
            schema: self.schema.isEmpty ? nil : self.schema, extraSettings: sessionSettings)
    }
}

extension ConfigurationOptions {
    /// Runs the body with the operator's side of the control plane.
    func withAdministration(_ body: (ControlAdministration) async throws -> Void) async throws {
        let loaded = try self.load()
        let logger = self.logger(loaded)
        var limits = ConnectionPool.Limits()
        limits.connections = 1
        let pool = ConnectionPool(
            configuration: try loaded.configuration.database.configuration(
                applicationName: "control-plane administration", environment: ProcessInfo.processInfo.environment,
                sessionSettings: ControlDatabase.sessionSettings),
            limits: limits, logger: logger)
        do {
            try await body(ControlAdministration(database: ControlDatabase(pool: pool, logger: logger)))
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    /// Runs the body with a connection of its own.
    func withConnection<Result>(
        applicationName: String, _ body: (PostgresConnection, Logger) async throws -> Result
    ) async throws -> Result {
        let loaded = try self.load()
        let logger = self.logger(loaded)
        let connection = try await PostgresConnection.open(
            loaded.configuration.database.configuration(
                applicationName: applicationName, environment: ProcessInfo.processInfo.environment),
            logger: logger)
        do {
            let result = try await body(connection, logger)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }
}

extension ParsableCommand {
    /// Runs the body of a command of this program.
    func perform(_ body: () async throws -> Void) async throws {
        try await self.perform(as: ControlLoader.program) {
            do {
                try await body()
            } catch let error as ControlPlaneError {
                throw CommandFailure(.badInput, error.message)
            } catch let error as ControlDatabaseError {
                throw CommandFailure(.unavailable, error.description)
            }
        }
    }
}

/// What `--help` says about the ways a command ends.
enum ExitText {
    static let service = """
        EXIT STATUS
          0   stopped by a signal       64  usage             69  database unavailable
          70  a bug                     75  try again later   77  not permitted
          78  configuration or schema   130, 143  a second SIGINT or SIGTERM
        """
    static let environment = """
        ENVIRONMENT
          CONTROL_PLANE_<KEY>  every key of the file, such as CONTROL_PLANE_API_LISTEN for api.listen
          DATABASE_URL, PG*    the server, as for every client of libpq
          CREDENTIALS_DIRECTORY, NOTIFY_SOCKET, WATCHDOG_USEC   set by systemd
        """
}
