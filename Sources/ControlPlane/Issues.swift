package import FoundationEssentials
import Postgres

/// A row of `issues`.
package struct Issue: TableRow, Identified {
    static package let columns = [
        "id", "user_id", "organization_id", "project_id", "identifier", "title", "description", "status_id",
        "priority_id", "assignee_id", "label_ids", "rank", "created_at", "updated_at", "due_date",
    ]

    package let id: UUID
    /// The author.
    package let userID: String
    package let organizationID: UUID?
    package let projectID: UUID?
    package let identifier: String
    package let title: String
    package let description: String?
    package let statusID: String
    package let priorityID: String
    package let assigneeID: String?
    package let labelIDs: [String]
    package let rank: Double
    package let createdAt: WallTime
    package let updatedAt: WallTime
    package let dueDate: WallTime?

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.userID = reader.text()
        self.organizationID = reader.optionalUUID()
        self.projectID = reader.optionalUUID()
        self.identifier = reader.text()
        self.title = reader.text()
        self.description = reader.optionalText()
        self.statusID = reader.text()
        self.priorityID = reader.text()
        self.assigneeID = reader.optionalText()
        self.labelIDs = reader.words()
        self.rank = reader.double()
        self.createdAt = reader.time()
        self.updatedAt = reader.time()
        self.dueDate = reader.optionalTime()
    }
}

/// What a new issue is made of.
package struct IssueDraft: Sendable, Hashable {
    package var title: String
    package var statusID: String
    package var priorityID: String
    /// Neither: it is the caller's own.
    package var organizationID: UUID?
    package var projectID: UUID?
    package var description: String?
    package var assigneeID: String?
    package var labelIDs: [String] = []
    /// The moment of creation in milliseconds unless given.
    package var rank: Double?
    package var dueDate: WallTime?

    package init(title: String, statusID: String, priorityID: String) {
        self.title = title
        self.statusID = statusID
        self.priorityID = priorityID
    }
}

/// What changes in an issue.
package struct IssueChanges: Sendable, Hashable {
    package var title: Patch<String> = .keep
    package var description: Patch<String> = .keep
    package var statusID: Patch<String> = .keep
    package var priorityID: Patch<String> = .keep
    package var assigneeID: Patch<String> = .keep
    package var labelIDs: Patch<[String]> = .keep
    package var rank: Patch<Double> = .keep
    package var dueDate: Patch<WallTime> = .keep
    /// Setting it sets the organization, too; clearing it keeps the organization.
    package var projectID: Patch<UUID> = .keep

    package init() {}
}

extension ControlOperations {
    package func createIssue(
        _ caller: Caller, _ draft: IssueDraft, once key: IdempotencyKey? = nil
    ) async throws -> Issue {
        try await self.create(caller, "issue", once: key) {
            try $0.visibleIssue($1)
        } _: { transaction in
            let place = try transaction.place(project: draft.projectID, organization: draft.organizationID)
            if let assignee = draft.assigneeID {
                try transaction.requireAssignable(assignee, in: place.organizationID, author: caller.userID)
            }
            return try transaction.insertIssue(draft, in: place)
        }
    }

    /// Issues of a scope, newest first.
    package func listIssues(
        _ caller: Caller, in scope: Scope = .own, page: PageRequest = .first
    ) async throws -> Page<Issue> {
        try await self.read(caller) { transaction in
            let condition = try transaction.condition(of: scope, on: "i")
            return try transaction.page(
                page,
                """
                SELECT \(Issue.columns(of: "i")) FROM issues AS i
                WHERE \(condition.sql) AND \(Sees.scoped("i"))
                """, [condition.parameter], by: Keyset(time: "i.created_at", id: "i.id", order: .newestFirst)
            ) { ($0.createdAt, $0.id) }
        }
    }

    package func issue(_ caller: Caller, _ id: UUID) async throws -> Issue {
        try await self.read(caller) { try $0.requireIssue(id) }
    }

    /// For whoever sees the issue. Taking it out of its organization is for whoever may delete it.
    package func updateIssue(_ caller: Caller, _ id: UUID, _ changes: IssueChanges) async throws -> Issue {
        try await self.write(caller) { transaction in
            let target: Ownership? =
                if case .set(let project) = changes.projectID { try transaction.requireProject(project) } else { nil }
            let issue = try transaction.lockIssue(id)
            var organization = issue.organizationID
            if let target {
                if let old = organization, old != target.organizationID {
                    try transaction.requireMayDelete(issue)
                }
                organization = target.organizationID
            }
            let assignee: String? =
                switch changes.assigneeID {
                case .keep: organization == issue.organizationID ? nil : issue.assigneeID
                case .clear: nil
                case .set(let user): user
                }
            if let assignee { try transaction.requireAssignable(assignee, in: organization, author: issue.userID) }
            try transaction.session.update("issues", set: changes.assignments(to: id, organization: organization))
            return try transaction.requireIssue(id)
        }
    }

    /// For the author, or an owner of the issue's organization.
    package func deleteIssue(_ caller: Caller, _ id: UUID) async throws {
        try await self.write(caller) { transaction in
            try transaction.requireMayDelete(transaction.lockIssue(id))
            _ = try transaction.session.execute("DELETE FROM issues WHERE id = $1", [.uuid(id)])
        }
    }
}

