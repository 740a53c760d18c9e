package import FoundationEssentials
import Postgres

extension ControlOperations {
    /// Links an issue with a thread, both of which the caller sees; a link that is there stays.
    package func linkThread(_ caller: Caller, _ thread: UUID, to issue: UUID) async throws {
        try await self.write(caller) { transaction in
            try transaction.lockScope(of: transaction.requireIssue(issue).organizationID)
            try transaction.lockScope(of: transaction.requireThread(thread).organizationID)
            _ = try transaction.session.execute(
                """
                INSERT INTO issue_threads (issue_id, thread_id) VALUES ($1, $2)
                ON CONFLICT (issue_id, thread_id) DO NOTHING
                """, [.uuid(issue), .uuid(thread)])
        }
    }

    /// Unlinks a thread from an issue that the caller sees; a link that is not there is no error.
    package func unlinkThread(_ caller: Caller, _ thread: UUID, from issue: UUID) async throws {
        try await self.write(caller) { transaction in
            try transaction.lockScope(of: transaction.requireIssue(issue).organizationID)
            _ = try transaction.session.execute(
                "DELETE FROM issue_threads WHERE issue_id = $1 AND thread_id = $2", [.uuid(issue), .uuid(thread)])
        }
    }

    /// The threads of an issue that the caller sees, the last changed first.
    package func listThreads(
        _ caller: Caller, of issue: UUID, page: PageRequest = .first
    ) async throws -> Page<ChatThread> {
        try await self.read(caller) { transaction in
            _ = try transaction.requireIssue(issue)
            return try transaction.page(
                page,
                """
                SELECT \(ChatThread.columns(of: "t"))
                FROM issue_threads AS l JOIN threads AS t ON t.id = l.thread_id
                WHERE l.issue_id = $2 AND \(Sees.thread("t"))
                """, [.uuid(issue)], by: Keyset(time: "t.updated_at", id: "t.id", order: .newestFirst)
            ) { ($0.updatedAt, $0.id) }
        }
    }
}
