package import FoundationEssentials
import Postgres

/// Who speaks in a message.
package enum MessageRole: String, CaseIterable, Sendable {
    case system
    case developer
    case user
    case assistant
    case tool
    case data
}

/// A row of `messages`.
package struct Message: TableRow, Identified {
    static package let columns = [
        "id", "thread_id", "user_id", "organization_id", "project_id", "external_id", "role", "content", "created_at",
        "tool_invocations", "parts_json", "annotations_json", "finish_reason", "input_tokens", "output_tokens",
        "total_tokens", "cost_usd::text", "model_id", "embedding_id",
    ]

    package let id: UUID
    package let threadID: UUID?
    package let userID: String
    package let organizationID: UUID?
    package let projectID: UUID?
    package let externalID: String?
    package let role: MessageRole
    package let content: String
    package let createdAt: WallTime
    package let toolInvocations: JSONDocument?
    package let partsJSON: JSONDocument?
    package let annotationsJSON: JSONDocument?
    package let finishReason: String?
    package let inputTokens: Int?
    package let outputTokens: Int?
    package let totalTokens: Int?
    package let costUSD: Decimal?
    package let modelID: String?
    package let embeddingID: UUID?

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.threadID = reader.optionalUUID()
        self.userID = reader.text()
        self.organizationID = reader.optionalUUID()
        self.projectID = reader.optionalUUID()
        self.externalID = reader.optionalText()
        self.role = reader.word()
        self.content = reader.text()
        self.createdAt = reader.time()
        self.toolInvocations = reader.json()
        self.partsJSON = reader.json()
        self.annotationsJSON = reader.json()
        self.finishReason = reader.optionalText()
        self.inputTokens = reader.optionalInt()
        self.outputTokens = reader.optionalInt()
        self.totalTokens = reader.optionalInt()
        self.costUSD = reader.optionalDecimal()
        self.modelID = reader.optionalText()
        self.embeddingID = reader.optionalUUID()
    }
}

/// What a new message is made of.
package struct MessageDraft: Sendable, Hashable {
    package var role: MessageRole
    package var content: String
    /// The client's own id; the same one with the same role and content is the same message.
    package var externalID: String?
    package var toolInvocations: JSONDocument?
    package var partsJSON: JSONDocument?
    package var annotationsJSON: JSONDocument?
    package var finishReason: String?
    package var inputTokens: Int?
    package var outputTokens: Int?
    package var totalTokens: Int?
    /// Ten digits behind the point are kept.
    package var costUSD: Decimal?
    package var modelID: String?

    package init(role: MessageRole, content: String) {
        self.role = role
        self.content = content
    }
}

extension CallerTransaction {
    func visibleMessage(_ id: UUID) throws -> Message? {
        try self.first(
            "SELECT \(Message.columns(of: "m")) FROM messages AS m WHERE m.id = $2 AND \(Sees.message("m"))",
            [.uuid(id)])
    }

    func requireMessage(_ id: UUID) throws -> Message {
        guard let message = try self.visibleMessage(id) else {
            throw ControlPlaneError.notFound("there is no such message")
        }
        return message
    }

    /// The message of a locked thread that a client sent before.
    ///
    /// - Throws: CONFLICT when it sent other words under the same id.
    fileprivate func earlier(_ draft: MessageDraft, in thread: UUID) throws -> Message? {
        guard let externalID = draft.externalID else { return nil }
        let found: Message? = try self.first(
            """
            SELECT \(Message.columns(of: "m")) FROM messages AS m
            WHERE m.thread_id = $2 AND m.external_id = $3
            """, [.uuid(thread), try Input.text(externalID, "external_id")])
        guard let found else { return nil }
        guard found.role == draft.role, found.content.utf8.elementsEqual(draft.content.utf8) else {
            throw ControlPlaneError.conflict("another message has this external id")
        }
        return found
    }
}

extension ControlOperations {
    /// Adds a message to a thread of the caller, which is then the last changed.
    ///
    /// The organization and the project are the thread's. The time is read under the thread's lock, so that messages
    /// are listed in the order in which they were committed.
    package func createMessage(
        _ caller: Caller, in thread: UUID, _ draft: MessageDraft, once key: IdempotencyKey? = nil
    ) async throws -> Message {
        try await self.create(caller, "message", once: key) {
            try $0.visibleMessage($1)
        } _: { transaction -> Message in
            _ = try transaction.lockOwnThread(thread)
            if let earlier = try transaction.earlier(draft, in: thread) { return earlier }
            let made: Message? = try transaction.first(
                """
                INSERT INTO messages AS m (thread_id, user_id, organization_id, project_id, external_id, role, content,
                  created_at, tool_invocations, parts_json, annotations_json, finish_reason, input_tokens,
                  output_tokens, total_tokens, cost_usd, model_id)
                SELECT t.id, $1, t.organization_id, t.project_id, $3, $4, $5,
                  clock_timestamp(), $6, $7, $8, $9, $10, $11, $12, $13::text::numeric, $14
                FROM threads AS t WHERE t.id = $2
                RETURNING \(Message.columns(of: "m"))
                """,
                [
                    .uuid(thread), try Input.text(draft.externalID, "external_id"), .text(draft.role.rawValue),
                    try Input.text(draft.content, "content"), Input.json(draft.toolInvocations),
                    Input.json(draft.partsJSON), Input.json(draft.annotationsJSON),
                    try Input.text(draft.finishReason, "finish_reason"), .integer(draft.inputTokens),
                    .integer(draft.outputTokens), .integer(draft.totalTokens),
                    .optional(draft.costUSD.map(\.description)), try Input.text(draft.modelID, "model_id"),
                ])
            guard let made else { preconditionFailure("The thread is locked") }
            try transaction.execute(
                "UPDATE threads SET updated_at = now() WHERE id = $2 AND user_id = $1", [.uuid(thread)])
            return made
        }
    }

    /// The messages of a thread, oldest first.
    package func listMessages(
        _ caller: Caller, in thread: UUID, page: PageRequest = .first
    ) async throws -> Page<Message> {
        try await self.read(caller) { transaction in
            _ = try transaction.requireThread(thread)
            return try transaction.page(
                page, "SELECT \(Message.columns(of: "m")) FROM messages AS m WHERE m.thread_id = $2",
                [.uuid(thread)], by: Keyset(time: "m.created_at", id: "m.id", order: .oldestFirst)
            ) { ($0.createdAt, $0.id) }
        }
    }

    package func message(_ caller: Caller, _ id: UUID) async throws -> Message {
        try await self.read(caller) { try $0.requireMessage(id) }
    }
}
