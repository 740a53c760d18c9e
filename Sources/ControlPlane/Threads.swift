package import FoundationEssentials
import Postgres

/// A row of `threads`.
package struct ChatThread: TableRow, Identified {
    static package let columns = [
        "id", "chat_id", "user_id", "organization_id", "project_id", "agent_slug", "metadata", "is_archived",
        "created_at", "updated_at", "is_shared",
    ]

    package let id: UUID
    package let chatID: String
    /// The author.
    package let userID: String
    package let organizationID: UUID?
    package let projectID: UUID?
    package let agentSlug: String?
    package let metadata: JSONDocument?
    package let isArchived: Bool
    package let createdAt: WallTime
    package let updatedAt: WallTime
    package let isShared: Bool

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.chatID = reader.text()
        self.userID = reader.text()
        self.organizationID = reader.optionalUUID()
        self.projectID = reader.optionalUUID()
        self.agentSlug = reader.optionalText()
        self.metadata = reader.json()
        self.isArchived = reader.bool()
        self.createdAt = reader.time()
        self.updatedAt = reader.time()
        self.isShared = reader.bool()
    }
}

/// What a new thread is made of.
package struct ThreadDraft: Sendable, Hashable {
    /// A fresh UUID unless given.
    package var chatID: String?
    package var organizationID: UUID?
    package var projectID: UUID?
    package var agentSlug: String?
    package var metadata: JSONDocument?
    package var isShared = false

    package init() {}
}

/// What changes in a thread; where it belongs never does.
package struct ThreadChanges: Sendable, Hashable {
    package var agentSlug: Patch<String> = .keep
    package var metadata: Patch<JSONDocument> = .keep
    package var isArchived: Patch<Bool> = .keep
    package var isShared: Patch<Bool> = .keep

    package init() {}
}

extension CallerTransaction {
    func visibleThread(_ id: UUID) throws -> ChatThread? {
        try self.first(
            "SELECT \(ChatThread.columns(of: "t")) FROM threads AS t WHERE t.id = $2 AND \(Sees.thread("t"))",
            [.uuid(id)])
    }

    func requireThread(_ id: UUID) throws -> ChatThread {
        guard let thread = try self.visibleThread(id) else {
            throw ControlPlaneError.notFound("there is no such thread")
        }
        return thread
    }

    /// A thread of the caller, which stays as it is until the commit.
    ///
    /// - Throws: NOT_FOUND for a thread that the caller does not see, FORBIDDEN for one that is shared with it.
    func lockOwnThread(_ id: UUID) throws -> ChatThread {
        let thread = try self.requireThread(id)
        guard thread.userID.utf8.elementsEqual(self.caller.userID.utf8) else {
            throw ControlPlaneError.forbidden("only its author may change a thread")
        }
        // A thread never changes its organization.
        try self.lockScope(of: thread.organizationID)
        let locked = try self.execute(
            "SELECT FROM threads WHERE id = $2 AND user_id = $1 FOR NO KEY UPDATE", [.uuid(id)])
        guard locked.count == 1 else { throw ControlPlaneError.notFound("there is no such thread") }
        return thread
    }
}

extension ControlOperations {
    package func createThread(
        _ caller: Caller, _ draft: ThreadDraft, once key: IdempotencyKey? = nil
    ) async throws -> ChatThread {
        try await self.create(caller, "thread", once: key) {
            try $0.visibleThread($1)
        } _: { transaction in
            let place = try transaction.place(project: draft.projectID, organization: draft.organizationID)
            let made: ChatThread? = try transaction.first(
                """
                INSERT INTO threads AS t (chat_id, user_id, organization_id, project_id, agent_slug, metadata, is_shared)
                VALUES (coalesce($2, gen_random_uuid()::text), $1, $3, $4, $5, $6, $7)
                RETURNING \(ChatThread.columns(of: "t"))
                """,
                [
                    try Input.text(draft.chatID, "chat_id"), .uuid(place.organizationID), .uuid(place.projectID),
                    try Input.text(draft.agentSlug, "agent_slug"), Input.json(draft.metadata), .bool(draft.isShared),
                ])
            guard let made else { preconditionFailure("INSERT returns its row") }
            return made
        }
    }

    /// Threads that the caller sees, the last changed first.
    package func listThreads(
        _ caller: Caller, in scope: Scope = .own, archived: Bool = false, page: PageRequest = .first
    ) async throws -> Page<ChatThread> {
        try await self.read(caller) { transaction in
            let condition = try transaction.condition(of: scope, on: "t")
            return try transaction.page(
                page,
                """
                SELECT \(ChatThread.columns(of: "t")) FROM threads AS t
                WHERE \(condition.sql) AND t.is_archived = $3 AND \(Sees.thread("t"))
                """, [condition.parameter, .bool(archived)],
                by: Keyset(time: "t.updated_at", id: "t.id", order: .newestFirst)
            ) { ($0.updatedAt, $0.id) }
        }
    }

    package func thread(_ caller: Caller, _ id: UUID) async throws -> ChatThread {
        try await self.read(caller) { try $0.requireThread(id) }
    }

    /// For the author.
    package func updateThread(_ caller: Caller, _ id: UUID, _ changes: ThreadChanges) async throws -> ChatThread {
        try await self.write(caller) { transaction in
            _ = try transaction.lockOwnThread(id)
            var set = Assignments(toRow: id)
            try set.assign("agent_slug", changes.agentSlug) { try Input.text($0, "agent_slug") }
            set.assign("metadata", changes.metadata) { Input.json($0) }
            try set.require("is_archived", changes.isArchived) { .bool($0) }
            try set.require("is_shared", changes.isShared) { .bool($0) }
            if !set.isEmpty { set.also("updated_at = now()") }
            try transaction.session.update("threads", set: set)
            return try transaction.requireThread(id)
        }
    }

    /// Deletes the thread with its messages, their embeddings and its links to issues. For the author.
    package func deleteThread(_ caller: Caller, _ id: UUID) async throws {
        try await self.write(caller) { transaction in
            _ = try transaction.lockOwnThread(id)
            _ = try transaction.session.execute("DELETE FROM threads WHERE id = $1", [.uuid(id)])
        }
    }
}
