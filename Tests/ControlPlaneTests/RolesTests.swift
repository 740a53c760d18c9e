import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// The group roles of operations.md §12.3.
struct RolesTests {
    /// Roles belong to the whole cluster, so this test has one of its own.
    @Test func `the application writes rows and defines nothing, the reader reads, everybody else has nothing`()
        async throws
    {
        let cluster = try await TestDirectory.startCluster(in: TestDirectory.make("roles"))
        try await ControlFixture.with(try await cluster.configuration) { control in
            // Without the roles there is nothing to do.
            try await ControlFixture.migrator.grant(on: control.observer)
            try await ControlFixture.migrator.grant(on: control.observer, createRoles: true)
            try await ControlFixture.migrator.grant(on: control.observer, createRoles: true)
            try await control.script("CREATE ROLE nostr_ingest NOLOGIN")
            try await Self.expectApplication(cluster, control)
            let allowed = [
                ("control_plane_reader", "SELECT content FROM messages"),
                ("control_plane_reader", "SELECT email FROM users"),
                ("control_plane_reader", "SELECT version FROM schema_migrations"),
                ("control_migrator", "CREATE TABLE x (a int); DROP TABLE x"),
            ]
            for (role, sql) in allowed {
                #expect(try await Self.sqlState(of: sql, as: role, control) == nil, "\(role): \(sql)")
            }
            let refused = [
                ("control_plane_app", "CREATE TABLE x (a int)"), ("control_plane_app", "DROP TABLE numbers"),
                ("control_plane_app", "TRUNCATE messages"), ("control_plane_app", "DELETE FROM schema_migrations"),
                ("control_plane_app", "ALTER TABLE users ADD x int"),
                ("control_plane_reader", "INSERT INTO numbers (name) VALUES ('n')"),
                ("control_plane_reader", "SELECT github_access_token FROM users"),
                ("control_plane_reader", "SELECT token_hash FROM api_tokens"),
                ("nostr_ingest", "SELECT content FROM messages"), ("nostr_ingest", "SELECT user_id FROM users"),
                ("nostr_ingest", "DELETE FROM numbers"),
            ]
            for (role, sql) in refused {
                #expect(try await Self.sqlState(of: sql, as: role, control) == "42501", "\(role): \(sql)")
            }
        }
        await cluster.stop()
    }

    private static func expectApplication(_ cluster: EmbeddedPostgres, _ control: ControlFixture) async throws {
        let configuration = try PostgresConfiguration(
            connectionString: await cluster.connectionString,
            extraSettings: ControlDatabase.sessionSettings.merging(["role": "control_plane_app"]) { $1 })
        let pool = ConnectionPool(configuration: configuration, logger: .silent)
        let operations = ControlOperations(database: ControlDatabase(pool: pool, logger: .silent))
        let ann = try await control.caller("ann")
        let id = try await operations.createOrganization(ann, name: "O").id
        let fixture = ControlFixture(
            configuration: configuration, observer: control.observer, pool: pool, database: control.database,
            operations: operations, administration: control.administration, authenticator: control.authenticator)
        try await OrganizationsTests.fill(fixture, id, by: ann)
        try await operations.deleteOrganization(ann, id)
        let plans = try await pool.withConnection { try await ControlFixture.migrator.plans(on: $0) }
        #expect(plans[0].pending.isEmpty, "the application can tell its schema's version")
        await pool.close()
    }

    private static func sqlState(of sql: String, as role: String, _ control: ControlFixture) async throws -> String? {
        do {
            try await control.script("SET ROLE \(role); \(sql)")
            try await control.script("RESET ROLE")
            return nil
        } catch let error as PostgresError {
            try await control.script("RESET ROLE")
            return error.sqlState
        }
    }
}
