/// What a schema has that its migrations do not make, and what it lacks of what they make.
package struct SchemaDrift: Equatable, Sendable {
    /// A line for each thing that the migrations make: a column, a constraint, an index, a function.
    package let missing: [String]
    /// The same for what belongs to a table of the migrations and comes from elsewhere.
    package let unexpected: [String]

    package var isEmpty: Bool { self.missing.isEmpty && self.unexpected.isEmpty }
}

extension SchemaDrift: CustomStringConvertible {
    package var description: String {
        (self.missing.map { "missing: \($0)" } + self.unexpected.map { "unexpected: \($0)" }).joined(separator: "\n")
    }
}

extension Migrator {
    /// Compares the schema with what the applied migrations make.
    ///
    /// They are run once more in a schema of their own, in a transaction that is rolled back: the definitions that
    /// result are what the tables must have. No rows are read and no table is locked. Needs the right to create a schema.
    ///
    /// - Parameter foundation: migrations of another line that this one stands on.
    package func verify(on connection: PostgresConnection, upon foundation: [Migration] = []) async throws
        -> SchemaDrift
    {
        try await self.withLock(on: connection) {
            let applied = try await self.plan(on: connection).applied
            return try await connection.run { session in
                try self.drift(of: foundation + self.migrations.prefix(applied.count), session)
            }
        }
    }

    /// Enters migrations in the ledger that were applied by other means: after a restore without the ledger.
    ///
    /// - Parameter version: the last of them.
    /// - Throws: ``MigrationError/baselineOfKnown(line:version:)``, ``MigrationError/baselineDiffers(line:_:)``: nothing
    ///   is entered that is not there.
    package func baseline(
        on connection: PostgresConnection, to version: Int32, upon foundation: [Migration] = []
    ) async throws -> [Migration] {
        try await self.withLock(on: connection) {
            try await connection.run { try self.makeLedger($0) }
            let plan = try await self.plan(on: connection, to: version)
            guard plan.applied.isEmpty else {
                throw MigrationError.baselineOfKnown(line: self.line, version: plan.currentVersion)
            }
            return try await connection.run { session in
                let drift = try self.drift(of: foundation + plan.pending, session)
                guard drift.isEmpty else { throw MigrationError.baselineDiffers(line: self.line, drift) }
                try session.transaction {
                    for migration in plan.pending { try self.record(migration, since: .now, session) }
                }
                return plan.pending
            }
        }
    }

    private func drift(of migrations: [Migration], _ session: PostgresSession) throws -> SchemaDrift {
        guard let schema = try session.execute("SELECT current_schema()::text").first?[0].text else {
            throw PostgresError.unexpected(message: "the search path names no schema that exists")
        }
        let catalogue = String(decoding: PackageResources.catalogue_sql, as: UTF8.self)
        func definitions(in schema: String) throws(PostgresError) -> Set<Definition> {
            Set(
                try session.execute(catalogue, [.text(schema)]).map { row in
                    Definition(name: row[0].text ?? "", line: row[1].text ?? "")
                })
        }
        // Both catalogues are read with the extensions' schemas in the path, so that both spell their types alike.
        var found: Set<Definition> = []
        var made: Set<Definition> = []
        do {
            try session.transaction {
                try self.withExtensions(of: migrations, session) { found = try definitions(in: schema) }
                try session.executeScript(String(decoding: PackageResources.verification_schema_sql, as: UTF8.self))
                for migration in migrations {
                    try self.withExtension(of: migration, session, isLocal: true) {
                        // The tables are empty and nobody else sees them: nothing is concurrent.
                        try session.executeScript(
                            migration.sql.replacing(" CONCURRENTLY ", with: " "), deadline: self.deadline)
                    }
                }
                try self.withExtensions(of: migrations, session) { made = try definitions(in: Self.verificationSchema) }
                throw Verified()
            }
        } catch is Verified {}
        let names = Set(made.map(\.name))
        return SchemaDrift(
            missing: made.subtracting(found).map(\.line).sorted(),
            unexpected: found.subtracting(made).filter { names.contains($0.name) }.map(\.line).sorted())
    }

    private func withExtensions(
        of migrations: [Migration], _ session: PostgresSession, _ body: () throws -> Void
    ) throws {
        for migration in migrations { try self.withExtension(of: migration, session, isLocal: true) {} }
        try body()
    }

    /// The one that `verification_schema.sql` makes.
    private static let verificationSchema = "migration_verification"

    /// Ends the transaction without a trace.
    private struct Verified: Error {}

    private struct Definition: Hashable {
        let name: String
        let line: String
    }
}
