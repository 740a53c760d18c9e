package import FoundationEssentials
import Postgres

/// A row of `projects`.
package struct Project: TableRow, Identified {
    static package let columns = [
        "id", "name", "description", "user_id", "organization_id", "system_prompt", "default_model", "default_tools",
        "autopilot_spec", "autopilot_plan", "autopilot_plan_updated_at", "created_at", "updated_at", "is_archived",
    ]

    package let id: UUID
    package let name: String
    package let description: String?
    /// The owner of a personal project.
    package let userID: String?
    package let organizationID: UUID?
    package let systemPrompt: String?
    package let defaultModel: String?
    package let defaultTools: [String]?
    package let autopilotSpec: String?
    package let autopilotPlan: String?
    package let autopilotPlanUpdatedAt: WallTime?
    package let createdAt: WallTime
    package let updatedAt: WallTime
    package let isArchived: Bool

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.name = reader.text()
        self.description = reader.optionalText()
        self.userID = reader.optionalText()
        self.organizationID = reader.optionalUUID()
        self.systemPrompt = reader.optionalText()
        self.defaultModel = reader.optionalText()
        self.defaultTools = reader.optionalWords()
        self.autopilotSpec = reader.optionalText()
        self.autopilotPlan = reader.optionalText()
        self.autopilotPlanUpdatedAt = reader.optionalTime()
        self.createdAt = reader.time()
        self.updatedAt = reader.time()
        self.isArchived = reader.bool()
    }
}

/// A project with what belongs to it.
package struct ProjectDetails: Sendable, Equatable {
    package let project: Project
    /// Threads that the caller sees.
    package let threadCount: Int
    /// The first ``InputLimits/pageRows`` of them; `listRepos` has the rest.
    package let repos: [Repo]
}

/// What a new project is made of.
package struct ProjectDraft: Sendable, Hashable {
    package var name: String
    /// Nil: the project is the caller's own.
    package var organizationID: UUID?
    package var description: String?
    package var systemPrompt: String?
    package var defaultModel: String?
    package var defaultTools: [String]?
    package var autopilotSpec: String?
    package var autopilotPlan: String?

    package init(name: String, organizationID: UUID? = nil) {
        self.name = name
        self.organizationID = organizationID
    }
}

/// What changes in a project; its owner never does.
package struct ProjectChanges: Sendable, Hashable {
    package var name: Patch<String> = .keep
    package var description: Patch<String> = .keep
    package var systemPrompt: Patch<String> = .keep
    package var defaultModel: Patch<String> = .keep
    package var defaultTools: Patch<[String]> = .keep
    package var autopilotSpec: Patch<String> = .keep
    /// Changing it sets `autopilot_plan_updated_at`.
    package var autopilotPlan: Patch<String> = .keep
    package var isArchived: Patch<Bool> = .keep

    package init() {}
}

extension CallerTransaction {
    func visibleProject(_ id: UUID) throws -> Project? {
        try self.first(
            "SELECT \(Project.columns(of: "p")) FROM projects AS p WHERE p.id = $2 AND \(Sees.project("p"))",
            [.uuid(id)])
    }

    fileprivate func requireVisibleProject(_ id: UUID) throws -> Project {
        guard let project = try self.visibleProject(id) else {
            throw ControlPlaneError.notFound("there is no such project")
        }
        return project
    }
}

