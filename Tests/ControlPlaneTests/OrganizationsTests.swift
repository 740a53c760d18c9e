import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

struct OrganizationsTests {
    @Test func `whoever makes an organization is its owner on record and its first owner`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.caller("ann")
            let made = try await control.operations.createOrganization(
                ann, name: "Org", logo: "https://example.com/l.png")
            #expect(made.role == .owner && made.organization.ownerID == "ann")
            #expect(made.organization.plan == "startup" && made.organization.credits == 0)
            let members = try await control.operations.listMembers(ann, of: made.id).items
            #expect(members.map(\.userID) == ["ann"] && members.map(\.role) == [.owner])
            #expect(try await control.operations.listOrganizations(ann).items == [made])
        }
    }

    @Test func `a change says what it changes: absent is kept, null is cleared, a value is set`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.caller("ann")
            let id = try await control.operations.createOrganization(ann, name: "Org", logo: "l").id
            let renamed = try await control.operations.updateOrganization(ann, id, name: .set("New"))
            #expect(renamed.organization.name == "New" && renamed.organization.logo == "l")
            let cleared = try await control.operations.updateOrganization(ann, id, logo: .clear)
            #expect(cleared.organization.name == "New" && cleared.organization.logo == nil)
            for change in [Patch<String>.clear, .set(""), .set(String(repeating: "x", count: 201)), .set("a\0b")] {
                #expect(
                    await refusal { _ = try await control.operations.updateOrganization(ann, id, name: change) }
                        == .badRequest)
            }
        }
    }

    @Test func `the owner on record hands over only to an owner`() async throws {
        try await ControlFixture.with { control in
            let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
            _ = try await control.user("eve")
            let id = try await control.organization(owner: ann, members: [bob])
            for stranger in ["bob", "eve", "nobody"] {
                #expect(
                    await refusal {
                        _ = try await control.operations.updateOrganization(ann, id, ownerID: .set(stranger))
                    } == .badRequest)
            }
            _ = try await control.operations.setRole(ann, in: id, of: "bob", to: .owner)
            let changed = try await control.operations.updateOrganization(ann, id, ownerID: .set("bob"))
            #expect(changed.organization.ownerID == "bob")
        }
    }

    @Test func `deleting an organization leaves no orphan`() async throws {
        try await ControlFixture.with { control in
            let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
            let id = try await control.organization(owner: ann, members: [bob])
            let kept = try await control.organization(owner: bob)
            try await Self.fill(control, id, by: ann)
            try await Self.fill(control, kept, by: bob)
            let before = try await Self.counts(control)
            try await control.operations.deleteOrganization(ann, id)
            let after = try await Self.counts(control)
            for table in Self.tables {
                // The first organization has one member more, and nothing else.
                let gone = table == "organization_members" ? 2 : (before[table] ?? 0) / 2
                #expect(after[table] == (before[table] ?? 0) - gone, "\(table)")
            }
            let orphans = try await control.column(
                """
                SELECT 'thread' FROM threads WHERE organization_id IS NULL OR project_id IS NULL
                UNION ALL SELECT 'message' FROM messages WHERE organization_id IS NULL
                UNION ALL SELECT 'issue' FROM issues WHERE organization_id IS NULL
                """)
            #expect(orphans == [])
        }
    }

    static let tables = [
        "organizations", "organization_members", "projects", "project_repos", "threads", "messages",
        "message_embeddings", "issues", "issue_threads", "knowledge",
    ]

    static func counts(_ control: ControlFixture) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for table in tables { counts[table] = try await control.count(table) }
        return counts
    }

    /// One row of every table that an organization owns.
    static func fill(_ control: ControlFixture, _ organization: UUID, by caller: Caller) async throws {
        let operations = control.operations
        let project = try await operations.createProject(
            caller, ProjectDraft(name: "P", organizationID: organization)
        ).id
        _ = try await operations.connectRepo(
            caller, to: project, RepoReference(provider: "github", owner: "o", name: "r"))
        var threadDraft = ThreadDraft()
        threadDraft.projectID = project
        let thread = try await operations.createThread(caller, threadDraft).id
        let message = try await operations.createMessage(
            caller, in: thread, MessageDraft(role: .user, content: "hello")
        ).id
        _ = try await operations.setMessageEmbedding(caller, of: message, content: vector(), tools: vector())
        var issueDraft = IssueDraft(title: "I", statusID: "todo", priorityID: "low")
        issueDraft.projectID = project
        let issue = try await operations.createIssue(caller, issueDraft).id
        try await operations.linkThread(caller, thread, to: issue)
        var knowledge = KnowledgeDraft(content: "K", embedding: try vector())
        knowledge.projectID = project
        _ = try await operations.createKnowledge(caller, knowledge)
    }
}
