/// Who asks in the matrix of rights.
package enum AccessCaller: String, CaseIterable, Sendable {
    /// No credential at all.
    case anonymous
    /// A token of the owner that has expired.
    case expiredToken
    /// A token of the owner that was revoked.
    case revokedToken
    /// A JWT of the owner that was made for another audience; only whoever verifies JWTs can tell.
    case foreignAudience
    /// Signed in, and in no organization.
    case stranger
    /// The owner of another organization.
    case otherOwner
    /// A user id that the configuration names: no rights over tenants.
    case operatorOnly
    /// A member of the organization, who is no owner.
    case member
    /// The owner of the organization and the author of what is in it.
    case owner

    /// Those whose credential is refused, whatever they ask for.
    package static let unknown: [AccessCaller] = [.anonymous, .expiredToken, .revokedToken, .foreignAudience]
}

/// What an operation answers.
package enum AccessOutcome: String, Sendable {
    case ok = "OK"
    case badRequest = "BAD_REQUEST"
    case unauthorized = "UNAUTHORIZED"
    case forbidden = "FORBIDDEN"
    case notFound = "NOT_FOUND"
    case conflict = "CONFLICT"
}

/// Every operation of the control plane and what each caller hears (control-plane.md §9), on the objects of
/// ``AccessWorld``. The library's tests and the HTTP surface's read the same table.
package enum AccessMatrix {
    /// The columns: stranger, otherOwner, operatorOnly, member, owner.
    private static let everybody: [AccessOutcome] = [.ok, .ok, .ok, .ok, .ok]
    private static let members: [AccessOutcome] = [.notFound, .notFound, .notFound, .ok, .ok]
    private static let owners: [AccessOutcome] = [.notFound, .notFound, .notFound, .forbidden, .ok]
    private static let author: [AccessOutcome] = [.notFound, .notFound, .notFound, .notFound, .ok]
    private static let operators: [AccessOutcome] = [.forbidden, .forbidden, .ok, .forbidden, .forbidden]
    /// Search without the line `control-vector`: the scope is judged first.
    private static let searchers: [AccessOutcome] = [.notFound, .notFound, .notFound, .badRequest, .badRequest]

    package static let rows: [(operation: String, outcomes: [AccessOutcome])] = [
        ("me", everybody),
        ("createToken", everybody),
        ("listTokens", everybody),
        ("revokeToken", author),
        ("setGitHubTokens", everybody),
        ("gitHubTokens", everybody),
        ("clearGitHubTokens", everybody),

        ("createOrganization", everybody),
        ("listOrganizations", everybody),
        ("organization", members),
        ("updateOrganization", owners),
        ("deleteOrganization", owners),
        ("listMembers", members),
        ("addMember", owners),
        ("setRole", owners),
        ("removeMember", owners),
        // The only owner stays.
        ("removeMember of oneself", [.notFound, .notFound, .notFound, .ok, .conflict]),

        ("createProject", members),
        ("createProject of one's own", everybody),
        ("listProjects", members),
        ("project", members),
        ("project of the owner alone", author),
        ("updateProject", members),
        ("deleteProject", owners),
        ("connectRepo", members),
        ("disconnectRepo", members),
        ("listRepos", members),
        ("repo", members),
        ("updateRepo", members),
        // The other organization uses it as well, and nobody sees both.
        ("updateRepo shared", [.notFound, .forbidden, .notFound, .forbidden, .forbidden]),

        ("createIssue", members),
        ("listIssues", members),
        ("issue", members),
        ("updateIssue", members),
        ("deleteIssue", owners),
        ("linkThread", members),
        ("linkThread private", author),
        ("unlinkThread", members),
        ("listThreads of an issue", members),

        ("createThread", members),
        ("listThreads", members),
        ("thread", members),
        ("thread private", author),
        ("updateThread", owners),
        ("deleteThread", owners),
        ("createMessage", owners),
        ("createMessage private", author),
        ("listMessages", members),
        ("message", members),
        ("message private", author),
        ("setMessageEmbedding", owners),
        ("searchMessages", searchers),

        ("createKnowledge", members),
        ("listKnowledge", members),
        ("knowledge", members),
        ("updateKnowledge", members),
        ("deleteKnowledge", members),
        ("searchKnowledge", searchers),

        ("listAgents", everybody),
        ("agent", everybody),
        ("createAgent", operators),
        ("updateAgent", operators),
        ("deleteAgent", operators),
    ]

    /// What the caller hears for the row's operation.
    package static func expected(_ outcomes: [AccessOutcome], for caller: AccessCaller) -> AccessOutcome {
        switch caller {
        case .anonymous, .expiredToken, .revokedToken, .foreignAudience: .unauthorized
        case .stranger: outcomes[0]
        case .otherOwner: outcomes[1]
        case .operatorOnly: outcomes[2]
        case .member: outcomes[3]
        case .owner: outcomes[4]
        }
    }
}
