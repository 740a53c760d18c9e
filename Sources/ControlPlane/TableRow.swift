import FoundationEssentials
import Postgres

/// A row as callers see it: without secrets.
package protocol TableRow: Sendable, Equatable {
    /// In the order in which ``init(_:)`` reads them; a cast may follow a name.
    static var columns: [String] { get }
    init(_ reader: inout RowReader)
}

extension TableRow {
    /// The columns of the table that the statement calls `alias`.
    static func columns(of alias: String) -> String {
        self.columns.map { "\(alias).\($0)" }.joined(separator: ", ")
    }
}

/// Reads the cells of a row one after the other. A NULL where the schema has none is our bug.
package struct RowReader {
    private let row: PostgresRow
    private var column = 0

    init(_ row: PostgresRow) {
        self.row = row
    }

    private mutating func next() -> PostgresCell {
        defer { self.column += 1 }
        return self.row[self.column]
    }

    private func required<Value>(_ value: Value?) -> Value {
        guard let value else { preconditionFailure("Column \(self.column - 1) is NULL") }
        return value
    }

    mutating func text() -> String { self.required(self.next().text) }
    mutating func optionalText() -> String? { self.next().text }
    mutating func bool() -> Bool { self.required(self.next().bool) }
    mutating func int() -> Int { Int(self.required(self.next().int8)) }
    mutating func optionalInt() -> Int? { self.next().int8.map { Int($0) } }
    mutating func double() -> Double { self.required(self.next().float8) }
    mutating func uuid() -> UUID { UUID(self.required(self.next().uuid)) }
    mutating func optionalUUID() -> UUID? { self.next().uuid.map { UUID($0) } }
    mutating func time() -> WallTime { WallTime(microseconds: self.required(self.next().timestamptz)) }
    mutating func optionalTime() -> WallTime? { self.next().timestamptz.map { WallTime(microseconds: $0) } }
    mutating func json() -> JSONDocument? { self.next().textBytes.map { JSONDocument(stored: $0) } }
    mutating func optionalBytes() -> [UInt8]? { self.next().bytes }

    /// The schema keeps NULL out of its arrays.
    mutating func words() -> [String] { self.required(self.next().textArray).compactMap { $0 } }
    mutating func optionalWords() -> [String]? { self.next().textArray.map { $0.compactMap { $0 } } }

    /// A column with a CHECK on its words.
    mutating func word<Word: RawRepresentable<String>>() -> Word { self.required(Word(rawValue: self.text())) }

    mutating func optionalWord<Word: RawRepresentable<String>>() -> Word? {
        self.optionalText().map { self.required(Word(rawValue: $0)) }
    }

    /// `numeric`, cast to `text` by the statement.
    mutating func optionalDecimal() -> Decimal? {
        self.optionalText().map { self.required(Decimal(string: $0)) }
    }
}

extension UUID {
    init(_ bits: UInt128) {
        let byte = { (index: Int) in UInt8(truncatingIfNeeded: bits >> (120 - 8 * index)) }
        self.init(
            uuid: (
                byte(0), byte(1), byte(2), byte(3), byte(4), byte(5), byte(6), byte(7), byte(8), byte(9), byte(10),
                byte(11), byte(12), byte(13), byte(14), byte(15)
            ))
    }

    init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.init(bytes.reduce(0 as UInt128) { $0 << 8 | UInt128($1) })
    }

    var bytes: [UInt8] { withUnsafeBytes(of: self.uuid) { Array($0) } }
}

extension PostgresValue {
    static func uuid(_ id: UUID) -> PostgresValue {
        .uuid(id.bytes.reduce(0 as UInt128) { $0 << 8 | UInt128($1) })
    }

    static func uuid(_ id: UUID?) -> PostgresValue {
        guard let id else { return .null }
        return .uuid(id)
    }
}
