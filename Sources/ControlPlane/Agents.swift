package import FoundationEssentials
import Postgres

/// A row of `agents`.
package struct Agent: TableRow, Identified {
    package enum Kind: String, CaseIterable, Sendable {
        case assistant
        case coder
    }

    static package let columns = [
        "id", "slug", "name", "description", "system_prompt", "model_id", "sort_order", "is_default", "created_at",
        "updated_at", "requires_github", "requires_repo", "supports_tools", "agent_type",
    ]

    package let id: UUID
    package let slug: String
    package let name: String
    package let description: String
    package let systemPrompt: String
    package let modelID: String?
    package let sortOrder: Int
    package let isDefault: Bool
    package let createdAt: WallTime
    package let updatedAt: WallTime
    package let requiresGitHub: Bool
    package let requiresRepo: Bool
    package let supportsTools: Bool
    package let agentType: Kind?

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.slug = reader.text()
        self.name = reader.text()
        self.description = reader.text()
        self.systemPrompt = reader.text()
        self.modelID = reader.optionalText()
        self.sortOrder = reader.int()
        self.isDefault = reader.bool()
        self.createdAt = reader.time()
        self.updatedAt = reader.time()
        self.requiresGitHub = reader.bool()
        self.requiresRepo = reader.bool()
        self.supportsTools = reader.bool()
        self.agentType = reader.optionalWord()
    }
}

/// What a new agent is made of.
package struct AgentDraft: Sendable, Hashable {
    package var slug: String
    package var name: String
    package var description = ""
    package var systemPrompt = ""
    package var modelID: String?
    package var sortOrder: Int32 = 0
    package var isDefault = false
    package var requiresGitHub = false
    package var requiresRepo = false
    package var supportsTools = false
    package var agentType: Agent.Kind?

    package init(slug: String, name: String) {
        self.slug = slug
        self.name = name
    }
}

/// What changes in an agent; its slug never does.
package struct AgentChanges: Sendable, Hashable {
    package var name: Patch<String> = .keep
    package var description: Patch<String> = .keep
    package var systemPrompt: Patch<String> = .keep
    package var modelID: Patch<String> = .keep
    package var sortOrder: Patch<Int32> = .keep
    package var isDefault: Patch<Bool> = .keep
    package var requiresGitHub: Patch<Bool> = .keep
    package var requiresRepo: Patch<Bool> = .keep
    package var supportsTools: Patch<Bool> = .keep
    package var agentType: Patch<Agent.Kind> = .keep

    package init() {}
}

extension CallerTransaction {
    private static let select = "SELECT \(Agent.columns(of: "a")) FROM agents AS a WHERE"

    fileprivate func requireAgent(_ slug: String) throws -> Agent {
        let agent: Agent? = try self.first("\(Self.select) a.slug = $2", [try Input.text(slug, "slug")])
        guard let agent else { throw ControlPlaneError.notFound("there is no such agent") }
        return agent
    }

    fileprivate func agent(_ id: UUID) throws -> Agent? {
        try self.first("\(Self.select) a.id = $2", [.uuid(id)])
    }

    fileprivate func agents(_ request: PageRequest) throws -> Page<Agent> {
        var sql = "\(Self.select) true"
        var parameters: [PostgresValue] = []
        if let cursor = request.cursor {
            sql += " AND (a.sort_order, a.slug) > ($1, $2)"
            parameters = try cursor.numberAndText(of: .byOrder)
        }
        return try self.session.page(request, sql + " ORDER BY a.sort_order, a.slug", parameters) { agent in
            Cursor(.byOrder, number: Int64(agent.sortOrder), tie: Array(agent.slug.utf8))
        }
    }
}

extension ControlOperations {
    /// Every agent, by `sort_order` and `slug`. For everybody who is signed in.
    package func listAgents(_ caller: Caller, page: PageRequest = .first) async throws -> Page<Agent> {
        try await self.read(caller) { try $0.agents(page) }
    }

    package func agent(_ caller: Caller, _ slug: String) async throws -> Agent {
        try await self.read(caller) { try $0.requireAgent(slug) }
    }

    /// For operators. At most one agent is the default.
    package func createAgent(
        _ caller: Caller, _ draft: AgentDraft, once key: IdempotencyKey? = nil
    ) async throws -> Agent {
        try self.requireOperator(caller)
        return try await self.create(caller, "agent", once: key) {
            try $0.agent($1)
        } _: { transaction in
            let made: Agent? = try transaction.first(
                """
                INSERT INTO agents AS a (slug, name, description, system_prompt, model_id, sort_order, is_default,
                  requires_github, requires_repo, supports_tools, agent_type)
                VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                RETURNING \(Agent.columns(of: "a"))
                """,
                [
                    try Input.text(draft.slug, "slug"), try Input.text(draft.name, "name"),
                    try Input.text(draft.description, "description"),
                    try Input.text(draft.systemPrompt, "system_prompt"), try Input.text(draft.modelID, "model_id"),
                    .int4(draft.sortOrder), .bool(draft.isDefault), .bool(draft.requiresGitHub),
                    .bool(draft.requiresRepo), .bool(draft.supportsTools), .optional(draft.agentType?.rawValue),
                ])
            guard let made else { preconditionFailure("INSERT returns its row") }
            return made
        }
    }

    /// For operators.
    package func updateAgent(_ caller: Caller, _ slug: String, _ changes: AgentChanges) async throws -> Agent {
        try self.requireOperator(caller)
        return try await self.write(caller) { transaction in
            var set = Assignments(toRow: try transaction.requireAgent(slug).id)
            try set.require("name", changes.name) { try Input.text($0, "name") }
            try set.require("description", changes.description) { try Input.text($0, "description") }
            try set.require("system_prompt", changes.systemPrompt) { try Input.text($0, "system_prompt") }
            try set.assign("model_id", changes.modelID) { try Input.text($0, "model_id") }
            try set.require("sort_order", changes.sortOrder) { .int4($0) }
            try set.require("is_default", changes.isDefault) { .bool($0) }
            try set.require("requires_github", changes.requiresGitHub) { .bool($0) }
            try set.require("requires_repo", changes.requiresRepo) { .bool($0) }
            try set.require("supports_tools", changes.supportsTools) { .bool($0) }
            set.assign("agent_type", changes.agentType) { .text($0.rawValue) }
            if !set.isEmpty { set.also("updated_at = now()") }
            try transaction.session.update("agents", set: set)
            return try transaction.requireAgent(slug)
        }
    }

    /// For operators. Threads keep the slug.
    package func deleteAgent(_ caller: Caller, _ slug: String) async throws {
        try self.requireOperator(caller)
        try await self.write(caller) { transaction in
            let agent = try transaction.requireAgent(slug)
            _ = try transaction.session.execute("DELETE FROM agents WHERE id = $1", [.uuid(agent.id)])
        }
    }
}
