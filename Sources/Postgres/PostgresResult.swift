import CLibPQ

/// The answer to a statement, copied out of libpq: a value that may travel.
package struct PostgresResult: Sendable {
    /// Name and type OID, in order.
    package let columns: [Column]
    /// Rows returned.
    package let count: Int
    /// Rows inserted, updated, deleted, copied or returned, by the command tag.
    package let affectedRows: Int
    /// Where each cell's bytes are, row by row; a NULL has a negative length.
    private let cells: [(start: Int, length: Int)]
    private let bytes: [UInt8]

    package struct Column: Equatable, Sendable {
        package let name: String
        package let oid: UInt32
    }

    /// Copies a result in binary format.
    init(copying result: OpaquePointer) {
        let width = PQnfields(result)
        let count = PQntuples(result)
        self.columns = (0..<width).map { column in
            Column(name: PQfname(result, column).map { String(cString: $0) } ?? "", oid: PQftype(result, column))
        }
        self.count = Int(count)
        self.affectedRows = PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
        var cells: [(start: Int, length: Int)] = []
        var bytes: [UInt8] = []
        cells.reserveCapacity(Int(width) * Int(count))
        for row in 0..<count {
            for column in 0..<width {
                guard PQgetisnull(result, row, column) == 0 else {
                    cells.append((bytes.count, -1))
                    continue
                }
                let length = Int(PQgetlength(result, row, column))
                cells.append((bytes.count, length))
                bytes.append(contentsOf: UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: length))
            }
        }
        self.cells = cells
        self.bytes = bytes
    }

    /// The first row, or nil.
    package var first: PostgresRow? { self.count > 0 ? PostgresRow(result: self, index: 0) : nil }

    package subscript(row: Int) -> PostgresRow {
        precondition((0..<self.count).contains(row), "Row \(row) of \(self.count)")
        return PostgresRow(result: self, index: row)
    }

    fileprivate func cell(row: Int, column: Int) -> PostgresCell {
        precondition(self.columns.indices.contains(column), "Column \(column) of \(self.columns.count)")
        let cell = self.cells[row * self.columns.count + column]
        let bytes = cell.length < 0 ? nil : self.bytes[cell.start..<cell.start + cell.length]
        return PostgresCell(raw: bytes, column: self.columns[column])
    }
}

extension PostgresResult: RandomAccessCollection {
    package var startIndex: Int { 0 }
    package var endIndex: Int { self.count }
}

/// One row; `row[0]` is its first cell.
package struct PostgresRow: Sendable {
    fileprivate let result: PostgresResult
    fileprivate let index: Int

    package var count: Int { self.result.columns.count }

    package subscript(column: Int) -> PostgresCell {
        self.result.cell(row: self.index, column: column)
    }

    /// By name; a name that the statement does not return is our bug.
    package subscript(name: String) -> PostgresCell {
        guard let column = self.result.columns.firstIndex(where: { $0.name == name }) else {
            preconditionFailure("No column \(name)")
        }
        return self[column]
    }
}
