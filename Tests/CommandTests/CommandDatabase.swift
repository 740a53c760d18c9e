import Foundation
import Logging
import Postgres
import TestSupport

/// A database for a command: its connection string is all that the command is given.
enum CommandDatabase {
    /// Runs the body with a connection string of an empty database that is dropped afterwards.
    static func with(_ body: (String) async throws -> Void) async throws {
        let server = try await TestDatabase.server
        let name = "command_\(getpid())_\(UInt32.random(in: 0 ... .max))"
        func administrate(_ sql: String) async throws {
            let connection = try await PostgresConnection.open(
                PostgresConfiguration(connectionString: server), logger: .silent)
            try await connection.run { try $0.executeScript(sql) }
            await connection.close()
        }
        try await administrate("CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'UTF8'")
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body("\(server) dbname=\(name)"))
        } catch {
            outcome = .failure(error)
        }
        try await administrate("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
        try outcome.get()
    }

    /// The same, at the schema that the program needs, with a way to run commands and to look at the tables.
    static func withSchema(_ body: (CommandDatabase.Access) async throws -> Void) async throws {
        try await self.with { url in
            let access = Access(url: url)
            _ = try access.run(["migrate", "up"])
            try await body(access)
        }
    }

    struct Access {
        let url: String

        func run(_ arguments: [String]) throws -> Program.Result {
            try Program.run(Program.path("nostr-ingest"), arguments, environment: ["DATABASE_URL": self.url])
        }

        /// The first column of every row, as text.
        func column(_ sql: String) async throws -> [String] {
            let connection = try await PostgresConnection.open(
                PostgresConfiguration(connectionString: self.url), logger: .silent)
            let texts = try await connection.run { try $0.execute(sql).map { $0[0].text ?? "NULL" } }
            await connection.close()
            return texts
        }
    }
}

/// Files of a test, which vanish with it.
func withFiles(_ body: (_ directory: String) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "command-\(UUID())"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try await body(directory)
}
