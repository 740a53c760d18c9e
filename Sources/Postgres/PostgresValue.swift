/// A parameter of a statement; it travels in binary format with its type, so that U+0000 in text is refused by the
/// server (22021) and never cuts the value.
package enum PostgresValue: Equatable, Sendable {
    /// NULL of whatever type the server infers.
    case null
    case bool(Bool)
    case int2(Int16)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case text(String)
    /// `text` whose UTF-8 is at hand; the server refuses what is not UTF-8.
    case textBytes([UInt8])
    case bytea([UInt8])
    /// The UTF-8 of a JSON document.
    case jsonb([UInt8])
    /// Microseconds since 1970-01-01 UTC.
    case timestamptz(Int64)
    /// The sixteen bytes of RFC 9562, most significant first.
    case uuid(UInt128)
    case array(PostgresArray)

    /// What the statement is prepared with; 0 leaves it to the server.
    var oid: UInt32 {
        switch self {
        case .null: 0
        case .bool: PostgresType.bool.rawValue
        case .int2: PostgresType.int2.rawValue
        case .int4: PostgresType.int4.rawValue
        case .int8: PostgresType.int8.rawValue
        case .float8: PostgresType.float8.rawValue
        case .text, .textBytes: PostgresType.text.rawValue
        case .bytea: PostgresType.bytea.rawValue
        case .jsonb: PostgresType.jsonb.rawValue
        case .timestamptz: PostgresType.timestamptz.rawValue
        case .uuid: PostgresType.uuid.rawValue
        case .array(let array): array.element.arrayOID
        }
    }

    /// Appends the value's binary format.
    ///
    /// - Returns: false for NULL, which has no bytes.
    func encode(into bytes: inout [UInt8]) -> Bool {
        switch self {
        case .null: return false
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .int2(let value): bytes.appendBigEndian(value)
        case .int4(let value): bytes.appendBigEndian(value)
        case .int8(let value): bytes.appendBigEndian(value)
        case .float8(let value): bytes.appendBigEndian(value.bitPattern)
        case .text(let value): bytes.append(contentsOf: value.utf8)
        case .textBytes(let value), .bytea(let value): bytes.append(contentsOf: value)
        case .jsonb(let value):
            bytes.append(1)
            bytes.append(contentsOf: value)
        case .timestamptz(let microseconds): bytes.appendBigEndian(microseconds - microsecondsFrom1970To2000)
        case .uuid(let value): bytes.appendBigEndian(value)
        case .array(let array): array.encode(into: &bytes)
        }
        return true
    }
}

extension PostgresValue {
    package static func boolArray(_ values: [Bool?]) -> PostgresValue {
        .array(of: .bool, values) { $0.append($1) }
    }

    package static func int2Array(_ values: [Int16?]) -> PostgresValue {
        .array(of: .int2, values) { $0.append($1) }
    }

    package static func int4Array(_ values: [Int32?]) -> PostgresValue {
        .array(of: .int4, values) { $0.append($1) }
    }

    package static func int8Array(_ values: [Int64?]) -> PostgresValue {
        .array(of: .int8, values) { $0.append($1) }
    }

    package static func float4Array(_ values: [Float?]) -> PostgresValue {
        .array(of: .float4, values) { $0.append($1) }
    }

    package static func float8Array(_ values: [Double?]) -> PostgresValue {
        .array(of: .float8, values) { $0.append($1) }
    }

    package static func textArray(_ values: [String?]) -> PostgresValue {
        .array(of: .text, values) { $0.append(text: $1) }
    }

    package static func textBytesArray(_ values: [[UInt8]?]) -> PostgresValue {
        .array(of: .text, values) { $0.append(bytes: $1) }
    }

    package static func byteaArray(_ values: [[UInt8]?]) -> PostgresValue {
        .array(of: .bytea, values) { $0.append(bytes: $1) }
    }

    /// UTF-8 of JSON documents.
    package static func jsonbArray(_ values: [[UInt8]?]) -> PostgresValue {
        .array(of: .jsonb, values) { array, json in json.withUnsafeBytes { array.append(json: $0) } }
    }

    /// Microseconds since 1970-01-01 UTC.
    package static func timestamptzArray(_ values: [Int64?]) -> PostgresValue {
        .array(of: .timestamptz, values) { $0.append(timestamptz: $1) }
    }

    private static func array<Value>(
        of element: PostgresType, _ values: [Value?], append: (inout PostgresArray, Value) -> Void
    ) -> PostgresValue {
        var array = PostgresArray(of: element)
        for value in values {
            if let value { append(&array, value) } else { array.appendNull() }
        }
        return .array(array)
    }
}

/// A statement of a pipeline.
package struct PostgresStatement: Equatable, Sendable {
    package var sql: String
    package var parameters: [PostgresValue]

    package init(_ sql: String, _ parameters: [PostgresValue] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}
