import ControlPlane
import HTTPTypes
import Nostr

extension Shapes {
    static let knowledge = Shape<Knowledge>(
        "Knowledge", .uuid("id", \.id), .text("title", \.title), .text("content", \.content),
        .text("embedding_model", \.embeddingModel), .words("tags", \.tags), .text("source", \.source),
        .text("user_id", \.userID), .uuid("organization_id", \.organizationID), .uuid("project_id", \.projectID),
        .time("created_at", \.createdAt))

    static let foundKnowledge = Shape<Found<Knowledge>>(
        "FoundKnowledge", .row("knowledge", knowledge, \.item), .number("distance", \.distance))

    static let agent = Shape<Agent>(
        "Agent", .uuid("id", \.id), .text("slug", \.slug), .text("name", \.name), .text("description", \.description),
        .text("system_prompt", \.systemPrompt), .text("model_id", \.modelID), .integer("sort_order", \.sortOrder),
        .boolean("is_default", \.isDefault), .time("created_at", \.createdAt), .time("updated_at", \.updatedAt),
        .boolean("requires_github", \.requiresGitHub), .boolean("requires_repo", \.requiresRepo),
        .boolean("supports_tools", \.supportsTools), .word("agent_type", \.agentType))
}

/// A question by meaning.
enum SearchFields {
    /// Which of a message's vectors is compared.
    enum Part: String, CaseIterable, Sendable {
        case content, tools

        var part: MessagePart {
            switch self {
            case .content: .content
            case .tools: .tools
            }
        }
    }

    static let embedding = Field("embedding", .vector)
    static let model = Field("embedding_model", .text(1...255), "Vectors of different models are never compared.")
    static let limit = Field("limit", .integer(1...100), "10 unless given.")
    static let part = Field<Part>("part", .choice, "content unless given.")
}

private enum KnowledgeFields {
    static let title = Field("title", .text)
    static let content = Field("content", .text)
    static let tags = Field("tags", .words)
    static let source = Field("source", .text)
}

private enum AgentFields {
    static let slug = Field("slug", .text(1...64))
    static let name = Field("name", .text(1...200))
    static let description = Field("description", .text)
    static let systemPrompt = Field("system_prompt", .text)
    static let modelID = Field("model_id", .text(0...255))
    static let sortOrder = Field("sort_order", .integer(Int64(Int32.min)...Int64(Int32.max)))
    static let isDefault = Field("is_default", .boolean)
    static let requiresGitHub = Field("requires_github", .boolean)
    static let requiresRepo = Field("requires_repo", .boolean)
    static let supportsTools = Field("supports_tools", .boolean)
    static let agentType = Field<Agent.Kind>("agent_type", .choice)
}

extension RouteTable {
    private static let oneKnowledge = Shown("knowledge", Shapes.knowledge)
    private static let agent = Shown("agent", Shapes.agent)

    static let knowledge: [Route] = [
        .list(
            "/knowledge", "listKnowledge",
            "Knowledge of a project, of an organization, or the caller's own; newest first.", oneKnowledge,
            query: CommonFields.scope
        ) { try await $0.plane.listKnowledge($0.caller, in: $0.scope, page: $0.page) },
        .create(
            "/knowledge", "createKnowledge", "Stores knowledge with the vector that the caller made of it.",
            oneKnowledge,
            BodyShape(
                "KnowledgeCreation", KnowledgeFields.content.required, SearchFields.embedding.required,
                SearchFields.model.required, KnowledgeFields.title.optional, KnowledgeFields.tags.optional,
                KnowledgeFields.source.optional, CommonFields.organizationID.optional, CommonFields.projectID.optional),
            errors: [.notFound]
        ) { exchange in
            let body = exchange.body
            var draft = KnowledgeDraft(
                content: try body.required(KnowledgeFields.content),
                embedding: try Embedding(
                    body.required(SearchFields.embedding), model: body.required(SearchFields.model)))
            draft.title = try body.optional(KnowledgeFields.title)
            draft.tags = try body.optional(KnowledgeFields.tags)
            draft.source = try body.optional(KnowledgeFields.source)
            draft.organizationID = try body.optional(CommonFields.organizationID)
            draft.projectID = try body.optional(CommonFields.projectID)
            return try await exchange.plane.createKnowledge(exchange.caller, draft, once: exchange.idempotencyKey)
        },
        .search(
            "/knowledge/search", "searchKnowledge", "The knowledge nearest to a vector, nearest first.",
            Shown("found", Shapes.foundKnowledge, with: Shapes.knowledge.schema),
            BodyShape(
                "KnowledgeSearch", SearchFields.embedding.required, SearchFields.model.required,
                CommonFields.organizationID.optional, CommonFields.projectID.optional, SearchFields.limit.optional)
        ) { exchange in
            let body = exchange.body
            return try await exchange.plane.searchKnowledge(
                exchange.caller,
                for: Embedding(body.required(SearchFields.embedding), model: body.required(SearchFields.model)),
                in: Scope(
                    organization: body.optional(CommonFields.organizationID),
                    project: body.optional(CommonFields.projectID)),
                limit: body.optional(SearchFields.limit) ?? 10)
        },
        .get("/knowledge/{id}", "getKnowledge", "A piece of knowledge.", oneKnowledge) {
            try await $0.plane.knowledge($0.caller, $0.id())
        },
        .change(
            "/knowledge/{id}", "updateKnowledge", "Changes what is said about knowledge, never its content.",
            oneKnowledge,
            BodyShape(
                "KnowledgeChange", KnowledgeFields.title.optional, KnowledgeFields.tags.optional,
                KnowledgeFields.source.optional)
        ) { exchange in
            var changes = KnowledgeChanges()
            changes.title = try exchange.body.patch(KnowledgeFields.title)
            changes.tags = try exchange.body.patch(KnowledgeFields.tags)
            changes.source = try exchange.body.patch(KnowledgeFields.source)
            return try await exchange.plane.updateKnowledge(exchange.caller, exchange.id(), changes)
        },
        .act(.delete, "/knowledge/{id}", "deleteKnowledge", "Deletes knowledge.") {
            try await $0.plane.deleteKnowledge($0.caller, $0.id())
        },
    ]

