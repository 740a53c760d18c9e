import Postgres
import TestSupport
import Testing

struct CopyEncoderTests {
    private static let header: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]

    @Test func `a batch without rows is header and trailer`() {
        var encoder = CopyEncoder()
        encoder.finish()
        #expect(encoder.bytes == Self.header + [0xFF, 0xFF])
        #expect(encoder.rowCount == 0)
    }

    @Test(
        arguments: [
            ("bytes", [0, 0, 0, 2, 0xAB, 0xCD]), ("empty", [0, 0, 0, 0]), ("text", [0, 0, 0, 3, 0x61, 0xC3, 0xA9]),
            ("null", [0xFF, 0xFF, 0xFF, 0xFF]), ("true", [0, 0, 0, 1, 1]), ("false", [0, 0, 0, 1, 0]),
            ("int2", [0, 0, 0, 2, 0xFF, 0xFE]), ("int4", [0, 0, 0, 4, 0x01, 0x02, 0x03, 0x04]),
            ("int8", [0, 0, 0, 8, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08]),
            ("float8", [0, 0, 0, 8, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]),
            ("timestamptz", [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]), ("jsonb", [0, 0, 0, 3, 1, 0x7B, 0x7D]),
            (
                "texts",
                [
                    0, 0, 0, 29, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0, 0, 0,
                    0,
                ]
            ),
            ("no texts", [0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25]),
        ] as [(String, [UInt8])])
    func `a field is its length and its big-endian bytes`(kind: String, expected: [UInt8]) {
        var encoder = CopyEncoder()
        encoder.beginRow(fields: 1)
        switch kind {
        case "bytes": encoder.append(bytes: [0xAB, 0xCD])
        case "empty": encoder.append(bytes: [])
        case "text": encoder.append(text: "aé")
        case "null": encoder.appendNull()
        case "true": encoder.appendBool(true)
        case "false": encoder.appendBool(false)
        case "int2": encoder.appendInt2(-2)
        case "int4": encoder.appendInt4(0x0102_0304)
        case "int8": encoder.appendInt8(0x0102_0304_0506_0708)
        case "float8": encoder.appendFloat8(1.5)
        case "timestamptz": encoder.appendTimestamptz(946_684_800_000_001)
        case "jsonb": encoder.appendJSONB(Array("{}".utf8))
        case "texts": encoder.appendTextArray(["a", ""])
        default: encoder.appendTextArray([])
        }
        encoder.finish()
        #expect(encoder.bytes == Self.header + [0, 1] + expected + [0xFF, 0xFF])
    }

    @Test func `an array of any element opens, fills and closes`() {
        var byHand = CopyEncoder()
        byHand.beginArray(of: .bytea, count: 2)
        byHand.append(bytes: [1])
        byHand.append(bytes: [2, 3].span)
        byHand.endArray()
        var atOnce = CopyEncoder()
        atOnce.appendByteaArray([[1], [2, 3]])
        #expect(byHand.bytes == atOnce.bytes)
    }

    @Test func `spans and buffers append the same as arrays`() {
        let bytes: [UInt8] = [0x22, 0x61, 0x22]
        var arrays = CopyEncoder()
        arrays.append(bytes: bytes)
        arrays.append(bytes: bytes)
        arrays.append(bytes: bytes)
        arrays.appendJSONB(bytes)
        arrays.appendJSONB(bytes)
        arrays.appendJSONB(bytes)
        var spans = CopyEncoder()
        spans.append(bytes: bytes.span)
        spans.append(bytes: bytes.span.bytes)
        bytes.withUnsafeBytes { spans.append(bytes: $0) }
        spans.appendJSONB(bytes.span)
        spans.appendJSONB(bytes.span.bytes)
        bytes.withUnsafeBytes { spans.appendJSONB($0) }
        #expect(arrays.bytes == spans.bytes)
    }

    @Test func `the next batch begins with the header and keeps the memory`() {
        var encoder = CopyEncoder(reservingCapacity: 1 << 20)
        encoder.beginRow(fields: 1)
        encoder.append(bytes: [UInt8](repeating: 7, count: 500_000))
        encoder.removeAll()
        #expect(encoder.bytes == Self.header)
        #expect(encoder.bytes.capacity >= 1 << 20)
        #expect(encoder.rowCount == 0)
    }

    @Test func `an open array field is our bug`() async {
        await #expect(processExitsWith: .failure) {
            var encoder = CopyEncoder()
            encoder.beginArray(of: .text, count: 1)
            encoder.finish()
        }
    }

    @Test func `the server reads what was encoded`() async throws {
        try await TestDatabase.withConnection { connection in
            var encoder = CopyEncoder()
            for number in 0..<1000 {
                encoder.beginRow(fields: 9)
                encoder.append(bytes: [UInt8(truncatingIfNeeded: number), 0, 255])
                encoder.append(text: "ünï \(number)")
                encoder.appendBool(number % 2 == 0)
                encoder.appendInt2(-2)
                encoder.appendInt4(Int32(number))
                if number == 7 { encoder.appendNull() } else { encoder.appendInt8(.min) }
                encoder.appendJSONB(Array(#"{"a": [1]}"#.utf8))
                encoder.appendTextArray(["e", "\(number)", ""])
                encoder.appendTimestamptz(1_700_000_000_000_000)
            }
            encoder.finish()
            let bytes = encoder.bytes
            let (copied, rows) = try await connection.run { session in
                try session.executeScript(
                    """
                    CREATE TABLE t (a bytea, b text, c bool, d smallint, e int, f bigint, g jsonb, h text[],
                        i timestamptz)
                    """)
                let copied = try session.copyIn("COPY t FROM STDIN (FORMAT binary)", bytes)
                return (copied, try session.execute("SELECT * FROM t WHERE e IN (7, 8) ORDER BY e"))
            }
            #expect(copied == 1000)
            #expect(rows.count == 2)
            #expect(rows[0]["f"].isNull)
            #expect(rows[0]["f"].int8 == nil)
            #expect(rows[1][0].bytes == [8, 0, 255])
            #expect(rows[1][1].text == "ünï 8")
            #expect(rows[1][2].bool == true)
            #expect(rows[1][3].int2 == -2)
            #expect(rows[1][4].int4 == 8)
            #expect(rows[1][5].int8 == .min)
            #expect(rows[1][6].text == #"{"a": [1]}"#)
            #expect(rows[1][7].textArray == ["e", "8", ""])
            #expect(rows[1][8].timestamptz == 1_700_000_000_000_000)
        }
    }
}
