import ControlPlane
import HTTPTypes
import Nostr

extension Shapes {
    static let issue = Shape<Issue>(
        "Issue", .uuid("id", \.id), .text("user_id", \.userID), .uuid("organization_id", \.organizationID),
        .uuid("project_id", \.projectID), .text("identifier", \.identifier), .text("title", \.title),
        .text("description", \.description), .text("status_id", \.statusID), .text("priority_id", \.priorityID),
        .text("assignee_id", \.assigneeID), .words("label_ids", \.labelIDs), .number("rank", \.rank),
        .time("created_at", \.createdAt), .time("updated_at", \.updatedAt), .time("due_date", \.dueDate))
}

private enum IssueFields {
    static let title = Field("title", .text(1...500))
    static let description = Field("description", .text)
    static let statusID = Field("status_id", .text(1...64))
    static let priorityID = Field("priority_id", .text(1...64))
    static let assigneeID = Field("assignee_id", .text(1...255), "Somebody who sees the issue.")
    static let labelIDs = Field("label_ids", .words)
    static let rank = Field("rank", .number, "The moment of creation in milliseconds unless given.")
    static let dueDate = Field("due_date", .time)
    static let projectID = Field("project_id", .uuid, "Sets the organization, too; null keeps it.")
}

extension RouteTable {
    private static let issue = Shown("issue", Shapes.issue)

    static let issues: [Route] = [
        .list(
            "/issues", "listIssues", "Issues of a project, of an organization, or the caller's own; newest first.",
            Shown("issues", Shapes.issue), query: CommonFields.scope
        ) { try await $0.plane.listIssues($0.caller, in: $0.scope, page: $0.page) },
        .create(
            "/issues", "createIssue", "Makes an issue.", issue,
            BodyShape(
                "IssueCreation", IssueFields.title.required, IssueFields.statusID.required,
                IssueFields.priorityID.required, CommonFields.organizationID.optional, CommonFields.projectID.optional,
                IssueFields.description.optional, IssueFields.assigneeID.optional, IssueFields.labelIDs.optional,
                IssueFields.rank.optional, IssueFields.dueDate.optional),
            errors: [.notFound]
        ) { exchange in
            let body = exchange.body
            var draft = IssueDraft(
                title: try body.required(IssueFields.title), statusID: try body.required(IssueFields.statusID),
                priorityID: try body.required(IssueFields.priorityID))
            draft.organizationID = try body.optional(CommonFields.organizationID)
            draft.projectID = try body.optional(CommonFields.projectID)
            draft.description = try body.optional(IssueFields.description)
            draft.assigneeID = try body.optional(IssueFields.assigneeID)
            draft.labelIDs = try body.optional(IssueFields.labelIDs) ?? []
            draft.rank = try body.optional(IssueFields.rank)
            draft.dueDate = try body.optional(IssueFields.dueDate)
            return try await exchange.plane.createIssue(exchange.caller, draft, once: exchange.idempotencyKey)
        },
        .get("/issues/{id}", "getIssue", "An issue.", issue) { try await $0.plane.issue($0.caller, $0.id()) },
        .change(
            "/issues/{id}", "updateIssue", "Changes an issue.", issue,
            BodyShape(
                "IssueChange", IssueFields.title.optional, IssueFields.description.optional,
                IssueFields.statusID.optional, IssueFields.priorityID.optional, IssueFields.assigneeID.optional,
                IssueFields.labelIDs.optional, IssueFields.rank.optional, IssueFields.dueDate.optional,
                IssueFields.projectID.optional),
            errors: [.forbidden]
        ) { exchange in
            let body = exchange.body
            var changes = IssueChanges()
            changes.title = try body.patch(IssueFields.title)
            changes.description = try body.patch(IssueFields.description)
            changes.statusID = try body.patch(IssueFields.statusID)
            changes.priorityID = try body.patch(IssueFields.priorityID)
            changes.assigneeID = try body.patch(IssueFields.assigneeID)
            changes.labelIDs = try body.patch(IssueFields.labelIDs)
            changes.rank = try body.patch(IssueFields.rank)
            changes.dueDate = try body.patch(IssueFields.dueDate)
            changes.projectID = try body.patch(IssueFields.projectID)
            return try await exchange.plane.updateIssue(exchange.caller, exchange.id(), changes)
        },
        .act(
            .delete, "/issues/{id}", "deleteIssue",
            "Deletes an issue. For its author, or the owners of its organization.", errors: [.forbidden]
        ) { try await $0.plane.deleteIssue($0.caller, $0.id()) },
        .list(
            "/issues/{id}/threads", "listIssueThreads", "The threads of an issue that the caller sees.",
            Shown("threads", Shapes.thread)
        ) { try await $0.plane.listThreads($0.caller, of: $0.id(), page: $0.page) },
        .act(.put, "/issues/{id}/threads/{thread_id}", "linkThread", "Links a thread with an issue.") {
            try await $0.plane.linkThread($0.caller, $0.id("thread_id"), to: $0.id())
        },
        .act(.delete, "/issues/{id}/threads/{thread_id}", "unlinkThread", "Unlinks a thread from an issue.") {
            try await $0.plane.unlinkThread($0.caller, $0.id("thread_id"), from: $0.id())
        },
    ]
}
