package import FoundationEssentials
import Postgres

/// A row of `organizations` and what the caller is there.
package struct Organization: TableRow, Identified {
    static package let columns = ["id", "name", "logo", "plan", "credits", "created_at", "owner_id"]

    package let id: UUID
    package let name: String
    package let logo: String?
    package let plan: String
    package let credits: Int
    package let createdAt: WallTime
    /// The owner on record.
    package let ownerID: String

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.name = reader.text()
        self.logo = reader.optionalText()
        self.plan = reader.text()
        self.credits = reader.int()
        self.createdAt = reader.time()
        self.ownerID = reader.text()
    }
}

/// An organization through the eyes of a member.
package struct OwnOrganization: TableRow, Identified {
    static package let columns = Organization.columns

    package let organization: Organization
    /// The caller's.
    package let role: Role

    package var id: UUID { self.organization.id }

    /// The role follows the columns of the organization.
    package init(_ reader: inout RowReader) {
        self.organization = Organization(&reader)
        self.role = reader.word()
    }
}

extension CallerTransaction {
    /// The caller's organizations, with the role in each; `o` and `m` are the tables.
    fileprivate static let ownOrganizations = """
        SELECT \(Organization.columns(of: "o")), m.role
        FROM organizations AS o JOIN organization_members AS m ON m.organization_id = o.id AND m.user_id = $1
        """

    fileprivate func ownOrganization(_ id: UUID) throws -> OwnOrganization? {
        try self.first("\(Self.ownOrganizations) WHERE o.id = $2", [.uuid(id)])
    }

    fileprivate func requireOwnOrganization(_ id: UUID) throws -> OwnOrganization {
        guard let found = try self.ownOrganization(id) else {
            throw ControlPlaneError.notFound("there is no such organization")
        }
        return found
    }
}

extension ControlOperations {
    /// Makes an organization whose owner on record, and first member, is the caller.
    package func createOrganization(
        _ caller: Caller, name: String, logo: String? = nil, once key: IdempotencyKey? = nil
    ) async throws -> OwnOrganization {
        try await self.create(caller, "organization", once: key) {
            try $0.ownOrganization($1)
        } _: { transaction in
            let made: Organization? = try transaction.first(
                """
                WITH o AS (INSERT INTO organizations (name, logo, owner_id) VALUES ($2, $3, $1) RETURNING *),
                  m AS (INSERT INTO organization_members (organization_id, user_id, role)
                    SELECT o.id, $1, 'owner' FROM o)
                SELECT \(Organization.columns(of: "o")) FROM o
                """, [try Input.text(name, "name"), try Input.text(logo, "logo")])
            guard let made else { preconditionFailure("INSERT returns its row") }
            return try transaction.requireOwnOrganization(made.id)
        }
    }

    /// The organizations that the caller is a member of, newest first.
    package func listOrganizations(_ caller: Caller, page: PageRequest = .first) async throws -> Page<OwnOrganization> {
        try await self.read(caller) { transaction in
            try transaction.page(
                page, "\(CallerTransaction.ownOrganizations) WHERE true", [],
                by: Keyset(time: "o.created_at", id: "o.id", order: .newestFirst)
            ) { ($0.organization.createdAt, $0.id) }
        }
    }

    package func organization(_ caller: Caller, _ id: UUID) async throws -> OwnOrganization {
        try await self.read(caller) { try $0.requireOwnOrganization(id) }
    }

    /// Changes name, logo or the owner on record, who must be an owner already. For owners.
    package func updateOrganization(
        _ caller: Caller, _ id: UUID, name: Patch<String> = .keep, logo: Patch<String> = .keep,
        ownerID: Patch<String> = .keep
    ) async throws -> OwnOrganization {
        try await self.write(caller) { transaction in
            try transaction.lockOrganizationAsOwner(id)
            if case .set(let owner) = ownerID, try transaction.storedRole(of: owner, in: id) != .owner {
                throw ControlPlaneError.badRequest("owner_id is not an owner of the organization")
            }
            var changes = Assignments(toRow: id)
            try changes.require("name", name) { try Input.text($0, "name") }
            try changes.assign("logo", logo) { try Input.text($0, "logo") }
            try changes.require("owner_id", ownerID) { try Input.text($0, "owner_id") }
            try transaction.session.update("organizations", set: changes)
            return try transaction.requireOwnOrganization(id)
        }
    }

    /// Deletes the organization and all that belongs to it, in one transaction. For owners.
    package func deleteOrganization(_ caller: Caller, _ id: UUID) async throws {
        try await self.write(caller) { transaction in
            try transaction.lockOrganizationAsOwner(id)
            _ = try transaction.session.execute("DELETE FROM organizations WHERE id = $1", [.uuid(id)])
        }
    }
}
