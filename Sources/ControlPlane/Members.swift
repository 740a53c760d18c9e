package import FoundationEssentials
import Postgres

/// A row of `organization_members` with the public part of the person.
package struct Member: TableRow, Identified {
    static package let columns = ["id", "organization_id", "user_id", "role", "joined_at"]

    package let id: UUID
    package let organizationID: UUID
    package let userID: String
    package let role: Role
    package let joinedAt: WallTime
    package let name: String?
    package let username: String?
    package let image: String?

    /// The person's columns follow those of the membership.
    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.organizationID = reader.uuid()
        self.userID = reader.text()
        self.role = reader.word()
        self.joinedAt = reader.time()
        self.name = reader.optionalText()
        self.username = reader.optionalText()
        self.image = reader.optionalText()
    }

    fileprivate static let select = """
        SELECT \(Self.columns(of: "m")), u.name, u.username, u.image
        FROM organization_members AS m JOIN users AS u ON u.user_id = m.user_id
        """
}

/// Whom to add to an organization: somebody who has a row already.
package enum Person: Hashable, Sendable {
    case userID(String)
    /// Stands for somebody when exactly one row has it.
    case email(String)
}

extension ControlOperations {
    /// The members of an organization of the caller, in the order in which they joined.
    package func listMembers(
        _ caller: Caller, of organization: UUID, page: PageRequest = .first
    ) async throws -> Page<Member> {
        try await self.read(caller) { transaction in
            try transaction.requireMember(of: organization)
            return try transaction.session.members(of: organization, page: page)
        }
    }

    /// Adds somebody. For owners.
    package func addMember(
        _ caller: Caller, to organization: UUID, _ person: Person, role: Role, once key: IdempotencyKey? = nil
    ) async throws -> Member {
        try await self.create(caller, "member", once: key) { transaction, id in
            try transaction.requireMember(of: organization)
            return try transaction.member(id, of: organization)
        } _: { transaction in
            try transaction.lockOrganizationAsOwner(organization)
            let userID = try transaction.find(person)
            let rows = try transaction.session.execute(
                "INSERT INTO organization_members (organization_id, user_id, role) VALUES ($1, $2, $3) RETURNING id",
                [.uuid(organization), .text(userID), .text(role.rawValue)])
            guard let id = rows.first?[0].uuid, let made = try transaction.member(UUID(id), of: organization) else {
                preconditionFailure("INSERT returns its row")
            }
            return made
        }
    }

    /// Makes a member an owner or an owner a member. For owners; the last one stays.
    package func setRole(
        _ caller: Caller, in organization: UUID, of userID: String, to role: Role
    ) async throws -> Member {
        try await self.write(caller) { transaction in
            try transaction.lockOrganizationAsOwner(organization)
            let present = try transaction.requireStoredRole(of: userID, in: organization)
            if present == .owner, role == .member {
                try transaction.session.replaceOwner(userID, of: organization)
            }
            let rows = try transaction.session.execute(
                """
                UPDATE organization_members SET role = $3 WHERE organization_id = $1 AND user_id = $2 RETURNING id
                """, [.uuid(organization), .text(userID), .text(role.rawValue)])
            guard let id = rows.first?[0].uuid, let member = try transaction.member(UUID(id), of: organization) else {
                preconditionFailure("The membership is locked with its organization")
            }
            return member
        }
    }

    /// Removes somebody, for owners; everybody may remove themselves. The last owner stays.
    ///
    /// What was assigned to the person in the organization is assigned to nobody: an assignee sees the issue.
    package func removeMember(_ caller: Caller, from organization: UUID, _ userID: String) async throws {
        try await self.write(caller) { transaction in
            if userID.utf8.elementsEqual(caller.userID.utf8) {
                _ = try transaction.lockOrganization(organization)
            } else {
                try transaction.lockOrganizationAsOwner(organization)
            }
            if try transaction.requireStoredRole(of: userID, in: organization) == .owner {
                try transaction.session.replaceOwner(userID, of: organization)
            }
            try transaction.session.removeMember(userID, from: organization)
        }
    }
}

