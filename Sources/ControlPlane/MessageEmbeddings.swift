package import FoundationEssentials
import Postgres

/// A row of `message_embeddings`, without the vectors.
package struct MessageEmbedding: TableRow, Identified {
    static package let columns = [
        "id", "message_id", "embedding_model", "thread_id", "organization_id", "user_id", "created_at",
    ]

    package let id: UUID
    package let messageID: UUID
    package let embeddingModel: String
    package let threadID: UUID?
    package let organizationID: UUID?
    package let userID: String
    package let createdAt: WallTime

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.messageID = reader.uuid()
        self.embeddingModel = reader.text()
        self.threadID = reader.optionalUUID()
        self.organizationID = reader.optionalUUID()
        self.userID = reader.text()
        self.createdAt = reader.time()
    }
}

/// Where messages are searched. Every scope holds only what the caller sees.
package enum MessageScope: Hashable, Sendable {
    case thread(UUID)
    /// The caller's own messages in the organization.
    case own(in: UUID)
}

/// Which of a message's vectors is compared.
package enum MessagePart: Sendable {
    case content
    case tools

    fileprivate var function: String {
        switch self {
        case .content: "control_search_messages"
        case .tools: "control_search_message_tools"
        }
    }
}

extension ControlOperations {
    /// Stores the vectors of a message of the caller, in place of earlier ones.
    ///
    /// - Parameter tools: of the same model as `content`.
    package func setMessageEmbedding(
        _ caller: Caller, of message: UUID, content: Embedding, tools: Embedding? = nil
    ) async throws -> MessageEmbedding {
        guard tools.map({ $0.model.utf8.elementsEqual(content.model.utf8) }) ?? true else {
            throw ControlPlaneError.badRequest("the vectors of a message are of one model")
        }
        return try await self.write(caller) { transaction in
            let found = try transaction.requireMessage(message)
            guard found.userID.utf8.elementsEqual(caller.userID.utf8) else {
                throw ControlPlaneError.forbidden("only its author may embed a message")
            }
            try transaction.lockScope(of: found.organizationID)
            let made: MessageEmbedding? = try transaction.first(
                """
                INSERT INTO message_embeddings AS e (message_id, content_embedding, tool_embedding, embedding_model,
                  thread_id, organization_id, user_id)
                SELECT m.id, $3, $4, $5, m.thread_id, m.organization_id, m.user_id
                FROM messages AS m WHERE m.id = $2 AND m.user_id = $1
                ON CONFLICT (message_id) DO UPDATE SET content_embedding = excluded.content_embedding,
                  tool_embedding = excluded.tool_embedding, embedding_model = excluded.embedding_model,
                  created_at = now()
                RETURNING \(MessageEmbedding.columns(of: "e"))
                """,
                [
                    .uuid(message), content.parameter, tools?.parameter ?? .null, try content.modelParameter,
                ])
            guard let made else { throw ControlPlaneError.notFound("there is no such message") }
            _ = try transaction.session.execute(
                "UPDATE messages SET embedding_id = $2 WHERE id = $1 AND embedding_id IS DISTINCT FROM $2",
                [.uuid(message), .uuid(made.id)])
            return made
        }
    }

    /// The messages nearest to a vector, nearest first.
    package func searchMessages(
        _ caller: Caller, for query: Embedding, in scope: MessageScope, by part: MessagePart = .content, limit: Int = 10
    ) async throws -> [Found<Message>] {
        try await self.read(caller) { transaction in
            let (user, organization, thread): (PostgresValue, PostgresValue, PostgresValue)
            switch scope {
            case .thread(let id):
                _ = try transaction.requireThread(id)
                (user, organization, thread) = (.null, .null, .uuid(id))
            case .own(let id):
                try transaction.requireMember(of: id)
                (user, organization, thread) = (.text(caller.userID), .uuid(id), .null)
            }
            try transaction.requireVectorSearch(limit: limit)
            // The second condition says again what the scope says: rows that were imported may know better.
            return try transaction.found(
                """
                SELECT \(Message.columns(of: "m")), s.distance
                FROM \(part.function)($2, $3, $4, $5, $6, $7) AS s JOIN messages AS m ON m.id = s.id
                WHERE \(Sees.message("m"))
                ORDER BY s.distance, s.id
                """, [query.parameter, try query.modelParameter, .int4(Int32(limit)), user, organization, thread])
        }
    }
}

extension CallerTransaction {
    /// Rows with a distance behind their columns.
    func found<Row: TableRow>(_ sql: String, _ parameters: [PostgresValue]) throws(PostgresError) -> [Found<Row>] {
        try self.execute(sql, parameters).map { row in
            var reader = RowReader(row)
            return Found(item: Row(&reader), distance: reader.double())
        }
    }
}