extension IssueChanges {
    /// - Parameter organization: where the issue then belongs.
    fileprivate func assignments(to id: UUID, organization: UUID?) throws -> Assignments {
        var set = Assignments(toRow: id)
        try set.require("title", self.title) { try Input.text($0, "title") }
        try set.assign("description", self.description) { try Input.text($0, "description") }
        try set.require("status_id", self.statusID) { try Input.text($0, "status_id") }
        try set.require("priority_id", self.priorityID) { try Input.text($0, "priority_id") }
        try set.assign("assignee_id", self.assigneeID) { try Input.text($0, "assignee_id") }
        try set.require("label_ids", self.labelIDs) { try Input.words($0, "label_ids") }
        try set.require("rank", self.rank) { try $0.rankParameter }
        set.assign("due_date", self.dueDate) { Input.time($0) }
        set.assign("project_id", self.projectID) { .uuid($0) }
        if case .set = self.projectID {
            set.assign("organization_id", organization.map { .set($0) } ?? .clear) { .uuid($0) }
        }
        if !set.isEmpty { set.also("updated_at = now()") }
        return set
    }
}

extension Double {
    /// A rank that has no order is none.
    fileprivate var rankParameter: PostgresValue {
        get throws(ControlPlaneError) {
            guard self.isFinite else { throw .badRequest("rank is a finite number") }
            return .float8(self)
        }
    }
}

extension CallerTransaction {
    /// How often the next number is tried when an identifier is taken.
    private static let identifierAttempts = 10

    func visibleIssue(_ id: UUID) throws -> Issue? {
        try self.first(
            "SELECT \(Issue.columns(of: "i")) FROM issues AS i WHERE i.id = $2 AND \(Sees.scoped("i"))", [.uuid(id)])
    }

    func requireIssue(_ id: UUID) throws -> Issue {
        guard let issue = try self.visibleIssue(id) else { throw ControlPlaneError.notFound("there is no such issue") }
        return issue
    }

    /// An issue that the caller sees, which stays as it is until the commit, as does the caller's membership.
    fileprivate func lockIssue(_ id: UUID) throws -> Issue {
        try self.lockScope(of: self.requireIssue(id).organizationID)
        let locked = try self.execute("SELECT FROM issues WHERE id = $2 FOR NO KEY UPDATE", [.uuid(id)])
        guard locked.count == 1 else { throw ControlPlaneError.notFound("there is no such issue") }
        // Somebody may have moved it before we had the lock.
        let issue = try self.requireIssue(id)
        try self.lockScope(of: issue.organizationID)
        return issue
    }

    /// - Throws: FORBIDDEN for whoever is neither the author nor an owner of the organization.
    fileprivate func requireMayDelete(_ issue: Issue) throws {
        guard !issue.userID.utf8.elementsEqual(self.caller.userID.utf8) else { return }
        guard let organization = issue.organizationID else {
            throw ControlPlaneError.forbidden("only its author may delete an issue")
        }
        try self.requireOwner(of: organization)
    }

    /// An assignee sees the issue: a member of its organization, or its author.
    ///
    /// The membership stays until the commit; whoever removes the member afterwards clears the assignment.
    fileprivate func requireAssignable(_ assignee: String, in organization: UUID?, author: String) throws {
        let sees: Bool
        if let organization {
            sees =
                try self.session.execute(
                    "SELECT FROM organization_members WHERE organization_id = $1 AND user_id = $2 FOR KEY SHARE",
                    [.uuid(organization), try Input.text(assignee, "assignee_id")]
                ).count == 1
        } else {
            sees = assignee.utf8.elementsEqual(author.utf8)
        }
        guard sees else { throw ControlPlaneError.badRequest("the assignee does not see the issue") }
    }

    /// Tries identifiers from the present millisecond on: two issues of one moment get neighbours.
    fileprivate func insertIssue(_ draft: IssueDraft, in place: Ownership) throws -> Issue {
        let clock = try self.session.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
        let milliseconds = clock.first?[0].int8 ?? 0
        for attempt in 0..<Self.identifierAttempts {
            let number = String(milliseconds + Int64(attempt), radix: 36, uppercase: true)
            let made: Issue? = try self.first(
                """
                INSERT INTO issues AS i (user_id, organization_id, project_id, identifier, title, description, status_id,
                  priority_id, assignee_id, label_ids, rank, due_date)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                  coalesce($11::float8, (extract(epoch FROM clock_timestamp()) * 1000)::float8), $12)
                ON CONFLICT (identifier) DO NOTHING
                RETURNING \(Issue.columns(of: "i"))
                """,
                [
                    .uuid(place.organizationID), .uuid(place.projectID), .text("ISS-\(number)"),
                    try Input.text(draft.title, "title"), try Input.text(draft.description, "description"),
                    try Input.text(draft.statusID, "status_id"), try Input.text(draft.priorityID, "priority_id"),
                    try Input.text(draft.assigneeID, "assignee_id"), try Input.words(draft.labelIDs, "label_ids"),
                    try draft.rank?.rankParameter ?? .null, Input.time(draft.dueDate),
                ])
            if let made { return made }
        }
        throw ControlPlaneError.conflict("too many issues at one moment: try again")
    }
}
