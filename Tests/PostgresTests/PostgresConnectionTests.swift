import Glibc
import Postgres
import TestSupport
import Testing

struct PostgresConnectionTests {
    @Test func `eight connections that block for half a second finish together`() async throws {
        try await TestDatabase.withDatabase { configuration in
            var connections: [PostgresConnection] = []
            for _ in 0..<8 { connections.append(try await PostgresConnection.open(configuration, logger: .silent)) }
            let elapsed = try await ContinuousClock().measure {
                try await withThrowingTaskGroup { group in
                    for connection in connections {
                        group.addTask { _ = try await connection.run { try $0.execute("SELECT pg_sleep(0.5)").count } }
                    }
                    try await group.waitForAll()
                }
            }
            for connection in connections { await connection.close() }
            #expect(elapsed >= .milliseconds(500))
            #expect(elapsed < .seconds(2))
        }
    }

    @Test func `a terminated backend is a connection error, and the connection stays broken`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let victim = try await PostgresConnection.open(configuration, logger: .silent)
            let pid = try await victim.run { $0.backendPID }
            let other = try await PostgresConnection.open(configuration, logger: .silent)
            _ = try await other.run { try $0.execute("SELECT pg_terminate_backend($1, 5000)", [.int4(pid)]) }
            let error = await victim.error { _ = try $0.execute("SELECT 1") }
            #expect(error?.category == .connection)
            #expect(await !victim.isUsable)
            #expect(await victim.error { _ = try $0.execute("SELECT 1") } == .notConnected)
            await other.close()
        }
    }

    @Test(arguments: ["execute", "pipeline", "copyIn", "transaction"])
    func `a backend that dies at work is a connection error`(work: String) async throws {
        try await TestDatabase.withConnection { connection in
            let suicide = "SELECT pg_terminate_backend(pg_backend_pid())"
            let error = await connection.error { session in
                switch work {
                case "execute": _ = try session.execute(suicide)
                case "pipeline":
                    _ = try session.pipeline([
                        PostgresStatement("SELECT 1"), PostgresStatement(suicide), PostgresStatement("SELECT 2"),
                    ])
                case "copyIn":
                    try session.executeScript("CREATE TABLE t (a int CHECK (pg_terminate_backend(pg_backend_pid())))")
                    var encoder = CopyEncoder()
                    for _ in 0..<100_000 {
                        encoder.beginRow(fields: 1)
                        encoder.appendInt4(1)
                    }
                    encoder.finish()
                    try session.copyIn("COPY t FROM STDIN (FORMAT binary)", encoder.bytes)
                default: try session.transaction { _ = try session.execute(suicide) }
                }
            }
            #expect(error?.category == .connection)
            #expect(await !connection.isUsable)
        }
    }

    @Test func `a frozen backend meets the client's deadline`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            let pid = try await connection.run { $0.backendPID }
            kill(pid, SIGSTOP)
            let error = await connection.error { _ = try $0.execute("SELECT 1", deadline: .milliseconds(300)) }
            #expect(error == .deadlineExceeded)
            #expect(await !connection.isUsable)
            #expect(await connection.error { _ = try $0.execute("SELECT 1") } == .notConnected)
            kill(pid, SIGCONT)
        }
    }

    @Test func `a slow statement is cancelled on the server at the deadline`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            let pid = try await connection.run { $0.backendPID }
            let error = await connection.error {
                _ = try $0.execute("SELECT pg_sleep(600)", deadline: .milliseconds(200))
            }
            #expect(error == .deadlineExceeded)
            let other = try await PostgresConnection.open(configuration, logger: .silent)
            let gone = try await eventually {
                try await other.run { session in
                    try session.execute("SELECT FROM pg_stat_activity WHERE pid = $1", [.int4(pid)]).isEmpty
                }
            }
            #expect(gone)
            await other.close()
        }
    }

    @Test func `a closed connection says so`() async throws {
        try await TestDatabase.withConnection { connection in
            await connection.close()
            #expect(await !connection.isUsable)
            #expect(await connection.error { _ = try $0.execute("SELECT 1") } == .notConnected)
            await connection.close()
        }
    }

    @Test func `a database that is not there is refused with its SQLSTATE`() async throws {
        let server = try await TestDatabase.server
        let configuration = try PostgresConfiguration(connectionString: server, database: "no_such_database")
        await #expect {
            _ = try await PostgresConnection.open(configuration, logger: .silent)
        } throws: { error in
            (error as? PostgresError)?.sqlState == "3D000" && (error as? PostgresError)?.category == .authentication
        }
    }

    @Test func `a server that is not there has no SQLSTATE`() async throws {
        let configuration = try PostgresConfiguration(connectionString: "host=/nonexistent port=1 user=x dbname=x")
        await #expect {
            _ = try await PostgresConnection.open(configuration, logger: .silent)
        } throws: { error in
            guard case .connectionFailed = error as? PostgresError else { return false }
            return true
        }
    }

    @Test func `an encoding other than UTF-8 is refused`() async throws {
        try await TestDatabase.withConnection { connection in
            let name = try #require(try await connection.text("SELECT current_database()")) + "_ascii"
            try await connection.run {
                try $0.executeScript("CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
            }
            let server = try await TestDatabase.server
            let configuration = try PostgresConfiguration(connectionString: server, database: name)
            await #expect {
                _ = try await PostgresConnection.open(configuration, logger: .silent)
            } throws: { error in
                guard case .unsupportedServer(let message) = error as? PostgresError else { return false }
                return message.contains("SQL_ASCII")
            }
            try await connection.run { try $0.executeScript("DROP DATABASE \(name)") }
        }
    }

    @Test func `a host that accepts and says nothing costs the connect timeout`() async throws {
        let listener = SilentListener()
        let configuration = try PostgresConfiguration(
            connectionString: "host=127.0.0.1 port=\(listener.port) user=x dbname=x connect_timeout=1 sslmode=disable")
        let elapsed = await ContinuousClock().measure {
            await #expect(throws: PostgresError.self) {
                _ = try await PostgresConnection.open(configuration, logger: .silent)
            }
        }
        #expect(elapsed >= .milliseconds(900))
        #expect(elapsed < .seconds(10))
    }
}

/// A socket on loopback that accepts connections in its backlog and never answers.
final class SilentListener: Sendable {
    let port: UInt16
    private let socket: Int32

    init() {
        self.socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = self.socket
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length)
                listen(socket, 8)
                getsockname(socket, address, &length)
            }
        }
        self.port = UInt16(bigEndian: address.sin_port)
    }

    deinit {
        close(self.socket)
    }
}
