import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

struct IssuesTests {
    private static func draft(
        project: UUID? = nil, organization: UUID? = nil, assignee: String? = nil
    ) -> IssueDraft {
        var draft = IssueDraft(title: "I", statusID: "todo", priorityID: "low")
        draft.projectID = project
        draft.organizationID = organization
        draft.assigneeID = assignee
        return draft
    }

    private static func changes(_ change: (inout IssueChanges) -> Void) -> IssueChanges {
        var changes = IssueChanges()
        change(&changes)
        return changes
    }

    @Test func `an issue takes the organization of its project, and another one is refused`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let (id, other) = (try await control.organization(owner: ann), try await control.organization(owner: ann))
            let project = try await control.operations.createProject(
                ann, ProjectDraft(name: "P", organizationID: id)
            ).id
            let issue = try await control.operations.createIssue(ann, Self.draft(project: project))
            #expect(issue.organizationID == id && issue.projectID == project && issue.userID == "ann")
            let mixed = Self.draft(project: project, organization: other)
            #expect(await refusal { _ = try await control.operations.createIssue(ann, mixed) } == .badRequest)
            // Clearing the project keeps the organization; setting one sets it.
            let cleared = try await control.operations.updateIssue(
                ann, issue.id, Self.changes { $0.projectID = .clear })
            #expect(cleared.projectID == nil && cleared.organizationID == id)
            let moved = try await control.operations.createProject(
                ann, ProjectDraft(name: "Q", organizationID: other)
            ).id
            let set = try await control.operations.updateIssue(
                ann, issue.id, Self.changes { $0.projectID = .set(moved) })
            #expect(set.projectID == moved && set.organizationID == other)
        }
    }

    @Test func `a project that the caller does not see is an error, and the row is filed nowhere`() async throws {
        try await ControlFixture.with { control in
            let (ann, eve) = (try await control.user("ann"), try await control.user("eve"))
            let project = try await control.operations.createProject(ann, ProjectDraft(name: "P")).id
            for draft in [Self.draft(project: project), Self.draft(project: UUID()), Self.draft(organization: UUID())] {
                #expect(await refusal { _ = try await control.operations.createIssue(eve, draft) } == .notFound)
            }
            #expect(try await control.count("issues") == 0)
            let own = try await control.operations.createIssue(eve, Self.draft()).id
            let into = Self.changes { $0.projectID = .set(project) }
            #expect(await refusal { _ = try await control.operations.updateIssue(eve, own, into) } == .notFound)
        }
    }

    @Test func `a change without an assignee leaves the assignee alone`() async throws {
        try await ControlFixture.with { control in
            let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
            let id = try await control.organization(owner: ann, members: [bob])
            var draft = Self.draft(organization: id, assignee: "bob")
            draft.dueDate = try WallTime(milliseconds: 2_000_000_000_000)
            draft.labelIDs = ["a"]
            let issue = try await control.operations.createIssue(ann, draft)
            let titled = try await control.operations.updateIssue(
                bob, issue.id,
                Self.changes {
                    $0.title = .set("New"); $0.dueDate = .clear
                })
            #expect(titled.assigneeID == "bob" && titled.dueDate == nil && titled.labelIDs == ["a"])
            let cleared = try await control.operations.updateIssue(
                ann, issue.id, Self.changes { $0.assigneeID = .clear })
            #expect(cleared.assigneeID == nil && cleared.title == "New")
            for wrong in [
                Self.changes { $0.title = .clear }, Self.changes { $0.labelIDs = .clear },
                Self.changes { $0.statusID = .set("") }, Self.changes { $0.rank = .set(.nan) },
            ] {
                #expect(
                    await refusal { _ = try await control.operations.updateIssue(ann, issue.id, wrong) } == .badRequest)
            }
        }
    }

    @Test func `an assignee sees the issue`() async throws {
        try await ControlFixture.with { control in
            let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
            _ = try await control.user("eve")
            let id = try await control.organization(owner: ann, members: [bob])
            for (draft, isFine) in [
                (Self.draft(organization: id, assignee: "bob"), true),
                (Self.draft(organization: id, assignee: "eve"), false),
                (Self.draft(assignee: "ann"), true), (Self.draft(assignee: "bob"), false),
                (Self.draft(assignee: "nobody"), false),
            ] {
                let code = await refusal { _ = try await control.operations.createIssue(ann, draft) }
                #expect(code == (isFine ? nil : .badRequest), "\(draft)")
            }
            // Moving an issue must not leave an assignee behind who no longer sees it.
            let issue = try await control.operations.createIssue(ann, Self.draft(organization: id, assignee: "bob")).id
            let own = try await control.operations.createProject(ann, ProjectDraft(name: "Own")).id
            let move = Self.changes { $0.projectID = .set(own) }
            #expect(await refusal { _ = try await control.operations.updateIssue(ann, issue, move) } == .badRequest)
            let both = Self.changes {
                $0.projectID = .set(own); $0.assigneeID = .clear
            }
            #expect(try await control.operations.updateIssue(ann, issue, both).organizationID == nil)
        }
    }

    @Test func `an issue leaves its organization only by the hand of who may delete it`() async throws {
        try await ControlFixture.with { control in
            let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
            let id = try await control.organization(owner: ann, members: [bob])
            let issue = try await control.operations.createIssue(ann, Self.draft(organization: id)).id
            let own = try await control.operations.createProject(bob, ProjectDraft(name: "Own")).id
            let move = Self.changes { $0.projectID = .set(own) }
            #expect(await refusal { _ = try await control.operations.updateIssue(bob, issue, move) } == .forbidden)
            #expect(await refusal { try await control.operations.deleteIssue(bob, issue) } == .forbidden)
            try await control.operations.deleteIssue(ann, issue)
        }
    }

    @Test func `identifiers are unique, also for issues of one moment`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<5 { _ = try await control.operations.createIssue(ann, Self.draft()) }
                    }
                }
                try await group.waitForAll()
            }
            let identifiers = try await control.column("SELECT identifier FROM issues")
            #expect(Set(identifiers).count == 40)
            #expect(identifiers.allSatisfy { $0.wholeMatch(of: /ISS-[0-9A-Z]{8}/) != nil })
        }
    }

    @Test func `linking wants to see both, and twice is once`() async throws {
        try await ControlFixture.with { control in
            let (ann, eve) = (try await control.user("ann"), try await control.user("eve"))
            let issue = try await control.operations.createIssue(ann, Self.draft()).id
            let thread = try await control.operations.createThread(ann, ThreadDraft()).id
            let foreign = try await control.operations.createThread(eve, ThreadDraft()).id
            for _ in 0..<2 { try await control.operations.linkThread(ann, thread, to: issue) }
            #expect(await refusal { try await control.operations.linkThread(ann, foreign, to: issue) } == .notFound)
            #expect(await refusal { try await control.operations.linkThread(eve, foreign, to: issue) } == .notFound)
            #expect(try await control.operations.listThreads(ann, of: issue).items.map(\.id) == [thread])
            for _ in 0..<2 { try await control.operations.unlinkThread(ann, thread, from: issue) }
            #expect(try await control.operations.listThreads(ann, of: issue).items.isEmpty)
        }
    }
}
