import Postgres
import TestSupport
import Testing

struct PostgresPipelineTests {
    @Test func `all results come back in order`() async throws {
        try await TestDatabase.withConnection { connection in
            for _ in 0..<2 {
                let numbers = try await connection.run { session in
                    try session.pipeline((0..<300).map { PostgresStatement("SELECT $1::int * 2", [.int4($0)]) })
                        .map { $0.first?[0].int4 }
                }
                #expect(numbers == (0..<300).map { $0 * 2 })
            }
            let none = try await connection.run { try $0.pipeline([]).count }
            #expect(none == 0)
        }
    }

    @Test func `the first error wins, undoes the rest and leaves the connection usable`() async throws {
        try await TestDatabase.withConnection { connection in
            try await connection.run { try $0.executeScript("CREATE TABLE t (a int)") }
            let error = await connection.error { session in
                _ = try session.pipeline([
                    PostgresStatement("INSERT INTO t VALUES ($1)", [.int4(1)]),
                    PostgresStatement("SELECT 1 / 0"),
                    PostgresStatement("SELECT nonsense"),
                    PostgresStatement("INSERT INTO t VALUES ($1)", [.int4(2)]),
                ])
            }
            #expect(error?.sqlState == "22012")
            #expect(await connection.isUsable)
            let found = try await connection.text("SELECT count(*)::text FROM t")
            #expect(found == "0")
            let after = try await connection.run { session in
                try session.pipeline([
                    PostgresStatement("INSERT INTO t VALUES ($1)", [.int4(1)]), PostgresStatement("SELECT a FROM t"),
                ])
            }
            #expect(after[1].first?[0].int4 == 1)
        }
    }

    @Test func `an error in a transaction block fails the block`() async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { session in
                try session.transaction {
                    _ = try session.pipeline([PostgresStatement("SELECT 1"), PostgresStatement("SELECT nonsense")])
                }
            }
            #expect(error?.sqlState == "42703")
            let found = try await connection.run { $0.isInTransaction }
            #expect(found == false)
        }
    }

    @Test func `forgotten statements are prepared again`() async throws {
        try await TestDatabase.withConnection { connection in
            let value = try await connection.run { session in
                let statements = [PostgresStatement("SELECT 1"), PostgresStatement("SELECT 2")]
                _ = try session.pipeline(statements)
                try session.executeScript("DISCARD ALL")
                return try session.pipeline(statements)[1].first?[0].int4
            }
            #expect(value == 2)
        }
    }

    @Test func `more than the socket holds goes through in both directions`() async throws {
        try await TestDatabase.withConnection { connection in
            let big = [UInt8](repeating: 9, count: 1_000_000)
            let sizes = try await connection.run { session in
                try session.pipeline((0..<20).map { _ in PostgresStatement("SELECT $1::bytea", [.bytea(big)]) })
                    .map { $0.first?[0].bytes?.count }
            }
            #expect(sizes == Array(repeating: 1_000_000, count: 20))
        }
    }
}

struct PostgresCopyTests {
    private static let sql = "COPY t FROM STDIN (FORMAT binary)"

    private static func rows(_ numbers: [Int32]) -> [UInt8] {
        var encoder = CopyEncoder()
        for number in numbers {
            encoder.beginRow(fields: 1)
            encoder.appendInt4(number)
        }
        encoder.finish()
        return encoder.bytes
    }

    @Test func `a unique violation throws, copies nothing and leaves the connection usable`() async throws {
        try await TestDatabase.withConnection { connection in
            try await connection.run { try $0.executeScript("CREATE TABLE t (a int CONSTRAINT t_pkey PRIMARY KEY)") }
            let bytes = Self.rows([1, 2, 1])
            let error = await connection.error { try $0.copyIn(Self.sql, bytes) }
            guard case .server(let report) = error else { throw error ?? .notConnected }
            #expect(report.sqlState == "23505" && report.constraint == "t_pkey")
            let found = try await connection.text("SELECT count(*)::text FROM t")
            #expect(found == "0")
            let good = Self.rows([1, 2])
            let found2 = try await connection.run { try $0.copyIn(Self.sql, good) }
            #expect(found2 == 2)
        }
    }

    @Test(
        arguments: [
            (Array("not a copy file at all".utf8), "22P04"), ([], "22P04"), (Self.rows([1]).dropLast(5) + [], "22P04"),
        ] as [([UInt8], String)])
    func `a broken stream throws`(bytes: [UInt8], sqlState: String) async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { session in
                try session.executeScript("CREATE TABLE t (a int)")
                try session.copyIn(Self.sql, bytes)
            }
            #expect(error?.sqlState == sqlState)
            #expect(await connection.isUsable)
        }
    }

    @Test func `a table that is not there throws before a byte is sent`() async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { try $0.copyIn(Self.sql, [1]) }
            #expect(error?.category == .schemaOrRights)
            #expect(await connection.isUsable)
        }
    }

    @Test func `a statement that is no COPY throws`() async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { try $0.copyIn("SELECT 1", []) }
            #expect(error?.category == .ourBug)
            let found = try await connection.text("SELECT 'after'")
            #expect(found == "after")
        }
    }

    @Test func `an error far ahead of the end of a long stream is reported`() async throws {
        try await TestDatabase.withConnection { connection in
            let bytes = Self.rows([1, 1] + Array(2..<1_000_000))
            let error = await connection.error { session in
                try session.executeScript("CREATE TABLE t (a int PRIMARY KEY)")
                try session.copyIn(Self.sql, bytes)
            }
            #expect(error?.sqlState == "23505")
            #expect(await connection.isUsable)
        }
    }
}
