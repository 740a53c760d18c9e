/// The types that travel as parameters, by the OIDs of PostgreSQL's catalog `pg_type`.
package enum PostgresType: UInt32, Sendable {
    case bool = 16
    case bytea = 17
    case int8 = 20
    case int2 = 21
    case int4 = 23
    case text = 25
    case float4 = 700
    case float8 = 701
    case timestamptz = 1184
    case uuid = 2950
    case jsonb = 3802

    /// The OID of the array of this type.
    var arrayOID: UInt32 {
        switch self {
        case .bool: 1000
        case .bytea: 1001
        case .int8: 1016
        case .int2: 1005
        case .int4: 1007
        case .text: 1009
        case .float4: 1021
        case .float8: 1022
        case .timestamptz: 1185
        case .uuid: 2951
        case .jsonb: 3807
        }
    }
}

/// PostgreSQL counts microseconds from 2000-01-01 UTC, we from 1970-01-01 UTC.
let microsecondsFrom1970To2000: Int64 = 946_684_800_000_000

extension [UInt8] {
    /// Appends an integer, most significant byte first, as everything on PostgreSQL's wire is.
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { self.append(contentsOf: $0) }
    }
}
