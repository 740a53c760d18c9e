import ControlPlane
import HTTPTypes
import Nostr

extension Shapes {
    static let thread = Shape<ChatThread>(
        "Thread", .uuid("id", \.id), .text("chat_id", \.chatID), .text("user_id", \.userID),
        .uuid("organization_id", \.organizationID), .uuid("project_id", \.projectID), .text("agent_slug", \.agentSlug),
        .document("metadata", \.metadata), .boolean("is_archived", \.isArchived), .time("created_at", \.createdAt),
        .time("updated_at", \.updatedAt), .boolean("is_shared", \.isShared))

    static let message = Shape<Message>(
        "Message", .uuid("id", \.id), .uuid("thread_id", \.threadID), .text("user_id", \.userID),
        .uuid("organization_id", \.organizationID), .uuid("project_id", \.projectID),
        .text("external_id", \.externalID), .word("role", \.role), .text("content", \.content),
        .time("created_at", \.createdAt), .document("tool_invocations", \.toolInvocations),
        .document("parts_json", \.partsJSON), .document("annotations_json", \.annotationsJSON),
        .text("finish_reason", \.finishReason), .integer("input_tokens", \.inputTokens),
        .integer("output_tokens", \.outputTokens), .integer("total_tokens", \.totalTokens),
        .decimal("cost_usd", \.costUSD), .text("model_id", \.modelID), .uuid("embedding_id", \.embeddingID))

    static let embedding = Shape<MessageEmbedding>(
        "MessageEmbedding", .uuid("id", \.id), .uuid("message_id", \.messageID),
        .text("embedding_model", \.embeddingModel), .uuid("thread_id", \.threadID),
        .uuid("organization_id", \.organizationID), .text("user_id", \.userID), .time("created_at", \.createdAt))

    static let foundMessage = Shape<Found<Message>>(
        "FoundMessage", .row("message", message, \.item), .number("distance", \.distance))
}

private enum ThreadFields {
    static let chatID = Field("chat_id", .text(1...255), "A fresh UUID unless given.")
    static let agentSlug = Field("agent_slug", .text(0...64))
    static let metadata = Field("metadata", .object)
    static let isShared = Field("is_shared", .boolean)
    static let isArchived = Field("is_archived", .boolean)
}

private enum MessageFields {
    static let role = Field<MessageRole>("role", .choice)
    static let content = Field("content", .text)
    static let externalID = Field("external_id", .text(1...255), "The client's own id: the same message is made once.")
    static let toolInvocations = Field("tool_invocations", .any)
    static let partsJSON = Field("parts_json", .any)
    static let annotationsJSON = Field("annotations_json", .any)
    static let finishReason = Field("finish_reason", .text(0...64))
    static let inputTokens = Field("input_tokens", .integer(0...Int64.max))
    static let outputTokens = Field("output_tokens", .integer(0...Int64.max))
    static let totalTokens = Field("total_tokens", .integer(0...Int64.max))
    static let costUSD = Field("cost_usd", .decimal, "Ten digits behind the point are kept.")
    static let modelID = Field("model_id", .text(0...255))
}

private enum MessageSearchFields {
    static let threadID = Field("thread_id", .uuid, "Either this, or `organization_id` for the caller's own there.")
    static let toolEmbedding = Field("tool_embedding", .vector)
}

extension RouteTable {
    private static let thread = Shown("thread", Shapes.thread)
    private static let message = Shown("message", Shapes.message)

    static let threads: [Route] = [
        .list(
            "/threads", "listThreads",
            "Threads of a project, of an organization, or the caller's own; the last changed first.",
            Shown("threads", Shapes.thread), query: CommonFields.scope + [CommonFields.archived.optional]
        ) {
            try await $0.plane.listThreads(
                $0.caller, in: $0.scope, archived: $0.query(CommonFields.archived) ?? false, page: $0.page)
        },
        .create(
            "/threads", "createThread", "Makes a thread of app chat.", thread,
            BodyShape(
                "ThreadCreation", ThreadFields.chatID.optional, CommonFields.organizationID.optional,
                CommonFields.projectID.optional, ThreadFields.agentSlug.optional, ThreadFields.metadata.optional,
                ThreadFields.isShared.optional),
            errors: [.notFound]
        ) { exchange in
            let body = exchange.body
            var draft = ThreadDraft()
            draft.chatID = try body.optional(ThreadFields.chatID)
            draft.organizationID = try body.optional(CommonFields.organizationID)
            draft.projectID = try body.optional(CommonFields.projectID)
            draft.agentSlug = try body.optional(ThreadFields.agentSlug)
            draft.metadata = try body.optional(ThreadFields.metadata)
            draft.isShared = try body.optional(ThreadFields.isShared) ?? false
            return try await exchange.plane.createThread(exchange.caller, draft, once: exchange.idempotencyKey)
        },
        .get("/threads/{id}", "getThread", "A thread.", thread) { try await $0.plane.thread($0.caller, $0.id()) },
        .change(
            "/threads/{id}", "updateThread", "Changes a thread. For its author.", thread,
            BodyShape(
                "ThreadChange", ThreadFields.agentSlug.optional, ThreadFields.metadata.optional,
                ThreadFields.isArchived.optional, ThreadFields.isShared.optional),
            errors: [.forbidden]
        ) { exchange in
            let body = exchange.body
            var changes = ThreadChanges()
            changes.agentSlug = try body.patch(ThreadFields.agentSlug)
            changes.metadata = try body.patch(ThreadFields.metadata)
            changes.isArchived = try body.patch(ThreadFields.isArchived)
            changes.isShared = try body.patch(ThreadFields.isShared)
            return try await exchange.plane.updateThread(exchange.caller, exchange.id(), changes)
        },
        .act(
            .delete, "/threads/{id}", "deleteThread", "Deletes a thread with its messages. For its author.",
            errors: [.forbidden]
        ) { try await $0.plane.deleteThread($0.caller, $0.id()) },
    ]

