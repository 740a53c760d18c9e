import CLibPQ

extension PostgresSession {
    /// libpq copies what it is given; pieces of this size keep its buffer small.
    private static let copyPieceBytes = 256 * 1024

    /// Sends bytes to a `COPY … FROM STDIN (FORMAT binary)`, as ``CopyEncoder`` makes them.
    ///
    /// - Returns: the number of rows.
    @discardableResult
    package func copyIn(_ sql: String, _ bytes: [UInt8], deadline: Duration? = nil) throws(PostgresError) -> Int {
        // The closure of withUnsafeBytes does not carry the type of the error out.
        let outcome: Result<Int, PostgresError> = bytes.withUnsafeBytes { bytes in
            do throws(PostgresError) {
                return .success(try self.copyIn(sql, bytes, deadline: deadline))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    /// Sends bytes to a `COPY … FROM STDIN`.
    @discardableResult
    package func copyIn(
        _ sql: String, _ bytes: UnsafeRawBufferPointer, deadline: Duration? = nil
    ) throws(PostgresError) -> Int {
        let deadline = ContinuousClock.now + (deadline ?? Self.defaultDeadline)
        let connection = try self.handle.pointer
        try self.handle.check(sent: PQsendQuery(connection, sql))
        try self.awaitCopy(by: deadline)
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.copyPieceBytes))
            rest = rest.dropFirst(piece.count)
            try self.put(piece, on: connection, by: deadline)
        }
        while true {
            let sent = PQputCopyEnd(connection, nil)
            if sent == 1 { break }
            guard sent == 0 else { throw self.handle.failure() }
            try self.handle.flush(by: deadline)
        }
        return try self.collect(by: deadline).affectedRows
    }

    /// The server's consent, or its refusal.
    private func awaitCopy(by deadline: LibPQHandle.Deadline) throws(PostgresError) {
        guard let result = try self.handle.nextResult(by: deadline) else { throw self.handle.failure() }
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        if status == PGRES_COPY_IN { return }
        let failure: PostgresError =
            status == PGRES_FATAL_ERROR
            ? self.error(of: result) : .unexpected(message: "the statement is not a COPY FROM STDIN")
        if status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH {
            self.close()
            throw failure
        }
        while let rest = try self.handle.nextResult(by: deadline) { PQclear(rest) }
        if !self.handle.isUsable { self.close() }
        throw failure
    }

    private func put(
        _ piece: UnsafeRawBufferPointer, on connection: OpaquePointer, by deadline: LibPQHandle.Deadline
    ) throws(PostgresError) {
        while true {
            let sent = piece.withMemoryRebound(to: CChar.self) {
                PQputCopyData(connection, $0.baseAddress, Int32($0.count))
            }
            if sent == 1 { break }
            guard sent == 0 else { throw self.handle.failure() }
            try self.handle.flush(by: deadline)
        }
        try self.handle.flush(by: deadline)
    }
}
