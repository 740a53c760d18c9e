import Nostr
import Postgres

/// Rows of one table, as one array for each column, for `unnest`.
///
/// Values are appended in the order of the columns; the row ends with the last one.
struct TableRows {
    /// A column and how its value travels.
    struct Column {
        let name: String
        /// Nil where the value follows from the others.
        let type: PostgresType?
        let expression: String

        init(_ name: String, _ type: PostgresType) {
            self.name = name
            self.type = type
            self.expression = name
        }

        /// A value that PostgreSQL makes from other columns.
        init(_ name: String, from expression: String) {
            self.name = name
            self.type = nil
            self.expression = expression
        }

        /// A parameter under the column's name, from which PostgreSQL makes the value.
        init(_ name: String, _ type: PostgresType, as expression: String) {
            self.name = name
            self.type = type
            self.expression = expression
        }

        /// Sorted words, as `text[]`: the arrays in one parameter would all have to be of one length.
        static let flags = Column("flags", .text, as: "string_to_array(flags, ',')")

        /// Keys in hexadecimal, as `bytea[]`.
        static func keys(_ name: String) -> Column {
            Column(name, .text, as: "ARRAY(SELECT decode(k, 'hex') FROM unnest(string_to_array(\(name), ',')) AS k)")
        }
    }

    private let insert: String
    private var arrays: [PostgresArray]
    private var column = 0

    init(of table: String, _ columns: [Column]) {
        let types = columns.compactMap(\.type)
        let parameters = types.indices.map { "$\($0 + 1)::\(types[$0].arrayName)" }
        func list(_ items: [String]) -> String { items.joined(separator: ", ") }
        self.insert = """
            INSERT INTO \(table) (\(list(columns.map(\.name))))
            SELECT \(list(columns.map(\.expression)))
            FROM unnest(\(list(parameters))) AS r (\(list(columns.filter { $0.type != nil }.map(\.name))))
            """
        self.arrays = types.map { PostgresArray(of: $0) }
    }

    /// Nil without a row.
    var statement: PostgresStatement? {
        precondition(self.column == 0, "A row without an end")
        guard let first = self.arrays.first, first.count > 0 else { return nil }
        return PostgresStatement(self.insert, self.arrays.map(PostgresValue.array))
    }

    mutating func append(_ value: Bytes32?) {
        self.next(value) { (array, value) in value.withBytes { array.append(bytes: $0) } }
    }

    mutating func append(_ id: EventID?) { self.append(id?.value) }
    mutating func append(_ key: PublicKey?) { self.append(key?.value) }
    mutating func append(_ time: Timestamp) { self.append(time.seconds) }
    mutating func append(_ bytes: [UInt8]?) { self.next(bytes) { $0.append(bytes: $1) } }
    mutating func append(_ text: WireText?) { self.append(text?.bytes) }
    mutating func append(_ text: String?) { self.next(text) { $0.append(text: $1) } }
    mutating func append(_ value: Bool?) { self.next(value) { $0.append($1) } }
    mutating func append(_ value: Int64?) { self.next(value) { $0.append($1) } }
    mutating func append(_ kind: Kind?) { self.next(kind) { $0.append(Int32($1.rawValue)) } }
    mutating func append(number: Int?) { self.next(number) { $0.append(Int16(clamping: $1)) } }
    mutating func append(_ flags: Flags) { self.append(flags.names.joined(separator: ",")) }
    mutating func append(json: [UInt8]) {
        self.next(json) { (array, json) in json.withUnsafeBytes { array.append(json: $0) } }
    }

    private mutating func next<Value>(_ value: Value?, _ append: (inout PostgresArray, Value) -> Void) {
        if let value { append(&self.arrays[self.column], value) } else { self.arrays[self.column].appendNull() }
        self.column = (self.column + 1) % self.arrays.count
    }
}

extension PostgresType {
    fileprivate var arrayName: String {
        switch self {
        case .bool: "boolean[]"
        case .bytea: "bytea[]"
        case .int8: "bigint[]"
        case .int2: "smallint[]"
        case .int4: "integer[]"
        case .text: "text[]"
        case .float4: "real[]"
        case .float8: "double precision[]"
        case .timestamptz: "timestamptz[]"
        case .uuid: "uuid[]"
        case .jsonb: "jsonb[]"
        }
    }
}
