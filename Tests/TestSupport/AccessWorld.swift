package import Postgres

/// Two organizations with everything in them, made in one stroke: the objects that the rows of ``AccessMatrix`` speak
/// of. Worlds of different numbers live beside each other.
package struct AccessWorld: Sendable {
    package let number: Int

    package init(_ number: Int) {
        self.number = number
    }

    /// The user id of a caller; a token's is its owner's.
    package func userID(_ caller: AccessCaller) -> String {
        switch caller {
        case .anonymous, .expiredToken, .revokedToken, .foreignAudience, .owner: "owner-\(self.number)"
        case .stranger: "stranger-\(self.number)"
        case .otherOwner: "other-\(self.number)"
        case .operatorOnly: "operator"
        case .member: "member-\(self.number)"
        }
    }

    /// Another member of the organization, for the operations on somebody else.
    package var colleague: String { "colleague-\(self.number)" }
    /// Has a row, and may be added.
    package var candidate: String { "candidate-\(self.number)" }
    package var agentSlug: String { "agent-\(self.number)" }

    package enum Thing: Int, CaseIterable, Sendable {
        case organization = 1
        case otherOrganization
        /// Of the organization.
        case project
        /// Of the other organization.
        case otherProject
        /// Of the owner alone.
        case ownProject
        /// Linked with the project only.
        case repo
        /// Linked with the project and the other organization's.
        case sharedRepo
        case issue
        /// Of the owner, in the organization, shared; linked with the issue.
        case thread
        /// Of the owner, in the organization, not shared.
        case privateThread
        case message
        case privateMessage
        case knowledge
        /// A live token of the owner.
        case token
        case expiredToken
        case revokedToken
        case agent
    }

    /// The id of a thing: sixteen bytes as text.
    package func id(_ thing: Thing) -> String {
        func hex(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: digits - text.count) + text
        }
        return "\(hex(thing.rawValue, 8))-0000-4000-8000-\(hex(self.number, 12))"
    }

    /// The 64 hex characters of a token's secret.
    package func secret(_ thing: Thing) -> String {
        self.id(thing).filter { $0 != "-" } + self.id(thing).filter { $0 != "-" }
    }

    /// Makes the world, in one transaction.
    package func make(_ session: PostgresSession) throws(PostgresError) {
        try session.executeScript(self.sql)
    }

    /// Constants of this file only: no value of anybody's.
    private var sql: String {
        let owner = self.userID(.owner)
        let people =
            [.owner, .stranger, .otherOwner, .member].map { self.userID($0) } + [self.colleague, self.candidate]
        let users = people.map { "('\($0)')" }.joined(separator: ", ")
        let organization = self.id(.organization)
        let project = self.id(.project)
        return """
            INSERT INTO users (user_id) VALUES \(users), ('operator') ON CONFLICT DO NOTHING;
            INSERT INTO organizations (id, name, owner_id) VALUES
              ('\(organization)', 'Org', '\(owner)'),
              ('\(self.id(.otherOrganization))', 'Other', '\(self.userID(.otherOwner))');
            INSERT INTO organization_members (organization_id, user_id, role) VALUES
              ('\(organization)', '\(owner)', 'owner'), ('\(organization)', '\(self.userID(.member))', 'member'),
              ('\(organization)', '\(self.colleague)', 'member'),
              ('\(self.id(.otherOrganization))', '\(self.userID(.otherOwner))', 'owner');
            INSERT INTO projects (id, name, user_id, organization_id) VALUES
              ('\(project)', 'P', NULL, '\(organization)'),
              ('\(self.id(.otherProject))', 'O', NULL, '\(self.id(.otherOrganization))'),
              ('\(self.id(.ownProject))', 'Own', '\(owner)', NULL);
            INSERT INTO repos (id, provider, owner, name) VALUES
              ('\(self.id(.repo))', 'forge', 'o', 'r\(self.number)'),
              ('\(self.id(.sharedRepo))', 'forge', 'o', 's\(self.number)');
            INSERT INTO project_repos (project_id, repo_id) VALUES
              ('\(project)', '\(self.id(.repo))'), ('\(project)', '\(self.id(.sharedRepo))'),
              ('\(self.id(.otherProject))', '\(self.id(.sharedRepo))');
            INSERT INTO issues (id, user_id, organization_id, project_id, identifier, title, status_id, priority_id) VALUES
              ('\(self.id(.issue))', '\(owner)', '\(organization)', '\(project)', 'W-\(self.number)', 'I', 'todo', 'low');
            INSERT INTO threads (id, chat_id, user_id, organization_id, project_id, is_shared) VALUES
              ('\(self.id(.thread))', 't\(self.number)', '\(owner)', '\(organization)', '\(project)', true),
              ('\(self.id(.privateThread))', 'p\(self.number)', '\(owner)', '\(organization)', '\(project)', false);
            INSERT INTO issue_threads (issue_id, thread_id) VALUES ('\(self.id(.issue))', '\(self.id(.thread))');
            INSERT INTO messages (id, thread_id, user_id, organization_id, project_id, role, content) VALUES
              ('\(self.id(.message))', '\(self.id(.thread))', '\(owner)', '\(organization)', '\(project)', 'user', 'M'),
              ('\(self.id(.privateMessage))', '\(self.id(.privateThread))', '\(owner)', '\(organization)',
                '\(project)', 'user', 'P');
            INSERT INTO knowledge (id, content, embedding, embedding_model, organization_id, project_id) VALUES
              ('\(self.id(.knowledge))', 'K', array_fill(1::real, ARRAY[1536]), 'm', '\(organization)', '\(project)');
            INSERT INTO agents (id, slug, name) VALUES ('\(self.id(.agent))', '\(self.agentSlug)', 'A');
            INSERT INTO api_tokens (id, user_id, token_hash, name, created_at, expires_at, revoked_at) VALUES
              ('\(self.id(.token))', '\(owner)', sha256('\(self.secret(.token))'), 'live', now(), NULL, NULL),
              ('\(self.id(.expiredToken))', '\(owner)', sha256('\(self.secret(.expiredToken))'), 'expired',
                now() - interval '2 days', now() - interval '1 second', NULL),
              ('\(self.id(.revokedToken))', '\(owner)', sha256('\(self.secret(.revokedToken))'), 'revoked',
                now(), NULL, now());
            """
    }
}
