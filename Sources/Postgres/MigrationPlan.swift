/// What to apply: the pure comparison of the list in the binary with the ledger in the database.
///
/// Invariant: the ledger is a prefix of the list, with equal names and checksums. Whatever else is found is refused.
package struct MigrationPlan: Equatable, Sendable {
    package let line: String
    package let applied: [AppliedMigration]
    /// In order; empty when nothing can be applied.
    package let pending: [Migration]
    /// Behind ``pending``: the first lacks its extension, and a line has no gaps.
    package let waiting: [Migration]

    /// - Parameters:
    ///   - list: the migrations of the binary, versions 1, 2, 3 …
    ///   - ledger: the rows of the line, in any order.
    ///   - extensions: name and version of what is installed.
    ///   - target: the last version to apply; the newest unless given.
    package init(
        line: String, list: [Migration], ledger: [AppliedMigration], extensions: [String: String] = [:],
        to target: Int32? = nil
    ) throws(MigrationError) {
        for (index, migration) in list.enumerated() where migration.version != Int32(index + 1) {
            throw .listNotConsecutive(line: line, position: index + 1, version: migration.version)
        }
        let applied = ledger.sorted { $0.version < $1.version }
        if let newest = applied.last, newest.version > Int32(list.count) {
            throw .databaseNewer(line: line, database: newest.version, binary: Int32(list.count))
        }
        for (index, row) in applied.enumerated() {
            guard row.version == Int32(index + 1) else { throw .gap(line: line, missing: Int32(index + 1)) }
            let migration = list[index]
            guard row.name == migration.name else {
                throw .reordered(line: line, version: row.version, applied: row.name, listed: migration.name)
            }
            guard row.sha256 == migration.sha256 else {
                throw .changed(line: line, version: row.version, name: row.name)
            }
        }
        if let target, !(0...Int32(list.count)).contains(target) {
            throw .unknownVersion(line: line, version: target, newest: Int32(list.count))
        }
        self.line = line
        self.applied = applied
        let open = list.dropFirst(applied.count).filter { $0.version <= target ?? .max }
        self.pending = Array(
            open.prefix { migration in
                migration.requirement.map { $0.isMet(by: extensions[$0.name]) } ?? true
            })
        self.waiting = Array(open.dropFirst(self.pending.count))
    }

    /// The version of the database; 0 when nothing was applied.
    package var currentVersion: Int32 { self.applied.last?.version ?? 0 }

    /// Every migration up to the target, in order, with what became of it.
    package var states: [(name: String, state: MigrationState)] {
        let waited = self.waiting.first?.requirement
        return self.applied.map { ($0.name, .applied) } + self.pending.map { ($0.name, .pending) }
            + self.waiting.map { ($0.name, waited.map { .waiting(for: $0) } ?? .pending) }
    }

    /// What ``Migrator/up(on:to:)`` would run, as one readable script.
    package var sql: String {
        self.pending.map { "-- \(self.line) \($0.version): \($0.name)\n\($0.sql)" }.joined(separator: "\n")
    }
}

/// What became of a migration in a database.
package enum MigrationState: Equatable, Sendable {
    case applied
    case pending
    case waiting(for: ExtensionRequirement)
}

extension MigrationState: CustomStringConvertible {
    package var description: String {
        switch self {
        case .applied: "applied"
        case .pending: "pending"
        case .waiting(let requirement): "waiting for extension \(requirement.name)"
        }
    }
}

/// Why migrations were not applied; every description names the remedy.
package enum MigrationError: Error, Equatable, Sendable {
    /// The binary's own list is wrong: our bug.
    case listNotConsecutive(line: String, position: Int, version: Int32)
    case databaseNewer(line: String, database: Int32, binary: Int32)
    case gap(line: String, missing: Int32)
    case reordered(line: String, version: Int32, applied: String, listed: String)
    case changed(line: String, version: Int32, name: String)
    case unknownVersion(line: String, version: Int32, newest: Int32)
    /// Another migrator is at work.
    case lockHeld(by: [AdvisoryLock.Holder])
    /// Other sessions kept a table locked through all attempts.
    case tablesLocked(line: String, version: Int32, attempts: Int)
    /// The statement failed; nothing of this version was applied, unless it is a no-transaction migration.
    case failed(line: String, version: Int32, name: String, PostgresError)
    /// The file ended the transaction that it runs in.
    case transactionEnded(line: String, version: Int32, name: String)
    /// A baseline is for a database whose ledger knows nothing of the line.
    case baselineOfKnown(line: String, version: Int32)
    /// The schema is not what the migrations up to the baseline make.
    case baselineDiffers(line: String, SchemaDrift)
}

extension MigrationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .listNotConsecutive(let line, let position, let version):
            "the list of line \(line) has version \(version) at position \(position): number the files 1, 2, 3 …"
        case .databaseNewer(let line, let database, let binary):
            "the database is at version \(database) of line \(line), this program knows \(binary): "
                + "install the program that is as new as the database"
        case .gap(let line, let missing):
            "the ledger of line \(line) lacks version \(missing): restore the row in schema_migrations, "
                + "or the database from a backup"
        case .reordered(let line, let version, let applied, let listed):
            "version \(version) of line \(line) was applied as \(applied), this program lists \(listed): "
                + "give the files their order back and append new ones at the end"
        case .changed(let line, let version, let name):
            "\(name), version \(version) of line \(line), was changed after it was applied: "
                + "restore the file and write the change as a new migration"
        case .unknownVersion(let line, let version, let newest):
            "line \(line) has no version \(version): choose one up to \(newest)"
        case .lockHeld(let holders):
            "another migration is running, by \(holders.map(\.description).joined(separator: ", ")): wait for it to end"
        case .tablesLocked(let line, let version, let attempts):
            "version \(version) of line \(line) did not get its locks in \(attempts) attempts: end long transactions "
                + "(pg_stat_activity) and try again"
        case .failed(let line, let version, let name, let error):
            "\(name), version \(version) of line \(line), failed: \(error)"
        case .transactionEnded(let line, let version, let name):
            "\(name), version \(version) of line \(line), contains COMMIT or ROLLBACK: remove it, "
                + "or begin the file with \"-- migrate: no-transaction\""
        case .baselineOfKnown(let line, let version):
            "the database is at version \(version) of line \(line) already: a baseline is only for a database whose "
                + "ledger was lost"
        case .baselineDiffers(let line, let drift):
            "the schema is not what line \(line) makes up to this version: choose another version, or repair:\n\(drift)"
        }
    }
}