extension CallerTransaction {
    fileprivate func member(_ id: UUID, of organization: UUID) throws(PostgresError) -> Member? {
        try self.session.first(
            "\(Member.select) WHERE m.id = $1 AND m.organization_id = $2", [.uuid(id), .uuid(organization)])
    }

    /// Somebody's role; nil for whoever is no member.
    func storedRole(of userID: String, in organization: UUID) throws -> Role? {
        try self.session.storedRole(of: userID, in: organization)
    }

    fileprivate func requireStoredRole(of userID: String, in organization: UUID) throws -> Role {
        guard let role = try self.session.storedRole(of: userID, in: organization) else {
            throw ControlPlaneError.notFound("there is no such member")
        }
        return role
    }

    /// - Throws: NOT_FOUND when nobody, CONFLICT when several people have the e-mail address.
    fileprivate func find(_ person: Person) throws -> String {
        let (condition, value) =
            switch person {
            case .userID(let id): ("user_id = $1", try Input.text(id, "user_id"))
            case .email(let email): ("lower(email) = lower($1) AND email IS NOT NULL", try Input.text(email, "email"))
            }
        let found = try self.session.execute("SELECT user_id FROM users WHERE \(condition) LIMIT 2", [value])
        guard found.count < 2 else {
            throw ControlPlaneError.conflict("several users have this e-mail address: name one by its user id")
        }
        guard let userID = found.first?[0].text else { throw ControlPlaneError.notFound("there is no such user") }
        return userID
    }
}

extension PostgresSession {
    /// In the order in which they joined.
    func members(of organization: UUID, page: PageRequest) throws -> Page<Member> {
        try self.page(
            page, "\(Member.select) WHERE m.organization_id = $1", [.uuid(organization)],
            by: Keyset(time: "m.joined_at", id: "m.id", order: .oldestFirst)
        ) { ($0.joinedAt, $0.id) }
    }
}

/// Changes of memberships; the caller holds the lock of the organization's row.
extension PostgresSession {
    func storedRole(of userID: String, in organization: UUID) throws -> Role? {
        try self.execute(
            "SELECT role FROM organization_members WHERE organization_id = $1 AND user_id = $2",
            [.uuid(organization), try Input.text(userID, "user_id")]
        ).first?[0].text.flatMap(Role.init(rawValue:))
    }

    /// Before an owner stops being one: somebody else must be the owner on record.
    ///
    /// It is the owner who joined first, where `userID` is on record now.
    ///
    /// - Throws: CONFLICT for the last owner, whoever asks.
    func replaceOwner(_ userID: String, of organization: UUID) throws {
        let others = try self.execute(
            """
            SELECT user_id FROM organization_members
            WHERE organization_id = $1 AND role = 'owner' AND user_id <> $2
            ORDER BY joined_at, user_id
            LIMIT 1
            """, [.uuid(organization), .text(userID)])
        guard let next = others.first?[0].text else {
            throw ControlPlaneError.conflict("an organization has an owner: make somebody else one first")
        }
        _ = try self.execute(
            "UPDATE organizations SET owner_id = $3 WHERE id = $1 AND owner_id = $2",
            [.uuid(organization), .text(userID), .text(next)])
    }

    func removeMember(_ userID: String, from organization: UUID) throws(PostgresError) {
        let parameters: [PostgresValue] = [.uuid(organization), .text(userID)]
        _ = try self.execute(
            "UPDATE issues SET assignee_id = NULL, updated_at = now() WHERE organization_id = $1 AND assignee_id = $2",
            parameters)
        _ = try self.execute(
            "DELETE FROM organization_members WHERE organization_id = $1 AND user_id = $2", parameters)
    }
}
