import ArgumentParser
import Foundation
import LineFiles
import Logging
import Serving

/// The wrapper of the command line; what readings of NIPs note is `Nostr.Flag`.
typealias Flag = ArgumentParser.Flag

/// Options that every command with a configuration has; none has a default, so that none hides another source.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The configuration file.",
            discussion: "Default: /etc/nostr-ingest/nostr-ingest.yaml if it exists, else the built-in profile.",
            valueName: "path"))
    var config: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Primary relays, instead of both lists of the file.", valueName: "url"))
    var primary: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Fallback relays, instead of both lists of the file.", valueName: "url"))
    var fallback: [String] = []

    @Flag(help: "Allow private and loopback addresses for the relays given by --primary and --fallback.")
    var allowPrivate = false

    @Option(help: ArgumentHelp("Where the embedded PostgreSQL lives.", valueName: "dir"))
    var stateDir: String?

    @Option(help: ArgumentHelp("Where health and metrics are served: host:port, or off.", valueName: "address"))
    var healthListen: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    @Option(help: "auto, text, json or journal.")
    var logFormat: String?

    var flags: ConfigurationFlags {
        var flags = ConfigurationFlags(file: self.config, primary: self.primary, fallback: self.fallback)
        flags.allowPrivate = self.allowPrivate
        let given: [(String, String, String?)] = [
            ("database.stateDirectory", "--state-dir", self.stateDir.map(Self.absolute)),
            ("health.listen", "--health-listen", self.healthListen), ("log.level", "--log-level", self.logLevel),
            ("log.format", "--log-format", self.logFormat),
        ]
        for case (let key, let option, let value?) in given { flags.values[key] = (option, value) }
        return flags
    }

    /// A shell expands no `./`.
    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    func load() throws -> LoadedConfiguration {
        try ConfigurationLoader(flags: self.flags, environment: ProcessInfo.processInfo.environment).load()
    }

    /// Runs the body with the configured database at the schema that this program needs.
    func withSchema<Result: Sendable>(
        _ applicationName: String, _ body: (OpenDatabase, LoadedConfiguration, Logger) async throws -> Result
    ) async throws -> Result {
        let loaded = try self.load()
        let logger = self.logger(loaded)
        return try await withDatabase(
            loaded.configuration.database, applicationName: applicationName, logger: logger
        ) { database in
            try await database.requireSchema(logger: logger)
            return try await body(database, loaded, logger)
        }
    }

    /// The log of an operator's command: what goes wrong, unless more is asked for.
    func logger(_ loaded: LoadedConfiguration, counts: LogCounts = LogCounts(), isDaemon: Bool = false) -> Logger {
        let log = loaded.configuration.log
        let isAsked = loaded.sources["log.level"].map { $0.hasPrefix("--") } ?? false
        return LogOutput.logger(
            label: "nostr-ingest", level: isDaemon || isAsked ? log.level : max(log.level, .warning),
            format: log.format, environment: ProcessInfo.processInfo.environment, counts: counts)
    }
}

extension ParsableCommand {
    /// Runs the body of a command of this program.
    func perform(_ body: () async throws -> Void) async throws {
        try await self.perform(as: ConfigurationLoader.program) {
            do {
                try await body()
            } catch let error as LineFileError {
                throw CommandFailure(error)
            }
        }
    }
}

extension CommandFailure {
    /// What an error of a file that is imported or exported means for the process.
    fileprivate init(_ error: LineFileError) {
        let status: ProcessStatus =
            switch error {
            case .corrupt, .truncated, .expandsTooMuch: .badInput
            case .cannotCreate, .exists: .cannotCreate
            case .cancelled: .tryAgain
            case .cannotOpen, .readFailed, .writeFailed, .readerWentAway: .inputOutput
            }
        self.init(status, error.description)
    }
}

/// What `--help` says about the ways a command ends.
enum ExitText {
    static let daemon = """
        EXIT STATUS
          0   stopped by a signal, everything written
          64  usage            69  database unavailable      70  a bug
          73  cannot create    74  input or output           75  try again later
          77  not permitted    78  configuration or schema
          130, 143  a second SIGINT or SIGTERM
        """
    static let environment = """
        ENVIRONMENT
          NOSTR_INGEST_<KEY>   every key of the file, such as NOSTR_INGEST_HEALTH_LISTEN for health.listen
          DATABASE_URL, PG*    the server, as for every client of libpq; without them a private cluster is started
          CREDENTIALS_DIRECTORY, STATE_DIRECTORY, RUNTIME_DIRECTORY, NOTIFY_SOCKET, WATCHDOG_USEC   set by systemd
        """
}
