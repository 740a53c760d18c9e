import ArgumentParser
import Foundation
import Glibc
import Ingest
import Logging
import Postgres
import Serving

/// The daemon.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Follows the configured relays until it is stopped.",
        discussion: """
            The first SIGTERM or SIGINT stops the relays and writes what has arrived, for at most 20 s; a second one ends at
            once, still safely: what was not written is fetched again.

            \(ExitText.daemon)
            """)

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Wait for the database instead of ending with 69 when it cannot be reached.")
    var waitForDatabase = false

    func run() async throws {
        try await self.perform {
            ProcessFamilies.began()
            ProcessHeap.boundArenas()
            // A reader of the log that goes away must not end the daemon.
            signal(SIGPIPE, SIG_IGN)
            let loaded = try self.options.load()
            let counts = LogCounts()
            let logger = self.options.logger(loaded, counts: counts, isDaemon: true)
            let environment = ProcessInfo.processInfo.environment
            let notifier = SystemdNotifier(environment: environment)
            notifier?.send("STATUS=connecting to \(loaded.configuration.ingest.relays.count) relays")
            logger.info(
                "Starting",
                metadata: ["version": "\(Version.release)", "config.file": "\(loaded.file ?? "built in")"])

            do {
                try await withDatabase(
                    loaded.configuration.database, applicationName: OpenDatabase.daemonName, logger: logger
                ) { database in
                    try await self.waitForSchema(database, notifier, logger)
                    let daemon = Daemon(
                        configuration: loaded.configuration, database: database, environment: environment,
                        logCounts: counts, logger: logger)
                    try await daemon.run()
                }
                logger.notice("Stopped")
            } catch {
                // From here on the log is where things are said.
                let failure = CommandFailure(error)
                logger.critical("Ending", metadata: ["error": "\(failure.message)"])
                throw ExitCode(failure.status.rawValue)
            }
        }
    }

    /// A server that cannot be reached ends the start, unless waiting was asked for.
    private func waitForSchema(_ database: OpenDatabase, _ notifier: SystemdNotifier?, _ logger: Logger) async throws {
        while true {
            do {
                return try await database.requireSchema(logger: logger)
            } catch let error as PostgresError where error.isTransient && self.waitForDatabase {
                logger.warning("Waiting for the database", metadata: ["error": "\(error)"])
                notifier?.send("STATUS=waiting for the database\nEXTEND_TIMEOUT_USEC=30000000")
                try await Task.sleep(for: .seconds(2))
            }
        }
    }
}
