import Foundation
import Postgres
import TestSupport
import Testing

private enum Pooler {
    static let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
}

/// PgBouncer between us and the server: it takes away what a session is made of, and must not do so silently.
@Suite(.enabled(if: Pooler.program != nil, "no pgbouncer here: apt-get install pgbouncer"))
struct PoolerTests {
    /// Runs the body with a connection string that leads through a pooler with these lines in its configuration.
    private func withPooler(_ lines: String, _ body: (String) async throws -> Void) async throws {
        let program = try #require(Pooler.program)
        let directory = NSTemporaryDirectory() + "pooler-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Of somebody else, perhaps, who puts the socket there.
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let server = try await TestDatabase.server
        func value(of keyword: String) throws -> String {
            let rest = try #require(server.firstRange(of: "\(keyword)=")).upperBound
            return String(server[rest...].prefix { $0 != " " }).replacing("'", with: "")
        }
        let host = try value(of: "host")
        let address = try "host=\(host) port=\(value(of: "port")) user=\(value(of: "user"))"
        // Root would be refused; whoever owns the server's socket can reach it.
        let owner = try FileManager.default.attributesOfItem(atPath: host)[.ownerAccountName] as? String
        let file = directory + "/pgbouncer.ini"
        try """
        [databases]
        * = \(address)
        [pgbouncer]
        auth_type = any
        unix_socket_dir = \(directory)
        \(lines)
        """.write(toFile: file, atomically: false, encoding: .utf8)
        let pooler = try Program.Running(
            program, (geteuid() == 0 ? ["-u", owner ?? "nobody"] : []) + [file], environment: [:])
        defer { pooler.kill() }
        let isThere = await eventually {
            FileManager.default.fileExists(atPath: directory + "/.s.PGSQL.6432")
        }
        try #require(isThere, "\(pooler.error)")
        try await body("host=\(directory) port=6432 user=nobody dbname=postgres")
    }

    private func refusal(_ configuration: PostgresConfiguration) async throws -> PostgresError? {
        do {
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            await connection.close()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ["", "ignore_startup_parameters = options"], ["session", "transaction"])
    func `sessions without our settings are refused, with the remedy`(lines: String, mode: String) async throws {
        try await self.withPooler("\(lines)\npool_mode = \(mode)") { connectionString in
            let error = try await self.refusal(PostgresConfiguration(connectionString: connectionString))
            #expect(error?.category == .schemaOrRights)
            #expect(error?.description.contains("give a direct connection") == true, "\(error.debugDescription)")
        }
    }

    @Test func `who needs no session may come through a pooler in transaction mode`() async throws {
        try await self.withPooler("pool_mode = transaction") { connectionString in
            let connection = try await PostgresConnection.open(
                PostgresConfiguration(connectionString: connectionString, preparesStatements: false), logger: .silent)
            let sums = try await connection.run { session in
                try (0..<3).map { try session.execute("SELECT $1 + 1", [.int4($0)]).first?[0].int4 }
            }
            #expect(sums == [1, 2, 3])
            await connection.close()
        }
    }
}
