/// One value in binary format. Every accessor is nil for NULL and traps when the column is of another type: our bug.
package struct PostgresCell: Sendable {
    /// Nil for NULL.
    let raw: ArraySlice<UInt8>?
    let column: PostgresResult.Column

    package var isNull: Bool { self.raw == nil }

    package var bool: Bool? {
        self.value(of: [.bool]).map { $0.first == 1 }
    }

    package var int2: Int16? {
        self.value(of: [.int2]).map { Int16(truncatingIfNeeded: Self.integer($0)) }
    }

    /// `smallint` and `integer`.
    package var int4: Int32? {
        self.value(of: [.int2, .int4]).map { Int32(truncatingIfNeeded: Self.integer($0)) }
    }

    /// `smallint`, `integer` and `bigint`.
    package var int8: Int64? {
        self.value(of: [.int2, .int4, .int8]).map { Self.integer($0) }
    }

    package var float8: Double? {
        self.value(of: [.float8]).map { Double(bitPattern: UInt64(bitPattern: Self.integer($0))) }
    }

    /// Microseconds since 1970-01-01 UTC.
    package var timestamptz: Int64? {
        self.value(of: [.timestamptz]).map { Self.integer($0) + microsecondsFrom1970To2000 }
    }

    package var uuid: UInt128? {
        self.value(of: [.uuid]).map { $0.reduce(0) { $0 << 8 | UInt128($1) } }
    }

    /// `text` and its like, enums, `json` and `jsonb`. Other types must be cast to `text` by the statement.
    package var text: String? {
        self.textBytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// UTF-8 of what ``text`` reads.
    package var textBytes: ArraySlice<UInt8>? {
        guard let bytes = self.raw else { return nil }
        // The first byte of jsonb on the wire is its version.
        if self.column.oid == PostgresType.jsonb.rawValue { return bytes.dropFirst() }
        precondition(
            Self.textOIDs.contains(self.column.oid) || self.column.oid >= Self.firstUserOID,
            "Column \(self.column.name) has type OID \(self.column.oid), which is no text")
        return bytes
    }

    /// `bytea`.
    package var bytes: [UInt8]? {
        self.value(of: [.bytea]).map { Array($0) }
    }

    package var int2Array: [Int16?]? {
        self.elements(of: .int2)?.map { $0.map { Int16(truncatingIfNeeded: Self.integer($0)) } }
    }

    package var int4Array: [Int32?]? {
        self.elements(of: .int4)?.map { $0.map { Int32(truncatingIfNeeded: Self.integer($0)) } }
    }

    package var int8Array: [Int64?]? {
        self.elements(of: .int8)?.map { $0.map { Self.integer($0) } }
    }

    package var boolArray: [Bool?]? {
        self.elements(of: .bool)?.map { $0.map { $0.first == 1 } }
    }

    package var textArray: [String?]? {
        self.elements(of: .text)?.map { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    package var byteaArray: [[UInt8]?]? {
        self.elements(of: .bytea)?.map { $0.map { Array($0) } }
    }

    /// bpchar, varchar, name, text, "char", json, xml, and the unknown type of a literal.
    private static let textOIDs: Set<UInt32> = [18, 19, 25, 114, 142, 705, 1042, 1043]
    /// `FirstNormalObjectId`: enums and extensions' types, such as `citext`, are sent as their text.
    private static let firstUserOID: UInt32 = 16_384

    private func value(of types: [PostgresType]) -> ArraySlice<UInt8>? {
        guard let bytes = self.raw else { return nil }
        precondition(
            types.contains { $0.rawValue == self.column.oid },
            "Column \(self.column.name) has type OID \(self.column.oid), not one of \(types)")
        return bytes
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> Int64 {
        var value: Int64 = bytes.first.map { $0 >= 0x80 ? -1 : 0 } ?? 0
        for byte in bytes { value = value << 8 | Int64(byte) }
        return value
    }

    /// The elements of a one-dimensional array, each nil for NULL.
    private func elements(of type: PostgresType) -> [ArraySlice<UInt8>?]? {
        guard var rest = self.raw else { return nil }
        precondition(
            self.column.oid == type.arrayOID,
            "Column \(self.column.name) has type OID \(self.column.oid), not an array of \(type)")
        func take() -> Int {
            defer { rest = rest.dropFirst(4) }
            return Int(Self.integer(rest.prefix(4)))
        }
        let dimensions = take()
        precondition(dimensions <= 1, "Column \(self.column.name) is an array of \(dimensions) dimensions")
        rest = rest.dropFirst(8)
        guard dimensions == 1 else { return [] }
        let count = take()
        rest = rest.dropFirst(4)
        return (0..<count).map { _ in
            let length = take()
            guard length >= 0 else { return nil }
            defer { rest = rest.dropFirst(length) }
            return rest.prefix(length)
        }
    }
}
