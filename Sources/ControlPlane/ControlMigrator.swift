package import Logging
package import Postgres

/// The two lines of the control plane, as one thing to migrate.
package struct ControlMigrator: Sendable {
    /// What was applied of a line.
    package struct Applied: Equatable, Sendable {
        package let line: String
        package let migrations: [Migration]
    }

    private let control: Migrator
    private let vector: Migrator

    /// - Parameters:
    ///   - toolVersion: for the ledger.
    ///   - sleep: waits between attempts.
    package init(
        toolVersion: String, limits: Migrator.Limits = Migrator.Limits(), logger: Logger,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.control = Migrator(
            line: ControlSchema.line, migrations: ControlSchema.migrations, toolVersion: toolVersion, limits: limits,
            logger: logger, sleep: sleep)
        self.vector = Migrator(
            line: ControlSchema.vectorLine, migrations: ControlSchema.vectorMigrations, toolVersion: toolVersion,
            limits: limits, logger: logger, sleep: sleep)
    }

    /// What ``up(on:to:)`` would do, line by line. Changes nothing.
    ///
    /// - Parameter target: of the line `control`. Behind an earlier version than the newest there is no line
    ///   `control-vector`: it stands on the whole of `control`.
    package func plans(on connection: PostgresConnection, to target: Int32? = nil) async throws -> [MigrationPlan] {
        var plans = [try await self.control.plan(on: connection, to: target)]
        if Self.isWhole(target) { plans.append(try await self.vector.plan(on: connection)) }
        return plans
    }

    /// Applies what is pending; the line that waits for its extension is no error.
    package func up(on connection: PostgresConnection, to target: Int32? = nil) async throws -> [Applied] {
        var applied = [
            Applied(line: ControlSchema.line, migrations: try await self.control.up(on: connection, to: target))
        ]
        if Self.isWhole(target) {
            applied.append(
                Applied(line: ControlSchema.vectorLine, migrations: try await self.vector.up(on: connection)))
        }
        return applied
    }

    /// Compares the tables with what the applied migrations make.
    package func verify(on connection: PostgresConnection) async throws -> SchemaDrift {
        let plan = try await self.control.plan(on: connection)
        guard plan.pending.isEmpty, try await !self.vector.status(on: connection).isEmpty else {
            return try await self.control.verify(on: connection)
        }
        return try await self.vector.verify(on: connection, upon: ControlSchema.migrations)
    }

    /// Enters the line `control` up to a version in an empty ledger, if the tables are what it makes.
    package func baseline(on connection: PostgresConnection, to version: Int32) async throws -> [Migration] {
        try await self.control.baseline(on: connection, to: version)
    }

    /// Gives the group roles of operations.md §12.3 what they need, as far as they exist.
    ///
    /// - Parameter createRoles: makes those that are missing; needs `CREATEROLE`.
    package func grant(on connection: PostgresConnection, createRoles: Bool = false) async throws {
        try await connection.run { session in
            try session.transaction {
                if createRoles {
                    try session.executeScript(String(decoding: PackageResources.create_roles_sql, as: UTF8.self))
                }
                try session.executeScript(String(decoding: PackageResources.grants_sql, as: UTF8.self))
            }
        }
    }

    private static func isWhole(_ target: Int32?) -> Bool {
        target.map { $0 >= Int32(ControlSchema.migrations.count) } ?? true
    }
}
