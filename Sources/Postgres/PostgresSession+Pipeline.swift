import CLibPQ

extension PostgresSession {
    /// Sends all statements at once and reads all answers: one round trip. COPY is not allowed in it.
    ///
    /// The statements are one transaction unless one is open already: the first error undoes and skips the rest, wins,
    /// and leaves the connection clean.
    package func pipeline(
        _ statements: [PostgresStatement], deadline: Duration? = nil
    ) throws(PostgresError) -> [PostgresResult] {
        guard !statements.isEmpty else { return [] }
        let deadline = ContinuousClock.now + (deadline ?? Self.defaultDeadline)
        do throws(PostgresError) {
            return try self.pipelineOnce(statements, by: deadline)
        } catch {
            guard error.category == .staleStatement, !self.isInTransaction else { throw error }
            return try self.pipelineOnce(statements, by: deadline)
        }
    }

    /// What an answer in the pipeline belongs to.
    private enum Step {
        case prepare(StatementCache.Key, name: String)
        case execute(StatementCache.Key, name: String)
    }

    private func pipelineOnce(
        _ statements: [PostgresStatement], by deadline: LibPQHandle.Deadline
    ) throws(PostgresError) -> [PostgresResult] {
        let connection = try self.handle.pointer
        guard PQenterPipelineMode(connection) == 1 else { throw self.handle.failure() }
        let answers: Answers
        do throws(PostgresError) {
            let steps = try self.send(statements, on: connection, by: deadline)
            answers = try self.receive(steps, by: deadline)
        } catch {
            // Half a pipeline cannot be left in any other way.
            self.close()
            throw error
        }
        guard PQexitPipelineMode(connection) == 1 else {
            self.close()
            throw .unexpected(message: "the pipeline did not end")
        }
        if let failure = answers.failure {
            if !self.handle.isUsable { self.close() }
            throw failure
        }
        for (key, name) in answers.prepared { try self.remember(key, name, by: deadline) }
        return answers.results
    }

    private func send(
        _ statements: [PostgresStatement], on connection: OpaquePointer, by deadline: LibPQHandle.Deadline
    ) throws(PostgresError) -> [Step] {
        var steps: [Step] = []
        var pending: [StatementCache.Key: String] = [:]
        for statement in statements {
            let key = StatementCache.Key(sql: statement.sql, parameterOIDs: statement.parameters.map(\.oid))
            var name = self.statements.name(for: key) ?? pending[key]
            if name == nil {
                let fresh = self.statements.freshName()
                let oids = key.parameterOIDs
                try self.handle.check(sent: PQsendPrepare(connection, fresh, key.sql, Int32(oids.count), oids))
                steps.append(.prepare(key, name: fresh))
                pending[key] = fresh
                name = fresh
            }
            self.parameters.encode(statement.parameters)
            try self.handle.check(sent: self.parameters.send(connection, name ?? ""))
            steps.append(.execute(key, name: name ?? ""))
        }
        try self.handle.check(sent: PQpipelineSync(connection))
        return steps
    }

    private struct Answers {
        var results: [PostgresResult] = []
        /// Statements that now exist on the server.
        var prepared: [(StatementCache.Key, String)] = []
        var failure: PostgresError?
    }

    private func receive(_ steps: [Step], by deadline: LibPQHandle.Deadline) throws(PostgresError) -> Answers {
        var answers = Answers()
        for step in steps {
            while let result = try self.handle.nextResult(by: deadline) {
                defer { PQclear(result) }
                self.take(result, for: step, into: &answers)
            }
        }
        guard let sync = try self.handle.nextResult(by: deadline) else {
            throw answers.failure ?? self.handle.failure()
        }
        defer { PQclear(sync) }
        guard PQresultStatus(sync) == PGRES_PIPELINE_SYNC else { throw answers.failure ?? self.error(of: sync) }
        return answers
    }

    private func take(_ result: OpaquePointer, for step: Step, into answers: inout Answers) {
        switch (PQresultStatus(result), step) {
        case (PGRES_COMMAND_OK, .prepare(let key, let name)):
            answers.prepared.append((key, name))
        case (PGRES_COMMAND_OK, .execute), (PGRES_TUPLES_OK, .execute), (PGRES_EMPTY_QUERY, .execute):
            answers.results.append(PostgresResult(copying: result))
        case (PGRES_PIPELINE_ABORTED, _):
            break
        case (_, .prepare), (_, .execute):
            let error = self.error(of: result)
            answers.failure = answers.failure ?? error
            if case .execute(let key, let name) = step, error.category == .staleStatement {
                self.forget(key, name, after: error)
            }
        }
    }
}
