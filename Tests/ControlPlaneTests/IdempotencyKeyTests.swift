import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

struct IdempotencyKeyTests {
    private static func key(_ key: String = "k", _ request: String = "POST /projects {}") throws -> IdempotencyKey {
        try IdempotencyKey(key, request: Array(request.utf8))
    }

    @Test func `the same key and request make one row, also when they are sent at once`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.caller("ann")
            let token = try await control.operations.createToken(ann, name: "t").secret.revealed
            for caller in [ann, try await control.authenticator.caller(bearer: token)] {
                let key = try Self.key("k \(caller.credential == ann.credential)")
                let ids = try await withThrowingTaskGroup(of: UUID.self) { group in
                    for _ in 0..<5 {
                        group.addTask {
                            try await control.operations.createProject(caller, ProjectDraft(name: "P"), once: key).id
                        }
                    }
                    return try await group.reduce(into: Set<UUID>()) { $0.insert($1) }
                }
                #expect(ids.count == 1)
            }
            #expect(try await control.count("projects") == 2)
        }
    }

    @Test func `a key belongs to its caller, its operation and its request`() async throws {
        try await ControlFixture.with { control in
            let (ann, eve) = (try await control.user("ann"), try await control.user("eve"))
            let key = try Self.key()
            let made = try await control.operations.createProject(ann, ProjectDraft(name: "P"), once: key)
            #expect(try await control.operations.createProject(eve, ProjectDraft(name: "P"), once: key).id != made.id)
            let other = try Self.key("k", "POST /projects {1}")
            #expect(
                await refusal {
                    _ = try await control.operations.createProject(ann, ProjectDraft(name: "P"), once: other)
                }
                    == .conflict)
            #expect(
                await refusal { _ = try await control.operations.createThread(ann, ThreadDraft(), once: key) }
                    == .conflict)
        }
    }

    @Test func `a repeated request is judged by the rights of its own moment`() async throws {
        try await ControlFixture.with { control in
            let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
            let id = try await control.organization(owner: ann, members: [bob])
            let (key, draft) = (try Self.key(), ProjectDraft(name: "P", organizationID: id))
            let made = try await control.operations.createProject(bob, draft, once: key)
            var changes = ProjectChanges()
            changes.name = .set("Renamed")
            _ = try await control.operations.updateProject(ann, made.id, changes)
            #expect(try await control.operations.createProject(bob, draft, once: key).name == "Renamed")
            try await control.operations.removeMember(ann, from: id, "bob")
            #expect(
                await refusal { _ = try await control.operations.createProject(bob, draft, once: key) } == .notFound)
        }
    }

    @Test func `what failed leaves no key behind`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let key = try Self.key()
            #expect(
                await refusal { _ = try await control.operations.createProject(ann, ProjectDraft(name: ""), once: key) }
                    == .badRequest)
            _ = try await control.operations.createProject(ann, ProjectDraft(name: "P"), once: key)
            #expect(try await control.count("idempotency_keys") == 1)
        }
    }

    @Test func `a token is made once, and its secret is not shown twice`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.caller("ann")
            let key = try Self.key()
            _ = try await control.operations.createToken(ann, name: "t", once: key)
            #expect(
                await refusal { _ = try await control.operations.createToken(ann, name: "t", once: key) } == .conflict)
            #expect(try await control.count("api_tokens") == 1)
        }
    }

    @Test(arguments: ["", String(repeating: "k", count: 256), "a\0b"])
    func `a key has 1 to 255 bytes`(key: String) {
        #expect(throws: ControlPlaneError.self) { try IdempotencyKey(key, request: []) }
    }

    @Test func `every creation finds what its key made`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let bob = try await control.user("bob")
            let root = try await control.caller(ControlFixture.operatorID)
            let operations = control.operations
            let id = try await operations.createOrganization(ann, name: "O", once: Self.key("o")).id
            #expect(try await operations.createOrganization(ann, name: "O", once: Self.key("o")).id == id)
            let member = try await operations.addMember(
                ann, to: id, .userID(bob.userID), role: .member, once: Self.key("m"))
            #expect(
                try await operations.addMember(ann, to: id, .userID("bob"), role: .member, once: Self.key("m"))
                    == member)
            let issue = IssueDraft(title: "I", statusID: "s", priorityID: "p")
            let thread = try await operations.createThread(ann, ThreadDraft(), once: Self.key("t"))
            let message = MessageDraft(role: .user, content: "x")
            let knowledge = KnowledgeDraft(content: "K", embedding: try vector())
            let agent = AgentDraft(slug: "a", name: "A")
            for _ in 0..<2 {
                #expect(try await operations.createThread(ann, ThreadDraft(), once: Self.key("t")).id == thread.id)
                _ = try await operations.createIssue(ann, issue, once: Self.key("i"))
                _ = try await operations.createMessage(ann, in: thread.id, message, once: Self.key("x"))
                _ = try await operations.createKnowledge(ann, knowledge, once: Self.key("k"))
                _ = try await operations.createAgent(root, agent, once: Self.key("a"))
            }
            for table in ["issues", "threads", "messages", "knowledge", "agents", "organizations"] {
                #expect(try await control.count(table) == 1, "\(table)")
            }
        }
    }
}
