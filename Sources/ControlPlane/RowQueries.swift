import FoundationEssentials
import Postgres

/// The order of a list, and with it the form of its cursor.
struct Keyset {
    enum Order {
        case newestFirst
        case oldestFirst
    }

    /// `timestamptz NOT NULL`.
    let time: String
    let id: String
    let order: Order

    /// Rows behind the one whose key is in two parameters, the first of that number. Ties are in order of the id.
    fileprivate func condition(from parameter: Int) -> String {
        let (time, id) = ("$\(parameter)", "$\(parameter + 1)")
        switch self.order {
        case .newestFirst: return "(\(self.time) <= \(time) AND (\(self.time) < \(time) OR \(self.id) > \(id)))"
        case .oldestFirst: return "(\(self.time), \(self.id)) > (\(time), \(id))"
        }
    }

    fileprivate var sql: String {
        switch self.order {
        case .newestFirst: "\(self.time) DESC, \(self.id)"
        case .oldestFirst: "\(self.time), \(self.id)"
        }
    }
}

/// Statements that return rows of a table; they begin with the row's own columns.
extension PostgresSession {
    func first<Row: TableRow>(_ sql: String, _ parameters: [PostgresValue]) throws(PostgresError) -> Row? {
        try self.execute(sql, parameters).first.map { row in
            var reader = RowReader(row)
            return Row(&reader)
        }
    }

    /// A page of a list by time.
    ///
    /// - Parameters:
    ///   - select: `SELECT … FROM … WHERE …`; a condition is added to it.
    ///   - key: the row's place in the list.
    func page<Row: TableRow>(
        _ request: PageRequest, _ select: String, _ parameters: [PostgresValue], by keyset: Keyset,
        key: (Row) -> (WallTime, UUID)
    ) throws -> Page<Row> {
        var sql = select
        var parameters = parameters
        if let cursor = request.cursor {
            sql += " AND " + keyset.condition(from: parameters.count + 1)
            parameters += try cursor.timeAndID()
        }
        return try self.page(request, sql + " ORDER BY " + keyset.sql, parameters) { row in
            let (time, id) = key(row)
            return Cursor(time, id)
        }
    }

    /// A page of a statement that has its order; one row more than asked for tells whether there is another page.
    func page<Row: TableRow>(
        _ request: PageRequest, _ ordered: String, _ parameters: [PostgresValue], cursor: (Row) -> Cursor
    ) throws(PostgresError) -> Page<Row> {
        let result = try self.execute(
            ordered + " LIMIT $\(parameters.count + 1)", parameters + [.int8(Int64(request.limit) + 1)])
        let items = result.prefix(request.limit).map { row in
            var reader = RowReader(row)
            return Row(&reader)
        }
        return Page(items: items, next: result.count > items.count ? items.last.map(cursor) : nil)
    }
}

extension PostgresValue {
    /// Text that was checked where it came in.
    static func optional(_ text: String?) -> PostgresValue {
        text.map { .text($0) } ?? .null
    }

    static func integer(_ value: Int?) -> PostgresValue {
        value.map { .int8(Int64($0)) } ?? .null
    }
}
