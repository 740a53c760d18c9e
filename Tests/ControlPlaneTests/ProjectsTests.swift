import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

struct ProjectsTests {
    @Test func `a project is the caller's own or an organization's, never filed elsewhere`() async throws {
        try await ControlFixture.with { control in
            let (ann, eve) = (try await control.user("ann"), try await control.user("eve"))
            let id = try await control.organization(owner: ann)
            let own = try await control.operations.createProject(ann, ProjectDraft(name: "Own"))
            let shared = try await control.operations.createProject(ann, ProjectDraft(name: "Org", organizationID: id))
            #expect(own.userID == "ann" && own.organizationID == nil)
            #expect(shared.userID == nil && shared.organizationID == id)
            for organization in [id, UUID()] {
                let draft = ProjectDraft(name: "X", organizationID: organization)
                #expect(await refusal { _ = try await control.operations.createProject(eve, draft) } == .notFound)
            }
            #expect(try await control.count("projects") == 2)
            #expect(try await control.operations.listProjects(ann).items == [own])
            #expect(try await control.operations.listProjects(ann, organization: id).items == [shared])
        }
    }

    @Test func `a change says what it changes; the plan's time follows the plan`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            var draft = ProjectDraft(name: "P")
            draft.defaultTools = ["a", "b"]
            draft.systemPrompt = "be kind"
            let made = try await control.operations.createProject(ann, draft)
            #expect(made.autopilotPlanUpdatedAt == nil && made.defaultTools == ["a", "b"])
            var changes = ProjectChanges()
            changes.autopilotPlan = .set("plan")
            changes.defaultTools = .set([])
            let planned = try await control.operations.updateProject(ann, made.id, changes)
            #expect(planned.autopilotPlanUpdatedAt != nil && planned.defaultTools == [])
            #expect(planned.systemPrompt == "be kind" && planned.updatedAt > made.updatedAt)
            changes = ProjectChanges()
            changes.systemPrompt = .clear
            let cleared = try await control.operations.updateProject(ann, made.id, changes)
            #expect(cleared.systemPrompt == nil && cleared.autopilotPlan == "plan")
            #expect(cleared.autopilotPlanUpdatedAt == planned.autopilotPlanUpdatedAt)
            for invalid in [
                { (changes: inout ProjectChanges) in changes.name = .clear },
                { (changes: inout ProjectChanges) in changes.isArchived = .clear },
                { (changes: inout ProjectChanges) in changes.defaultTools = .set(Array(repeating: "t", count: 101)) },
            ] {
                var changes = ProjectChanges()
                invalid(&changes)
                let wrong = changes
                #expect(
                    await refusal { _ = try await control.operations.updateProject(ann, made.id, wrong) } == .badRequest
                )
            }
        }
    }

    @Test func `archived projects have a list of their own`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let first = try await control.operations.createProject(ann, ProjectDraft(name: "1"))
            let second = try await control.operations.createProject(ann, ProjectDraft(name: "2"))
            var changes = ProjectChanges()
            changes.isArchived = .set(true)
            _ = try await control.operations.updateProject(ann, first.id, changes)
            #expect(try await control.operations.listProjects(ann).items.map(\.id) == [second.id])
            #expect(try await control.operations.listProjects(ann, archived: true).items.map(\.id) == [first.id])
        }
    }

    @Test func `deleting a project takes its links and its knowledge, the rest loses the project`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let id = try await control.organization(owner: ann)
            try await OrganizationsTests.fill(control, id, by: ann)
            let project = try #require(try await control.operations.listProjects(ann, organization: id).items.first)
            let details = try await control.operations.project(ann, project.id)
            #expect(details.threadCount == 1 && details.repos.map(\.name) == ["r"])
            try await control.operations.deleteProject(ann, project.id)
            #expect(try await control.count("project_repos") == 0)
            #expect(try await control.count("knowledge") == 0)
            let left = try await control.column(
                """
                SELECT 'thread' FROM threads WHERE project_id IS NULL AND organization_id IS NOT NULL
                UNION ALL SELECT 'message' FROM messages WHERE project_id IS NULL AND organization_id IS NOT NULL
                UNION ALL SELECT 'issue' FROM issues WHERE project_id IS NULL AND organization_id IS NOT NULL
                """)
            #expect(left.sorted() == ["issue", "message", "thread"])
        }
    }
}

