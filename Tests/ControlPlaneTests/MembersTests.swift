import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

struct MembersTests {
    @Test func `a member is added by user id, or by an e-mail address that one row has`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            _ = try await control.user("bob|Bob|Bob(at)example(dot)com")
            _ = try await control.user("eve|Eve|shared(at)example(dot)com")
            _ = try await control.user("ida|Ida|shared(at)example(dot)com")
            let id = try await control.organization(owner: ann)
            let bob = try await control.operations.addMember(ann, to: id, .email("bob@EXAMPLE.com"), role: .member)
            #expect(bob.userID == "bob" && bob.name == "Bob" && bob.role == .member)
            let expected: [(Person, ControlPlaneError.Code)] = [
                (.email("shared@example.com"), .conflict), (.email("nobody@example.com"), .notFound),
                (.userID("nobody"), .notFound), (.userID("bob"), .conflict), (.email(""), .notFound),
            ]
            for (person, code) in expected {
                #expect(
                    await refusal { _ = try await control.operations.addMember(ann, to: id, person, role: .member) }
                        == code,
                    "\(person)")
            }
        }
    }

    @Test func `the last owner stays, for everybody, and the record follows who leaves`() async throws {
        try await ControlFixture.with { control in
            let people = try await ["ann", "bob", "cid", "dan"].asyncMap { try await control.user($0) }
            let (ann, bob, cid) = (people[0], people[1], people[2])
            let id = try await control.organization(owner: ann, members: Array(people[1...]))
            #expect(await refusal { try await control.operations.removeMember(ann, from: id, "ann") } == .conflict)
            #expect(
                await refusal { _ = try await control.operations.setRole(ann, in: id, of: "ann", to: .member) }
                    == .conflict)
            // Bob and Cid become owners; Bob joined first.
            _ = try await control.operations.setRole(ann, in: id, of: "cid", to: .owner)
            _ = try await control.operations.setRole(ann, in: id, of: "bob", to: .owner)
            try await control.operations.removeMember(ann, from: id, "ann")
            #expect(try await control.operations.organization(bob, id).organization.ownerID == "bob")
            _ = try await control.operations.setRole(cid, in: id, of: "bob", to: .member)
            #expect(try await control.operations.organization(bob, id).organization.ownerID == "cid")
            #expect(await refusal { try await control.operations.removeMember(cid, from: id, "cid") } == .conflict)
            #expect(await refusal { _ = try await control.operations.organization(ann, id) } == .notFound)
        }
    }

    @Test func `whoever leaves loses access, to their own rows as well, and is no assignee any more`() async throws {
        try await ControlFixture.with { control in
            let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
            let id = try await control.organization(owner: ann, members: [bob])
            var threadDraft = ThreadDraft()
            threadDraft.organizationID = id
            let thread = try await control.operations.createThread(bob, threadDraft).id
            let message = try await control.operations.createMessage(
                bob, in: thread, MessageDraft(role: .user, content: "mine")
            ).id
            var issueDraft = IssueDraft(title: "I", statusID: "todo", priorityID: "low")
            issueDraft.organizationID = id
            issueDraft.assigneeID = "bob"
            let issue = try await control.operations.createIssue(bob, issueDraft).id
            var knowledgeDraft = KnowledgeDraft(content: "K", embedding: try vector())
            knowledgeDraft.organizationID = id
            let knowledge = try await control.operations.createKnowledge(bob, knowledgeDraft).id
            try await control.operations.removeMember(bob, from: id, "bob")
            #expect(await refusal { _ = try await control.operations.thread(bob, thread) } == .notFound)
            #expect(await refusal { _ = try await control.operations.message(bob, message) } == .notFound)
            #expect(await refusal { _ = try await control.operations.issue(bob, issue) } == .notFound)
            #expect(await refusal { _ = try await control.operations.knowledge(bob, knowledge) } == .notFound)
            #expect(try await control.operations.listThreads(bob).items.isEmpty)
            #expect(try await control.operations.listIssues(bob).items.isEmpty)
            #expect(try await control.operations.listKnowledge(bob).items.isEmpty)
            #expect(try await control.operations.issue(ann, issue).assigneeID == nil)
        }
    }
}

/// No sequence of calls leaves an organization without an owner (control-plane.md §9.2).
struct LastOwnerTests {
    private static let people = ["p0", "p1", "p2", "p3"]