extension ControlOperations {
    package func createProject(
        _ caller: Caller, _ draft: ProjectDraft, once key: IdempotencyKey? = nil
    ) async throws -> Project {
        try await self.create(caller, "project", once: key) {
            try $0.visibleProject($1)
        } _: { transaction in
            let place = try transaction.place(project: nil, organization: draft.organizationID)
            let made: Project? = try transaction.first(
                """
                INSERT INTO projects AS p (user_id, organization_id, name, description, system_prompt, default_model,
                  default_tools, autopilot_spec, autopilot_plan, autopilot_plan_updated_at)
                VALUES (CASE WHEN $2::uuid IS NULL THEN $1 END, $2, $3, $4, $5, $6, $7, $8, $9,
                  CASE WHEN $9::text IS NOT NULL THEN now() END)
                RETURNING \(Project.columns(of: "p"))
                """,
                [
                    .uuid(place.organizationID), try Input.text(draft.name, "name"),
                    try Input.text(draft.description, "description"),
                    try Input.text(draft.systemPrompt, "system_prompt"),
                    try Input.text(draft.defaultModel, "default_model"),
                    try Input.words(draft.defaultTools, "default_tools"),
                    try Input.text(draft.autopilotSpec, "autopilot_spec"),
                    try Input.text(draft.autopilotPlan, "autopilot_plan"),
                ])
            guard let made else { preconditionFailure("INSERT returns its row") }
            return made
        }
    }

    /// Projects of an organization, or the caller's own, the last changed first.
    package func listProjects(
        _ caller: Caller, organization: UUID? = nil, archived: Bool = false, page: PageRequest = .first
    ) async throws -> Page<Project> {
        try await self.read(caller) { transaction in
            let scope = try transaction.condition(of: Scope(organization: organization, project: nil), on: "p")
            return try transaction.page(
                page,
                "SELECT \(Project.columns(of: "p")) FROM projects AS p WHERE \(scope.sql) AND p.is_archived = $3",
                [scope.parameter, .bool(archived)],
                by: Keyset(time: "p.updated_at", id: "p.id", order: .newestFirst)
            ) { ($0.updatedAt, $0.id) }
        }
    }

    package func project(_ caller: Caller, _ id: UUID) async throws -> ProjectDetails {
        try await self.read(caller) { transaction in
            let project = try transaction.requireVisibleProject(id)
            let threads = try transaction.execute(
                "SELECT count(*) FROM threads AS t WHERE t.project_id = $2 AND \(Sees.thread("t"))", [.uuid(id)])
            let repos = try transaction.repos(of: id, page: PageRequest(limit: InputLimits.pageRows.upperBound))
            return ProjectDetails(
                project: project, threadCount: Int(threads.first?[0].int8 ?? 0), repos: repos.items)
        }
    }

    package func updateProject(_ caller: Caller, _ id: UUID, _ changes: ProjectChanges) async throws -> Project {
        try await self.write(caller) { transaction in
            _ = try transaction.requireProject(id)
            var set = Assignments(toRow: id)
            try set.require("name", changes.name) { try Input.text($0, "name") }
            try set.assign("description", changes.description) { try Input.text($0, "description") }
            try set.assign("system_prompt", changes.systemPrompt) { try Input.text($0, "system_prompt") }
            try set.assign("default_model", changes.defaultModel) { try Input.text($0, "default_model") }
            try set.assign("default_tools", changes.defaultTools) { try Input.words($0, "default_tools") }
            try set.assign("autopilot_spec", changes.autopilotSpec) { try Input.text($0, "autopilot_spec") }
            try set.assign("autopilot_plan", changes.autopilotPlan) { try Input.text($0, "autopilot_plan") }
            if changes.autopilotPlan != .keep { set.also("autopilot_plan_updated_at = now()") }
            try set.require("is_archived", changes.isArchived) { .bool($0) }
            if !set.isEmpty { set.also("updated_at = now()") }
            try transaction.session.update("projects", set: set)
            return try transaction.requireVisibleProject(id)
        }
    }

    /// Deletes the project, its repo links and its knowledge; threads, messages and issues lose the project. For its
    /// user, or the owners of its organization.
    package func deleteProject(_ caller: Caller, _ id: UUID) async throws {
        try await self.write(caller) { transaction in
            if let organization = try transaction.requireProject(id).organizationID {
                try transaction.requireOwner(of: organization)
            }
            _ = try transaction.session.execute("DELETE FROM projects WHERE id = $1", [.uuid(id)])
        }
    }
}