    static let agents: [Route] = [
        .list("/agents", "listAgents", "Every agent, by sort_order and slug.", Shown("agents", Shapes.agent)) {
            try await $0.plane.listAgents($0.caller, page: $0.page)
        },
        .create(
            "/agents", "createAgent", "Makes an agent. For operators.", agent,
            BodyShape(
                "AgentCreation", AgentFields.slug.required, AgentFields.name.required,
                AgentFields.description.optional, AgentFields.systemPrompt.optional, AgentFields.modelID.optional,
                AgentFields.sortOrder.optional, AgentFields.isDefault.optional, AgentFields.requiresGitHub.optional,
                AgentFields.requiresRepo.optional, AgentFields.supportsTools.optional, AgentFields.agentType.optional),
            errors: [.forbidden, .conflict]
        ) { exchange in
            let body = exchange.body
            var draft = AgentDraft(slug: try body.required(AgentFields.slug), name: try body.required(AgentFields.name))
            draft.description = try body.optional(AgentFields.description) ?? ""
            draft.systemPrompt = try body.optional(AgentFields.systemPrompt) ?? ""
            draft.modelID = try body.optional(AgentFields.modelID)
            draft.sortOrder = Int32(try body.optional(AgentFields.sortOrder) ?? 0)
            draft.isDefault = try body.optional(AgentFields.isDefault) ?? false
            draft.requiresGitHub = try body.optional(AgentFields.requiresGitHub) ?? false
            draft.requiresRepo = try body.optional(AgentFields.requiresRepo) ?? false
            draft.supportsTools = try body.optional(AgentFields.supportsTools) ?? false
            draft.agentType = try body.optional(AgentFields.agentType)
            return try await exchange.plane.createAgent(exchange.caller, draft, once: exchange.idempotencyKey)
        },
        .get("/agents/{slug}", "getAgent", "An agent.", agent) {
            try await $0.plane.agent($0.caller, $0.parameter("slug"))
        },
        .change(
            "/agents/{slug}", "updateAgent", "Changes an agent. For operators.", agent,
            BodyShape(
                "AgentChange", AgentFields.name.optional, AgentFields.description.optional,
                AgentFields.systemPrompt.optional, AgentFields.modelID.optional, AgentFields.sortOrder.optional,
                AgentFields.isDefault.optional, AgentFields.requiresGitHub.optional, AgentFields.requiresRepo.optional,
                AgentFields.supportsTools.optional, AgentFields.agentType.optional),
            errors: [.forbidden, .conflict]
        ) { exchange in
            let body = exchange.body
            var changes = AgentChanges()
            changes.name = try body.patch(AgentFields.name)
            changes.description = try body.patch(AgentFields.description)
            changes.systemPrompt = try body.patch(AgentFields.systemPrompt)
            changes.modelID = try body.patch(AgentFields.modelID)
            changes.sortOrder = try body.patch(AgentFields.sortOrder).map { Int32($0) }
            changes.isDefault = try body.patch(AgentFields.isDefault)
            changes.requiresGitHub = try body.patch(AgentFields.requiresGitHub)
            changes.requiresRepo = try body.patch(AgentFields.requiresRepo)
            changes.supportsTools = try body.patch(AgentFields.supportsTools)
            changes.agentType = try body.patch(AgentFields.agentType)
            return try await exchange.plane.updateAgent(exchange.caller, exchange.parameter("slug"), changes)
        },
        .act(
            .delete, "/agents/{slug}", "deleteAgent", "Deletes an agent. For operators; threads keep its slug.",
            errors: [.forbidden]
        ) { try await $0.plane.deleteAgent($0.caller, $0.parameter("slug")) },
    ]
}

extension Patch {
    fileprivate func map<Other>(_ convert: (Value) -> Other) -> Patch<Other> {
        switch self {
        case .keep: .keep
        case .clear: .clear
        case .set(let value): .set(convert(value))
        }
    }
}
