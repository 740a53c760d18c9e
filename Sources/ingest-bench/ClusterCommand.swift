import ArgumentParser
import FoundationEssentials
import Logging
import NostrCache
import Postgres

/// A private cluster with PostgreSQL's own defaults, fsync included, for as long as standard input is open.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Run a private PostgreSQL cluster until standard input ends.")

    @Argument(help: "The directory of the cluster; created if missing.")
    var directory: String

    func run() async throws {
        var options = EmbeddedPostgres.Options(environment: ProcessInfo.processInfo.environment)
        // Whatever it does would fall on one round and not on another.
        options.settings = ["autovacuum": "off"]
        let cluster = try await EmbeddedPostgres.start(
            in: self.directory, options: options, logger: Logger(label: "ingest-bench"))
        Report.write([
            "connection": .text(await cluster.connectionString),
            "postmaster": .integer(Int(await cluster.postmasterPID)),
        ])
        while readLine() != nil {}
        await cluster.stop()
    }
}

/// The cache's tables, by the migrations of the daemon.
struct PrepareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prepare", abstract: "Apply the migrations to a database.")

    @Option(help: "A libpq connection string.")
    var database: String

    func run() async throws {
        let logger = Logger(label: "ingest-bench")
        let connection = try await PostgresConnection.open(
            PostgresConfiguration(connectionString: self.database), logger: logger)
        let report = try await Migrator(
            line: NostrSchema.line, migrations: NostrSchema.migrations, toolVersion: "bench", logger: logger
        ).up(on: connection)
        await connection.close()
        Report.write(["applied": .integer(report.count)])
    }
}
