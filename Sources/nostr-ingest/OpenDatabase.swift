import Foundation
import Logging
import NostrCache
import Postgres
import Serving

/// The server that the program works with, and the private cluster behind it if there is one.
struct OpenDatabase: Sendable {
    let configuration: PostgresConfiguration
    /// Ours to stop; nil for a server of somebody else's, the daemon's cluster included.
    let embedded: EmbeddedPostgres?
    /// Whether the cluster is a private one, started by us or by the daemon beside us.
    let isEmbedded: Bool

    /// Finds the server, or starts the private cluster; opens no connection.
    static func open(
        _ settings: DaemonConfiguration.Database, environment: [String: String], applicationName: String, logger: Logger
    ) async throws -> OpenDatabase {
        func configuration(_ connectionString: String, password: String? = nil) throws -> PostgresConfiguration {
            try PostgresConfiguration(
                connectionString: connectionString, password: password, applicationName: applicationName,
                schema: settings.schema.isEmpty ? nil : settings.schema)
        }
        if !settings.url.isEmpty || PostgresConfiguration.environmentNamesAServer(environment) {
            return OpenDatabase(
                configuration: try configuration(settings.url, password: settings.password?.value), embedded: nil,
                isEmbedded: false)
        }
        let directory = StateDirectory.path(settings.stateDirectory, environment: environment)
        do {
            let embedded = try await EmbeddedPostgres.start(
                in: directory, options: EmbeddedPostgres.Options(environment: environment), logger: logger)
            return OpenDatabase(
                configuration: try configuration(await embedded.connectionString), embedded: embedded, isEmbedded: true)
        } catch EmbeddedPostgresError.alreadyInUse(let path, let pid) {
            // A daemon works with it: what an operator asks goes to the same cluster, as another client.
            guard applicationName != Self.daemonName, let socket = StateDirectory.socketDirectory(of: directory) else {
                throw EmbeddedPostgresError.alreadyInUse(directory: path, pid: pid)
            }
            let quoted = socket.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            return OpenDatabase(
                configuration: try configuration("host='\(quoted)' user=nostr dbname=postgres sslmode=disable"),
                embedded: nil, isEmbedded: true)
        }
    }

    static let daemonName = "nostr-ingest"

    func close() async {
        await self.embedded?.stop()
    }

    /// Runs the body with a connection that is closed afterwards.
    func withConnection<Result: Sendable>(
        logger: Logger, _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await PostgresConnection.open(self.configuration, logger: logger)
        do {
            let result = try await body(connection)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Applies what is pending to our own cluster; a server of somebody else's must be at our version already.
    ///
    /// Its schema belongs to whoever runs `migrate up`, with rights that the daemon does not need.
    func requireSchema(logger: Logger) async throws {
        try await self.withConnection(logger: logger) { connection in
            let migrator = Self.migrator(logger: logger)
            if self.embedded != nil {
                _ = try await migrator.up(on: connection)
                return
            }
            let plan = try await migrator.plan(on: connection)
            guard plan.pending.isEmpty else {
                throw CommandFailure(
                    .configuration,
                    "the database is at version \(plan.currentVersion) of line \(NostrSchema.line), this program needs "
                        + "\(NostrSchema.migrations.count): run 'nostr-ingest migrate up'")
            }
        }
    }

    static func migrator(logger: Logger) -> Migrator {
        Migrator(
            line: NostrSchema.line, migrations: NostrSchema.migrations, toolVersion: Version.release, logger: logger)
    }
}

/// Runs the body with the configured database, which is closed afterwards.
func withDatabase<Result: Sendable>(
    _ settings: DaemonConfiguration.Database, applicationName: String, logger: Logger,
    _ body: (OpenDatabase) async throws -> Result
) async throws -> Result {
    let database = try await OpenDatabase.open(
        settings, environment: ProcessInfo.processInfo.environment, applicationName: applicationName, logger: logger)
    do {
        let result = try await body(database)
        await database.close()
        return result
    } catch {
        await database.close()
        throw error
    }
}
