import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

struct UsersTests {
    @Test func `a row comes with the first action, in its transaction, and not with a look`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.caller("ann|Ann|ann(at)example(dot)com")
            #expect(try await control.operations.me(ann).user == nil)
            #expect(try await control.operations.listOrganizations(ann).items.isEmpty)
            #expect(try await control.operations.listProjects(ann).items.isEmpty)
            #expect(try await control.operations.listThreads(ann).items.isEmpty)
            // An action that fails leaves no row.
            #expect(await refusal { _ = try await control.operations.createOrganization(ann, name: "") } == .badRequest)
            #expect(try await control.count("users") == 0)
            _ = try await control.operations.createOrganization(ann, name: "Org")
            let user = try #require(try await control.operations.me(ann).user)
            #expect(user.userID == "ann" && user.name == "Ann" && user.email == "ann@example.com")
            #expect(user.plan == "free" && user.credits == 0 && user.createdAt != nil)
        }
    }

    @Test func `changed claims are refreshed, absent ones leave what is stored`() async throws {
        try await ControlFixture.with { control in
            _ = try await control.user("ann|Ann|ann(at)example(dot)com")
            _ = try await control.user("ann")
            let ann = try await control.user("ann|Anna")
            let user = try #require(try await control.operations.me(ann).user)
            #expect(user.name == "Anna" && user.email == "ann@example.com")
        }
    }

    @Test func `a row is made for the subject alone, never for an id in a request`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let id = try await control.organization(owner: ann)
            var issue = IssueDraft(title: "I", statusID: "s", priorityID: "p")
            issue.organizationID = id
            issue.assigneeID = "victim"
            let draft = issue
            #expect(await refusal { _ = try await control.operations.createIssue(ann, draft) } == .badRequest)
            #expect(
                await refusal {
                    _ = try await control.operations.addMember(ann, to: id, .userID("victim"), role: .owner)
                } == .notFound)
            #expect(try await control.column("SELECT user_id FROM users") == ["ann"])
        }
    }

    @Test(arguments: ["", String(repeating: "x", count: 256), "a\0b"])
    func `a subject that can be no user id makes no claims`(subject: String) {
        #expect(VerifiedClaims(subject: subject) == nil)
    }

    @Test func `a claim that cannot be stored counts as absent`() throws {
        let claims = try #require(
            VerifiedClaims(
                subject: "ann", name: "a\0b", email: String(repeating: "x", count: 321),
                image: String(repeating: "x", count: 2049)))
        #expect(claims.name == nil && claims.email == nil && claims.image == nil)
    }

    @Test func `operators are named by user id, byte by byte; e-mail grants nothing`() async throws {
        try await ControlFixture.with { control in
            let operations = ControlOperations(
                database: control.database, operators: ["caf\u{e9}", "root@example.com"])
            let draft = AgentDraft(slug: "a", name: "A")
            let right = try await control.caller("caf\u{e9}")
            // Canonically equal, and another id.
            let twin = try await control.caller("cafe\u{301}")
            let owner = try await control.caller("eve|Eve|root(at)example(dot)com")
            for caller in [twin, owner] {
                #expect(await refusal { _ = try await operations.createAgent(caller, draft) } == .forbidden)
                #expect(try await !operations.me(caller).isOperator)
            }
            _ = try await operations.createAgent(right, draft)
        }
    }
}