    static let messages: [Route] = [
        .list(
            "/threads/{id}/messages", "listMessages", "The messages of a thread, oldest first.",
            Shown("messages", Shapes.message)
        ) { try await $0.plane.listMessages($0.caller, in: $0.id(), page: $0.page) },
        .create(
            "/threads/{id}/messages", "createMessage", "Adds a message to a thread of the caller.", message,
            BodyShape(
                "MessageCreation", MessageFields.role.required, MessageFields.content.required,
                MessageFields.externalID.optional, MessageFields.toolInvocations.optional,
                MessageFields.partsJSON.optional, MessageFields.annotationsJSON.optional,
                MessageFields.finishReason.optional, MessageFields.inputTokens.optional,
                MessageFields.outputTokens.optional, MessageFields.totalTokens.optional,
                MessageFields.costUSD.optional, MessageFields.modelID.optional),
            errors: [.forbidden]
        ) { exchange in
            let body = exchange.body
            var draft = MessageDraft(
                role: try body.required(MessageFields.role), content: try body.required(MessageFields.content))
            draft.externalID = try body.optional(MessageFields.externalID)
            draft.toolInvocations = try body.optional(MessageFields.toolInvocations)
            draft.partsJSON = try body.optional(MessageFields.partsJSON)
            draft.annotationsJSON = try body.optional(MessageFields.annotationsJSON)
            draft.finishReason = try body.optional(MessageFields.finishReason)
            draft.inputTokens = try body.optional(MessageFields.inputTokens)
            draft.outputTokens = try body.optional(MessageFields.outputTokens)
            draft.totalTokens = try body.optional(MessageFields.totalTokens)
            draft.costUSD = try body.optional(MessageFields.costUSD)
            draft.modelID = try body.optional(MessageFields.modelID)
            return try await exchange.plane.createMessage(
                exchange.caller, in: exchange.id(), draft, once: exchange.idempotencyKey)
        },
        .get("/messages/{id}", "getMessage", "A message.", message) { try await $0.plane.message($0.caller, $0.id()) },
        .change(
            "/messages/{id}/embedding", "setMessageEmbedding",
            "Stores the vectors of a message, in place of earlier ones. For its author.",
            Shown("embedding", Shapes.embedding),
            BodyShape(
                "MessageEmbeddingContent", SearchFields.embedding.required, SearchFields.model.required,
                MessageSearchFields.toolEmbedding.optional),
            method: .put, errors: [.forbidden]
        ) { exchange in
            let model = try exchange.body.required(SearchFields.model)
            return try await exchange.plane.setMessageEmbedding(
                exchange.caller, of: exchange.id(),
                content: Embedding(exchange.body.required(SearchFields.embedding), model: model),
                tools: exchange.body.optional(MessageSearchFields.toolEmbedding).map { try Embedding($0, model: model) }
            )
        },
        .search(
            "/messages/search", "searchMessages", "The messages nearest to a vector, nearest first.",
            Shown("found", Shapes.foundMessage, with: Shapes.message.schema),
            BodyShape(
                "MessageSearch", SearchFields.embedding.required, SearchFields.model.required,
                MessageSearchFields.threadID.optional, CommonFields.organizationID.optional,
                SearchFields.part.optional, SearchFields.limit.optional)
        ) { exchange in
            let body = exchange.body
            let scope: MessageScope
            switch (try body.optional(MessageSearchFields.threadID), try body.optional(CommonFields.organizationID)) {
            case (let thread?, nil): scope = .thread(thread)
            case (nil, let organization?): scope = .own(in: organization)
            default: throw ControlPlaneError.badRequest("name a thread or an organization, not both")
            }
            return try await exchange.plane.searchMessages(
                exchange.caller,
                for: Embedding(body.required(SearchFields.embedding), model: body.required(SearchFields.model)),
                in: scope, by: body.optional(SearchFields.part)?.part ?? .content,
                limit: body.optional(SearchFields.limit) ?? 10)
        },
    ]
}
