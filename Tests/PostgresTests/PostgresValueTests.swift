import Postgres
import TestSupport
import Testing

struct PostgresValueTests {
    @Test func `every type comes back as it went`() async throws {
        try await TestDatabase.withConnection { connection in
            let row = try await connection.run { session in
                try session.execute(
                    """
                    SELECT $1::bool, $2::smallint, $3::int, $4::bigint, $5::float8, $6::text, $7::text, $8::bytea,
                        $9::jsonb,
                        $10::timestamptz, $11::text, $12::bytea, 'name'::name, 'x'::varchar(3)
                    """,
                    [
                        .bool(true), .int2(-3), .int4(.min), .int8(.max), .float8(-0.5), .text("ä\u{10FFFF}"),
                        .textBytes(Array("wire".utf8)), .bytea([0, 1, 255]), .jsonb(Array(#"{"k":null}"#.utf8)),
                        .timestamptz(-1), .null, .bytea([]),
                    ]
                ).first
            }
            let cells = try #require(row)
            #expect(cells.count == 14)
            #expect(cells[0].bool == true)
            #expect(cells[1].int2 == -3)
            #expect(cells[1].int8 == -3)
            #expect(cells[2].int4 == .min)
            #expect(cells[3].int8 == .max)
            #expect(cells[4].float8 == -0.5)
            #expect(cells[5].text == "ä\u{10FFFF}")
            #expect(cells[6].text == "wire")
            #expect(cells[7].bytes == [0, 1, 255])
            #expect(cells[8].text == #"{"k": null}"#)
            #expect(cells[9].timestamptz == -1)
            #expect(cells[10].isNull && cells[10].text == nil)
            #expect(cells[11].bytes == [] && !cells[11].isNull)
            #expect(cells[12].text == "name")
            #expect(cells[13].text == "x")
        }
    }

    @Test(arguments: [0, 1, 0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF, .max] as [UInt128])
    func `a UUID comes back as it went, most significant byte first`(bits: UInt128) async throws {
        try await TestDatabase.withConnection { connection in
            let row = try await connection.run { session in
                try session.execute("SELECT $1::uuid, $1::text", [.uuid(bits)]).first
            }
            #expect(row?[0].uuid == bits)
            let hex = String(bits, radix: 16)
            let digits = row?[1].text?.filter { $0 != "-" }
            #expect(digits == String(repeating: "0", count: 32 - hex.count) + hex)
        }
    }

    @Test func `an array of reals goes in single precision`() async throws {
        try await TestDatabase.withConnection { connection in
            let sum = try await connection.run { session in
                try session.execute(
                    "SELECT $1::real[] = '{0.1, NULL, -2.5, Infinity}'::real[]",
                    [.float4Array([0.1, nil, -2.5, .infinity])]
                ).first?[0].bool
            }
            #expect(sum == true)
        }
    }

    @Test func `arrays come back as they went, with NULLs and empty ones`() async throws {
        try await TestDatabase.withConnection { connection in
            let row = try await connection.run { session in
                try session.execute(
                    """
                    SELECT $1::bool[], $2::smallint[], $3::int[], $4::bigint[], $5::text[], $6::bytea[], $7::text[],
                        $8::int[]
                    """,
                    [
                        .boolArray([true, nil]), .int2Array([1, -1]), .int4Array([nil]), .int8Array([.min, .max]),
                        .textArray(["a", nil, ""]), .byteaArray([[1, 2], [], nil]), .textBytesArray([[0x62]]),
                        .int4Array([]),
                    ]
                ).first
            }
            let cells = try #require(row)
            #expect(cells[0].boolArray == [true, nil])
            #expect(cells[1].int2Array == [1, -1])
            #expect(cells[2].int4Array == [nil])
            #expect(cells[3].int8Array == [.min, .max])
            #expect(cells[4].textArray == ["a", nil, ""])
            #expect(cells[5].byteaArray == [[1, 2], [], nil])
            #expect(cells[6].textArray == ["b"])
            #expect(cells[7].int4Array == [])
        }
    }

    @Test func `unnest makes rows of arrays`() async throws {
        try await TestDatabase.withConnection { connection in
            let rows = try await connection.run { session in
                try session.execute(
                    "SELECT * FROM unnest($1::bytea[], $2::jsonb[], $3::timestamptz[], $4::float8[])",
                    [
                        .byteaArray([[1], [2]]), .jsonbArray([Array("[1]".utf8), nil]),
                        .timestamptzArray([0, 1_000_000]), .float8Array([0.25, nil]),
                    ])
            }
            #expect(rows.map { $0[0].bytes } == [[1], [2]])
            #expect(rows.map { $0[1].text } == ["[1]", nil])
            #expect(rows.map { $0[2].timestamptz } == [0, 1_000_000])
            #expect(rows.map { $0[3].float8 } == [0.25, nil])
        }
    }

    @Test(
        arguments: [
            ("a NUL", [0x61, 0x00, 0x62], "22021"), ("invalid UTF-8", [0xC3, 0x28], "22021"),
            ("a CESU surrogate", [0xED, 0xA0, 0x80], "22021"), ("U+FFFF", [0xEF, 0xBF, 0xBF], nil),
        ] as [(String, [UInt8], String?)])
    func `text is UTF-8 without NUL or an error, never cut`(what: String, bytes: [UInt8], sqlState: String?)
        async throws
    {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { _ = try $0.execute("SELECT $1::text", [.textBytes(bytes)]) }
            #expect(error?.sqlState == sqlState, "\(what)")
            let inArray = await connection.error {
                _ = try $0.execute("SELECT unnest($1::text[])", [.textBytesArray([bytes])])
            }
            #expect(inArray?.sqlState == sqlState, "\(what)")
        }
    }

    @Test(arguments: [(#""\u0000""#, "22P05"), (#""\ud800""#, "22P02"), ("1e200000", "22003"), ("{", "22P02")])
    func `jsonb refuses what it cannot hold`(json: String, sqlState: String) async throws {
        try await TestDatabase.withConnection { connection in
            let error = await connection.error { _ = try $0.execute("SELECT $1::jsonb", [.jsonb(Array(json.utf8))]) }
            #expect(error?.sqlState == sqlState)
            #expect(error?.category == .data)
        }
    }

    @Test func `a value of the wrong type in an array is our bug`() async {
        await #expect(processExitsWith: .failure) {
            var array = PostgresArray(of: .text)
            array.append(1 as Int64)
        }
    }
}
