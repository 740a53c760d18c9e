package import FoundationEssentials
import Postgres

/// What a member of an organization may do there.
package enum Role: String, CaseIterable, Sendable {
    case owner
    case member
}

/// Conditions in SQL: whether the caller, `$1`, sees a row of the table under that alias (control-plane.md §9.1).
///
/// A row of an organization is seen by its current members only, its author included: who leaves loses access.
enum Sees {
    static func organization(_ id: String) -> String {
        "EXISTS (SELECT FROM organization_members AS om WHERE om.organization_id = \(id) AND om.user_id = $1)"
    }

    static func project(_ p: String) -> String {
        "(\(p).user_id = $1 OR \(Self.organization("\(p).organization_id")))"
    }

    static func projectOf(_ row: String) -> String {
        "EXISTS (SELECT FROM projects AS vp WHERE vp.id = \(row).project_id AND \(Self.project("vp")))"
    }

    static func repo(_ r: String) -> String {
        """
        EXISTS (SELECT FROM project_repos AS vl JOIN projects AS vp ON vp.id = vl.project_id
          WHERE vl.repo_id = \(r).id AND \(Self.project("vp")))
        """
    }

    /// Issues and knowledge: by the project, else by the organization, else by the author.
    static func scoped(_ row: String) -> String {
        """
        CASE WHEN \(row).project_id IS NOT NULL THEN \(Self.projectOf(row))
          WHEN \(row).organization_id IS NOT NULL THEN \(Self.organization("\(row).organization_id"))
          ELSE \(row).user_id = $1 END
        """
    }

    static func thread(_ t: String) -> String {
        """
        CASE WHEN \(t).organization_id IS NULL THEN \(t).user_id = $1
          ELSE (\(t).user_id = $1 OR \(t).is_shared) AND \(Self.organization("\(t).organization_id")) END
        """
    }

    static func message(_ m: String) -> String {
        """
        CASE WHEN \(m).thread_id IS NOT NULL
          THEN EXISTS (SELECT FROM threads AS vt WHERE vt.id = \(m).thread_id AND \(Self.thread("vt")))
          ELSE \(m).user_id = $1
            AND (\(m).organization_id IS NULL OR \(Self.organization("\(m).organization_id"))) END
        """
    }
}

/// Who a row belongs to, as its own columns say.
struct Ownership: TableRow {
    static let columns = ["user_id", "organization_id", "project_id"]

    /// Nil for an organization's project.
    let userID: String?
    let organizationID: UUID?
    let projectID: UUID?

    init(userID: String?, organizationID: UUID?, projectID: UUID?) {
        self.userID = userID
        self.organizationID = organizationID
        self.projectID = projectID
    }

    init(_ reader: inout RowReader) {
        self.userID = reader.optionalText()
        self.organizationID = reader.optionalUUID()
        self.projectID = reader.optionalUUID()
    }
}

/// Locks are taken in one order, so that two operations never wait for each other: the caller's own row,
/// organizations, memberships, projects, then everything else.
extension CallerTransaction {
    /// The caller's role, which stays until the commit of a write.
    ///
    /// - Throws: NOT_FOUND for whoever is no member.
    @discardableResult
    func requireMember(of organization: UUID) throws -> Role {
        let isWrite = self.mode == .write
        if isWrite {
            _ = try self.session.execute("SELECT FROM organizations WHERE id = $1 FOR KEY SHARE", [.uuid(organization)])
        }
        return try self.role(in: organization, lock: isWrite ? "FOR SHARE" : "")
    }

    /// The membership through which the caller sees a row stays until the commit of a write.
    ///
    /// - Parameter organization: nil for a row that belongs to none.
    func lockScope(of organization: UUID?) throws {
        if let organization { try self.requireMember(of: organization) }
    }

    /// - Throws: NOT_FOUND for whoever is no member, FORBIDDEN for a member that is no owner.
    func requireOwner(of organization: UUID) throws {
        try Self.check(isOwner: self.requireMember(of: organization))
    }

