/// The table that all lines share, and what else the database says of itself.
extension Migrator {
    /// Creates the ledger where there is none. Under the migrators' lock.
    func makeLedger(_ session: PostgresSession) throws {
        guard try !self.hasLedger(session) else { return }
        let sql = String(decoding: PackageResources._001_ledger_sql, as: UTF8.self)
        try session.transaction { try session.executeScript(sql) }
    }

    private func hasLedger(_ session: PostgresSession) throws(PostgresError) -> Bool {
        try session.execute("SELECT to_regclass('schema_migrations') IS NOT NULL").first?[0].bool ?? false
    }

    func readLedger(_ session: PostgresSession) throws(PostgresError) -> [AppliedMigration] {
        guard try self.hasLedger(session) else { return [] }
        let rows = try session.execute(
            """
            SELECT version, name, sha256, applied_at, applied_by, duration_ms, tool_version
            FROM schema_migrations
            WHERE line = $1
            ORDER BY version
            """, [.text(self.line)])
        return rows.map { row in
            AppliedMigration(
                version: row[0].int4 ?? 0, name: row[1].text ?? "", sha256: row[2].bytes ?? [],
                appliedAt: row[3].timestamptz ?? 0, appliedBy: row[4].text ?? "",
                durationMilliseconds: row[5].int8 ?? 0, toolVersion: row[6].text ?? "")
        }
    }

    func record(
        _ migration: Migration, since start: ContinuousClock.Instant, _ session: PostgresSession
    ) throws(PostgresError) {
        _ = try session.execute(
            """
            INSERT INTO schema_migrations (line, version, name, sha256, duration_ms, tool_version)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [
                .text(self.line), .int4(migration.version), .text(migration.name), .bytea(migration.sha256),
                .int8(self.milliseconds(start.duration(to: .now))), .text(self.toolVersion),
            ])
    }

    // MARK: - Extensions

    /// Name and version of what is installed of what the line requires.
    func readExtensions(_ session: PostgresSession) throws(PostgresError) -> [String: String] {
        let names = Set(self.migrations.compactMap { $0.requirement?.name })
        guard !names.isEmpty else { return [:] }
        let rows = try session.execute(
            "SELECT extname::text, extversion FROM pg_extension WHERE extname = ANY ($1::text[])",
            [.textArray(names.sorted())])
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0].text ?? "", $0[1].text ?? "") })
    }

    /// Runs the body with the schema of the migration's extension behind the search path.
    ///
    /// The path then names each schema: a function that keeps it (`SET search_path FROM CURRENT`) means the same for
    /// every role.
    ///
    /// - Parameter isLocal: within a transaction, with whose end the path is the old one again.
    func withExtension(
        of migration: Migration, _ session: PostgresSession, isLocal: Bool, _ body: () throws -> Void
    ) throws {
        guard let requirement = migration.requirement else { return try body() }
        let before = try session.execute("SELECT current_setting('search_path')").first?[0].text ?? ""
        _ = try session.execute(
            """
            SELECT set_config('search_path', (
              SELECT string_agg(quote_ident(s.name), ', ' ORDER BY s.place)
              FROM (SELECT name, min(place) AS place
                    FROM unnest(current_schemas(false) || n.nspname) WITH ORDINALITY AS u (name, place)
                    GROUP BY name) AS s), $2)
            FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
            WHERE e.extname = $1
            """, [.text(requirement.name), .bool(isLocal)])
        defer {
            if !isLocal { _ = try? session.execute("SELECT set_config('search_path', $1, false)", [.text(before)]) }
        }
        try body()
    }
}