struct ReposTests {
    private static func project(_ control: ControlFixture, of caller: Caller) async throws -> UUID {
        try await control.operations.createProject(caller, ProjectDraft(name: "P")).id
    }

    @Test func `connecting finds the row or makes it, and never changes one`() async throws {
        try await ControlFixture.with { control in
            let (ann, eve) = (try await control.user("ann"), try await control.user("eve"))
            let (first, second) = (try await Self.project(control, of: ann), try await Self.project(control, of: eve))
            var reference = RepoReference(provider: "forge", owner: "o", name: "r", url: "https://forge.example/o/r")
            reference.defaultBranch = "main"
            let made = try await control.operations.connectRepo(ann, to: first, reference)
            reference.defaultBranch = "evil"
            reference.url = "https://evil.example/o/r"
            let found = try await control.operations.connectRepo(eve, to: second, reference)
            #expect(found == made && found.url == "https://forge.example/o/r" && found.defaultBranch == "main")
            #expect(try await control.operations.connectRepo(eve, to: second, reference) == made, "twice is once")
            #expect(try await control.count("project_repos") == 2)
            try await control.operations.disconnectRepo(eve, from: second, made.id)
            try await control.operations.disconnectRepo(eve, from: second, made.id)
            #expect(await refusal { _ = try await control.operations.repo(eve, made.id) } == .notFound)
        }
    }

    @Test func `a shared row is changed only by who sees every project that uses it`() async throws {
        try await ControlFixture.with { control in
            let (ann, eve) = (try await control.user("ann"), try await control.user("eve"))
            let reference = RepoReference(provider: "forge", owner: "o", name: "r")
            let (first, second) = (try await Self.project(control, of: ann), try await Self.project(control, of: eve))
            let id = try await control.operations.connectRepo(ann, to: first, reference).id
            #expect(
                try await control.operations.updateRepo(ann, id, defaultBranch: .set("main")).defaultBranch == "main")
            _ = try await control.operations.connectRepo(eve, to: second, reference)
            for caller in [ann, eve] {
                #expect(
                    await refusal {
                        _ = try await control.operations.updateRepo(caller, id, url: .set("https://x.example"))
                    }
                        == .forbidden)
            }
        }
    }

    @Test func `the URL of a known provider is computed, and another one is refused`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let project = try await Self.project(control, of: ann)
            let known = [
                ("github", "o", "https://github.com/o/n"), ("gitlab", "a/b", "https://gitlab.com/a/b/n"),
                ("codeberg", "o", "https://codeberg.org/o/n"), ("bitbucket", "o", "https://bitbucket.org/o/n"),
            ]
            for (provider, owner, url) in known {
                let reference = RepoReference(provider: provider, owner: owner, name: "n")
                let repo = try await control.operations.connectRepo(ann, to: project, reference)
                #expect(repo.url == url)
                #expect(
                    await refusal { _ = try await control.operations.updateRepo(ann, repo.id, url: .clear) }
                        == .badRequest)
            }
            let refused = [
                RepoReference(provider: "github", owner: "o", name: "m", url: "https://evil.example/o/m"),
                RepoReference(provider: "github", owner: "..", name: "m"),
                RepoReference(provider: "github", owner: "o", name: "m?x"),
                RepoReference(provider: "forge", owner: "o", name: "m", url: "javascript:alert(1)"),
                RepoReference(provider: "forge", owner: "o", name: "m", url: "https://x/\"><script>"),
                RepoReference(provider: "Forge", owner: "o", name: "m"),
                RepoReference(provider: "forge", owner: "", name: "m"),
            ]
            for reference in refused {
                #expect(
                    await refusal { _ = try await control.operations.connectRepo(ann, to: project, reference) }
                        == .badRequest,
                    "\(reference)")
            }
        }
    }
}