    /// Locks the organization for a change of its members or of itself, until the commit.
    ///
    /// - Returns: the caller's role.
    func lockOrganization(_ organization: UUID) throws -> Role {
        _ = try self.session.execute("SELECT FROM organizations WHERE id = $1 FOR UPDATE", [.uuid(organization)])
        return try self.role(in: organization, lock: "")
    }

    /// - Throws: NOT_FOUND for whoever is no member, FORBIDDEN for a member that is no owner.
    func lockOrganizationAsOwner(_ organization: UUID) throws {
        try Self.check(isOwner: self.lockOrganization(organization))
    }

    private static func check(isOwner role: Role) throws(ControlPlaneError) {
        guard role == .owner else { throw .forbidden("only an owner of the organization may do this") }
    }

    private func role(in organization: UUID, lock: String) throws -> Role {
        let found = try self.execute(
            "SELECT role FROM organization_members WHERE organization_id = $2 AND user_id = $1 \(lock)",
            [.uuid(organization)])
        guard let role = found.first?[0].text.flatMap(Role.init(rawValue:)) else {
            throw ControlPlaneError.notFound("there is no such organization")
        }
        return role
    }

    /// The owner of a project that the caller sees.
    ///
    /// A project never changes its owner, so that it is enough to lock the membership.
    func requireProject(_ project: UUID) throws -> Ownership {
        let found: Ownership? = try self.first(
            "SELECT p.user_id, p.organization_id, p.id FROM projects AS p WHERE p.id = $2 AND \(Sees.project("p"))",
            [.uuid(project)])
        guard let found else { throw ControlPlaneError.notFound("there is no such project") }
        if let organization = found.organizationID {
            do {
                try self.requireMember(of: organization)
            } catch let error as ControlPlaneError where error.code == .notFound {
                throw ControlPlaneError.notFound("there is no such project")
            }
        }
        return found
    }

    /// Where a new row belongs: to the project's owner, to the organization, or to the caller alone.
    ///
    /// - Throws: NOT_FOUND for what the caller does not see, never filed elsewhere instead (S4); BAD_REQUEST for a
    ///   project of another organization than the one that is named.
    func place(project: UUID?, organization: UUID?) throws -> Ownership {
        guard let project else {
            try self.lockScope(of: organization)
            return Ownership(
                userID: organization == nil ? self.caller.userID : nil, organizationID: organization, projectID: nil)
        }
        let owner = try self.requireProject(project)
        if let organization, organization != owner.organizationID {
            throw ControlPlaneError.badRequest("the project belongs to another organization")
        }
        return owner
    }
}

/// Rows of a list belong to one of these.
package enum Scope: Hashable, Sendable {
    /// To the caller, and to no organization.
    case own
    case organization(UUID)
    case project(UUID)

    /// As a request names it. Both at once is BAD_REQUEST.
    package init(organization: UUID?, project: UUID?) throws(ControlPlaneError) {
        switch (organization, project) {
        case (nil, nil): self = .own
        case (let organization?, nil): self = .organization(organization)
        case (nil, let project?): self = .project(project)
        case (.some, .some): throw .badRequest("name a project or an organization, not both")
        }
    }
}

extension CallerTransaction {
    /// The condition of a scope on a table with the columns `user_id`, `organization_id` and `project_id`, with `$2`.
    ///
    /// - Throws: NOT_FOUND for a scope that the caller does not see.
    func condition(of scope: Scope, on alias: String) throws -> (sql: String, parameter: PostgresValue) {
        switch scope {
        case .own:
            // `$2` is there in every form, so that the parameters behind it have one number.
            return ("\(alias).user_id = $1 AND \(alias).organization_id IS NULL AND $2::uuid IS NULL", .null)
        case .organization(let id):
            try self.requireMember(of: id)
            return ("\(alias).organization_id = $2", .uuid(id))
        case .project(let id):
            _ = try self.requireProject(id)
            return ("\(alias).project_id = $2", .uuid(id))
        }
    }
}