    /// Organizations that break the invariant.
    private static func broken(_ control: ControlFixture) async throws -> [String] {
        try await control.column(
            """
            SELECT o.id::text FROM organizations AS o
            WHERE NOT EXISTS (SELECT FROM organization_members AS m
              WHERE m.organization_id = o.id AND m.user_id = o.owner_id AND m.role = 'owner')
            """)
    }

    private enum Step {
        case add(String, Role)
        case setRole(String, Role)
        case remove(String)
        case handOver(String)
    }

    private static func step(_ generator: inout SplitMix64) -> (by: Int, Step) {
        let by = Int.random(in: 0..<Self.people.count, using: &generator)
        let whom = Self.people[Int.random(in: 0..<Self.people.count, using: &generator)]
        let role: Role = Bool.random(using: &generator) ? .owner : .member
        let step: Step =
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<3: .add(whom, role)
            case 3..<6: .setRole(whom, role)
            case 6..<9: .remove(whom)
            default: .handOver(whom)
            }
        return (by, step)
    }

    /// A refusal is an answer like any other; everything else fails the test.
    private static func take(
        _ step: Step, by caller: Caller, in organization: UUID, _ operations: ControlOperations
    ) async throws {
        do {
            switch step {
            case .add(let user, let role):
                _ = try await operations.addMember(caller, to: organization, .userID(user), role: role)
            case .setRole(let user, let role):
                _ = try await operations.setRole(caller, in: organization, of: user, to: role)
            case .remove(let user): try await operations.removeMember(caller, from: organization, user)
            case .handOver(let user):
                _ = try await operations.updateOrganization(caller, organization, ownerID: .set(user))
            }
        } catch is ControlPlaneError {}
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `no sequence of calls leaves an organization without an owner`(seed: UInt64) async throws {
        try await ControlFixture.with { control in
            var generator = SplitMix64(seed: seed)
            let callers = try await Self.people.asyncMap { try await control.user($0) }
            let organization = try await control.organization(owner: callers[0], members: [callers[1]])
            for count in 0..<150 {
                let (by, step) = Self.step(&generator)
                try await Self.take(step, by: callers[by], in: organization, control.operations)
                let broken = try await Self.broken(control)
                #expect(broken == [], "after \(count): \(step) by \(by), seed \(seed)")
                if !broken.isEmpty { return }
            }
            // The calls were no idle ones.
            #expect(try await control.count("organization_members") >= 1)
        }
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `no calls at once leave an organization without an owner`(seed: UInt64) async throws {
        try await ControlFixture.with { control in
            let callers = try await Self.people.asyncMap { try await control.user($0) }
            let organization = try await control.organization(owner: callers[0], members: Array(callers[1...]))
            for user in Self.people[1...] {
                _ = try await control.operations.setRole(callers[0], in: organization, of: user, to: .owner)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<4 as Range<UInt64> {
                    group.addTask {
                        var generator = SplitMix64(seed: seed * 100 + worker)
                        for _ in 0..<40 {
                            let (by, step) = Self.step(&generator)
                            try await Self.take(step, by: callers[by], in: organization, control.operations)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await Self.broken(control) == [])
        }
    }

    @Test func `two owners who leave at once do not both get away`() async throws {
        try await ControlFixture.with { control in
            let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
            for _ in 0..<20 {
                let id = try await control.organization(owner: ann, members: [bob])
                _ = try await control.operations.setRole(ann, in: id, of: "bob", to: .owner)
                async let first = refusal { try await control.operations.removeMember(ann, from: id, "ann") }
                async let second = refusal { try await control.operations.removeMember(bob, from: id, "bob") }
                let outcomes = await [first, second]
                #expect(outcomes.count { $0 == nil } == 1 && outcomes.contains(.conflict))
            }
            #expect(try await Self.broken(control) == [])
        }
    }

    @Test func `the database itself refuses an owner on record who is no member`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            _ = try await control.user("bob")
            _ = try await control.organization(owner: ann)
            for change in ["UPDATE organizations SET owner_id = 'bob'", "DELETE FROM organization_members"] {
                let error = await #expect(throws: PostgresError.self) { try await control.script(change) }
                guard case .server(let report) = error else { continue }
                #expect(report.constraint == "organizations_owner_is_member")
            }
        }
    }
}

extension Array {
    func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
