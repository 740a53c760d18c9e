import ControlPlane
import HTTPTypes
import Nostr

extension Shapes {
    static let project = Shape<Project>(
        "Project", .uuid("id", \.id), .text("name", \.name), .text("description", \.description),
        .text("user_id", \.userID), .uuid("organization_id", \.organizationID), .text("system_prompt", \.systemPrompt),
        .text("default_model", \.defaultModel), .words("default_tools", \.defaultTools),
        .text("autopilot_spec", \.autopilotSpec), .text("autopilot_plan", \.autopilotPlan),
        .time("autopilot_plan_updated_at", \.autopilotPlanUpdatedAt), .time("created_at", \.createdAt),
        .time("updated_at", \.updatedAt), .boolean("is_archived", \.isArchived))
}

extension Shapes {
    /// A project with what belongs to it.
    static let projectDetails = Shape<ProjectDetails>(
        "ProjectDetails", of: project, \.project, .integer("thread_count", \.threadCount),
        .rows("repos", repo, \.repos))
}

extension Shapes {
    static let repo = Shape<Repo>(
        "Repo", .uuid("id", \.id), .text("name", \.name), .text("provider", \.provider), .text("owner", \.owner),
        .text("default_branch", \.defaultBranch), .text("url", \.url), .time("created_at", \.createdAt))
}

private enum ProjectFields {
    static let name = Field("name", .text(1...200))
    static let description = Field("description", .text)
    static let systemPrompt = Field("system_prompt", .text)
    static let defaultModel = Field("default_model", .text)
    static let defaultTools = Field("default_tools", .words)
    static let autopilotSpec = Field("autopilot_spec", .text)
    static let autopilotPlan = Field("autopilot_plan", .text, "Sets autopilot_plan_updated_at.")
    static let isArchived = Field("is_archived", .boolean)
}

private enum RepoFields {
    static let provider = Field("provider", .text(1...64))
    static let owner = Field("owner", .text(1...255))
    static let name = Field("name", .text(1...255))
    static let defaultBranch = Field("default_branch", .text(0...255))
    static let url = Field("url", .text(0...2_048), "Computed for github, gitlab, codeberg and bitbucket.")
}

extension RouteTable {
    private static let project = Shown("project", Shapes.project)
    private static let repo = Shown("repo", Shapes.repo)

    static let projects: [Route] = [
        .list(
            "/projects", "listProjects", "Projects of an organization, or the caller's own; the last changed first.",
            Shown("projects", Shapes.project),
            query: [CommonFields.organizationID.optional, CommonFields.archived.optional]
        ) {
            try await $0.plane.listProjects(
                $0.caller, organization: $0.query(CommonFields.organizationID),
                archived: $0.query(CommonFields.archived) ?? false, page: $0.page)
        },
        .create(
            "/projects", "createProject", "Makes a project of an organization, or of the caller.", project,
            BodyShape(
                "ProjectCreation", ProjectFields.name.required, CommonFields.organizationID.optional,
                ProjectFields.description.optional, ProjectFields.systemPrompt.optional,
                ProjectFields.defaultModel.optional, ProjectFields.defaultTools.optional,
                ProjectFields.autopilotSpec.optional, ProjectFields.autopilotPlan.optional),
            errors: [.notFound]
        ) { exchange in
            let body = exchange.body
            var draft = ProjectDraft(
                name: try body.required(ProjectFields.name),
                organizationID: try body.optional(CommonFields.organizationID))
            draft.description = try body.optional(ProjectFields.description)
            draft.systemPrompt = try body.optional(ProjectFields.systemPrompt)
            draft.defaultModel = try body.optional(ProjectFields.defaultModel)
            draft.defaultTools = try body.optional(ProjectFields.defaultTools)
            draft.autopilotSpec = try body.optional(ProjectFields.autopilotSpec)
            draft.autopilotPlan = try body.optional(ProjectFields.autopilotPlan)
            return try await exchange.plane.createProject(exchange.caller, draft, once: exchange.idempotencyKey)
        },
        .get(
            "/projects/{id}", "getProject", "A project with the number of its threads and its repositories.",
            Shown("project", Shapes.projectDetails, with: Shapes.repo.schema)
        ) { try await $0.plane.project($0.caller, $0.id()) },
        .change(
            "/projects/{id}", "updateProject", "Changes a project.", project,
            BodyShape(
                "ProjectChange", ProjectFields.name.optional, ProjectFields.description.optional,
                ProjectFields.systemPrompt.optional, ProjectFields.defaultModel.optional,
                ProjectFields.defaultTools.optional, ProjectFields.autopilotSpec.optional,
                ProjectFields.autopilotPlan.optional, ProjectFields.isArchived.optional)
        ) { exchange in
            let body = exchange.body
            var changes = ProjectChanges()
            changes.name = try body.patch(ProjectFields.name)
            changes.description = try body.patch(ProjectFields.description)
            changes.systemPrompt = try body.patch(ProjectFields.systemPrompt)
            changes.defaultModel = try body.patch(ProjectFields.defaultModel)
            changes.defaultTools = try body.patch(ProjectFields.defaultTools)
            changes.autopilotSpec = try body.patch(ProjectFields.autopilotSpec)
            changes.autopilotPlan = try body.patch(ProjectFields.autopilotPlan)
            changes.isArchived = try body.patch(ProjectFields.isArchived)
            return try await exchange.plane.updateProject(exchange.caller, exchange.id(), changes)
        },
        .act(
            .delete, "/projects/{id}", "deleteProject",
            "Deletes a project, its links and its knowledge. For its user, or the owners of its organization.",
            errors: [.forbidden]
        ) { try await $0.plane.deleteProject($0.caller, $0.id()) },
    ]

    static let repos: [Route] = [
        .list(
            "/projects/{id}/repos", "listRepos", "The repositories of a project, in the order of their connection.",
            Shown("repos", Shapes.repo)
        ) { try await $0.plane.listRepos($0.caller, of: $0.id(), page: $0.page) },
        .create(
            "/projects/{id}/repos", "connectRepo",
            "Connects a repository; one that is known is shown as it is and not changed.", repo,
            BodyShape(
                "RepoConnection", RepoFields.provider.required, RepoFields.owner.required, RepoFields.name.required,
                RepoFields.defaultBranch.optional, RepoFields.url.optional),
            takesIdempotencyKey: false
        ) { exchange in
            let body = exchange.body
            let reference = RepoReference(
                provider: try body.required(RepoFields.provider), owner: try body.required(RepoFields.owner),
                name: try body.required(RepoFields.name), defaultBranch: try body.optional(RepoFields.defaultBranch),
                url: try body.optional(RepoFields.url))
            return try await exchange.plane.connectRepo(exchange.caller, to: exchange.id(), reference)
        },
        .act(.delete, "/projects/{id}/repos/{repo_id}", "disconnectRepo", "Disconnects a repository from a project.") {
            try await $0.plane.disconnectRepo($0.caller, from: $0.id(), $0.id("repo_id"))
        },
        .get("/repos/{id}", "getRepo", "A repository that is linked to a project that the caller sees.", repo) {
            try await $0.plane.repo($0.caller, $0.id())
        },
        .change(
            "/repos/{id}", "updateRepo", "Changes a repository. For callers that see every project linked to it.", repo,
            BodyShape("RepoChange", RepoFields.defaultBranch.optional, RepoFields.url.optional), errors: [.forbidden]
        ) {
            try await $0.plane.updateRepo(
                $0.caller, $0.id(), defaultBranch: $0.body.patch(RepoFields.defaultBranch),
                url: $0.body.patch(RepoFields.url))
        },
    ]
}
