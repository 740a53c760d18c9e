import ControlPlane
import HTTPTypes
import Nostr

extension Shapes {
    /// As an operator sees it.
    static let organization = Shape<Organization>(
        "Organization", .uuid("id", \.id), .text("name", \.name), .text("logo", \.logo), .text("plan", \.plan),
        .integer("credits", \.credits), .time("created_at", \.createdAt), .text("owner_id", \.ownerID))

    /// As a member sees it.
    static let ownOrganization = Shape<OwnOrganization>(
        "Organization", of: organization, \.organization, .word("role", \.role))
}

extension Shapes {
    static let member = Shape<Member>(
        "Member", .uuid("id", \.id), .uuid("organization_id", \.organizationID), .text("user_id", \.userID),
        .word("role", \.role), .time("joined_at", \.joinedAt), .text("name", \.name), .text("username", \.username),
        .text("image", \.image))
}

private enum OrganizationFields {
    static let name = Field("name", .text(1...200))
    static let logo = Field("logo", .text(0...2_048))
    static let ownerID = Field("owner_id", .text(1...255), "The owner on record; an owner already.")
}

private enum MemberFields {
    static let userID = Field("user_id", .text(1...255), "Either this or `email`.")
    static let email = Field("email", .text(1...320), "Stands for the one user that has it.")
    static let role = Field<Role>("role", .choice)
}

extension RouteTable {
    private static let organization = Shown("organization", Shapes.ownOrganization)
    private static let member = Shown("member", Shapes.member)

    static let organizations: [Route] = [
        .list(
            "/organizations", "listOrganizations", "The caller's organizations, newest first, with its role in each.",
            Shown("organizations", Shapes.ownOrganization)
        ) { try await $0.plane.listOrganizations($0.caller, page: $0.page) },
        .create(
            "/organizations", "createOrganization", "Makes an organization that the caller owns.", organization,
            BodyShape("OrganizationCreation", OrganizationFields.name.required, OrganizationFields.logo.optional)
        ) {
            try await $0.plane.createOrganization(
                $0.caller, name: $0.body.required(OrganizationFields.name),
                logo: $0.body.optional(OrganizationFields.logo), once: $0.idempotencyKey)
        },
        .get("/organizations/{id}", "getOrganization", "An organization of the caller.", organization) {
            try await $0.plane.organization($0.caller, $0.id())
        },
        .change(
            "/organizations/{id}", "updateOrganization", "Changes an organization. For owners.", organization,
            BodyShape(
                "OrganizationChange", OrganizationFields.name.optional, OrganizationFields.logo.optional,
                OrganizationFields.ownerID.optional),
            errors: [.forbidden]
        ) {
            try await $0.plane.updateOrganization(
                $0.caller, $0.id(), name: $0.body.patch(OrganizationFields.name),
                logo: $0.body.patch(OrganizationFields.logo), ownerID: $0.body.patch(OrganizationFields.ownerID))
        },
        .act(
            .delete, "/organizations/{id}", "deleteOrganization",
            "Deletes an organization with everything that belongs to it. For owners.", errors: [.forbidden]
        ) { try await $0.plane.deleteOrganization($0.caller, $0.id()) },
    ]

    static let members: [Route] = [
        .list(
            "/organizations/{id}/members", "listMembers", "The members, in the order in which they joined.",
            Shown("members", Shapes.member)
        ) { try await $0.plane.listMembers($0.caller, of: $0.id(), page: $0.page) },
        .create(
            "/organizations/{id}/members", "addMember", "Adds somebody who has used the control plane. For owners.",
            member,
            BodyShape(
                "MemberCreation", MemberFields.userID.optional, MemberFields.email.optional,
                MemberFields.role.required),
            errors: [.forbidden, .conflict]
        ) { exchange in
            let person: Person
            switch (try exchange.body.optional(MemberFields.userID), try exchange.body.optional(MemberFields.email)) {
            case (let userID?, nil): person = .userID(userID)
            case (nil, let email?): person = .email(email)
            default: throw ControlPlaneError.badRequest("name the person by user_id or by email, not by both")
            }
            return try await exchange.plane.addMember(
                exchange.caller, to: exchange.id(), person, role: exchange.body.required(MemberFields.role),
                once: exchange.idempotencyKey)
        },
        .change(
            "/organizations/{id}/members/{user_id}", "setRole",
            "Makes a member an owner, or an owner a member. For owners; the last one stays.", member,
            BodyShape("MemberChange", MemberFields.role.required), errors: [.forbidden, .conflict]
        ) {
            try await $0.plane.setRole(
                $0.caller, in: $0.id(), of: $0.parameter("user_id"), to: $0.body.required(MemberFields.role))
        },
        .act(
            .delete, "/organizations/{id}/members/{user_id}", "removeMember",
            "Removes a member. For owners, and for everybody about themselves; the last owner stays.",
            errors: [.forbidden, .conflict]
        ) { try await $0.plane.removeMember($0.caller, from: $0.id(), $0.parameter("user_id")) },
    ]
}
