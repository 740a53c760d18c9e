import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

struct KnowledgeTests {
    @Test func `knowledge takes its owner from its project, its organization or the caller`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let id = try await control.organization(owner: ann)
            let shared = try await control.operations.createProject(ann, ProjectDraft(name: "P", organizationID: id)).id
            let own = try await control.operations.createProject(ann, ProjectDraft(name: "Own")).id
            let expected: [(UUID?, UUID?, String?, UUID?)] = [
                (nil, nil, "ann", nil), (nil, own, "ann", nil), (id, nil, nil, id), (nil, shared, nil, id),
            ]
            for (organization, project, user, owner) in expected {
                var draft = KnowledgeDraft(content: "K", embedding: try vector())
                draft.organizationID = organization
                draft.projectID = project
                draft.tags = ["t"]
                let made = try await control.operations.createKnowledge(ann, draft)
                #expect(made.userID == user && made.organizationID == owner && made.projectID == project)
                #expect(made.tags == ["t"] && made.embeddingModel == "m")
            }
            #expect(try await control.operations.listKnowledge(ann).items.count == 2)
            #expect(try await control.operations.listKnowledge(ann, in: .organization(id)).items.count == 2)
            #expect(try await control.operations.listKnowledge(ann, in: .project(shared)).items.count == 1)
        }
    }

    @Test func `title, tags and source change; the content and its vector are one`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            var draft = KnowledgeDraft(content: "K", embedding: try vector())
            draft.title = "T"
            draft.source = "S"
            let id = try await control.operations.createKnowledge(ann, draft).id
            var changes = KnowledgeChanges()
            changes.title = .clear
            changes.tags = .set(["a"])
            let changed = try await control.operations.updateKnowledge(ann, id, changes)
            #expect(changed.title == nil && changed.tags == ["a"] && changed.source == "S" && changed.content == "K")
            try await control.operations.deleteKnowledge(ann, id)
            #expect(await refusal { _ = try await control.operations.knowledge(ann, id) } == .notFound)
        }
    }
}

struct AgentsTests {
    @Test func `agents are listed by order and slug, page by page, and at most one is the default`() async throws {
        try await ControlFixture.with { control in
            let root = try await control.caller(ControlFixture.operatorID)
            let ann = try await control.caller("ann")
            for (slug, order) in [("c", 2), ("b", 1), ("a", 2), ("d", -1)] as [(String, Int32)] {
                var draft = AgentDraft(slug: slug, name: slug)
                draft.sortOrder = order
                draft.agentType = .coder
                _ = try await control.operations.createAgent(root, draft)
            }
            var slugs: [String] = []
            var cursor: String?
            repeat {
                let page = try await control.operations.listAgents(ann, page: PageRequest(limit: 1, cursor: cursor))
                slugs += page.items.map(\.slug)
                cursor = page.next?.text
            } while cursor != nil
            #expect(slugs == ["d", "b", "a", "c"])
            var changes = AgentChanges()
            changes.isDefault = .set(true)
            changes.agentType = .clear
            let changed = try await control.operations.updateAgent(root, "a", changes)
            #expect(changed.isDefault && changed.agentType == nil && changed.sortOrder == 2)
            let second = changes
            #expect(await refusal { _ = try await control.operations.updateAgent(root, "b", second) } == .conflict)
            let taken = AgentDraft(slug: "a", name: "A")
            #expect(await refusal { _ = try await control.operations.createAgent(root, taken) } == .conflict)
            try await control.operations.deleteAgent(root, "a")
            #expect(await refusal { _ = try await control.operations.agent(ann, "a") } == .notFound)
        }
    }
}

struct PageTests {
    @Test(arguments: [0, -1, 201])
    func `a page has 1 to 200 rows`(limit: Int) {
        #expect(throws: ControlPlaneError.badRequest("a page has 1 to 200 rows")) { try PageRequest(limit: limit) }
    }

    @Test(arguments: [
        "", "zz", "0", "01", "0100000000000000", String(repeating: "01", count: 300),
        "04" + String(repeating: "00", count: 24),
    ])
    func `a cursor that is not one of ours is refused`(text: String) {
        #expect(throws: ControlPlaneError.self) { try PageRequest(cursor: text) }
    }

    @Test func `a cursor comes back as it went, and belongs to its list`() throws {
        let id = try #require(UUID(uuidString: "6D1E2C1C-0B7A-4D0E-9A36-5F2F1C1B7A10"))
        let cursor = Cursor(WallTime(microseconds: -1), id)
        #expect(try Cursor(text: cursor.text) == cursor)
        #expect(try cursor.timeAndID() == [.timestamptz(-1), .uuid(id)])
        #expect(throws: ControlPlaneError.self) { try cursor.numberAndText(of: .byOrder) }
        let agents = Cursor(.byOrder, number: 7, tie: Array("slug".utf8))
        #expect(try Cursor(text: agents.text).numberAndText(of: .byOrder) == [.int8(7), .text("slug")])
        #expect(throws: ControlPlaneError.self) { try agents.timeAndID() }
    }

    @Test func `rows of one moment are all listed, once each`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            for _ in 0..<9 { _ = try await control.operations.createThread(ann, ThreadDraft()) }
            try await control.script("UPDATE threads SET updated_at = '2026-01-01'")
            var ids: [UUID] = []
            var cursor: String?
            repeat {
                let page = try await control.operations.listThreads(ann, page: PageRequest(limit: 2, cursor: cursor))
                ids += page.items.map(\.id)
                cursor = page.next?.text
            } while cursor != nil
            #expect(ids.count == 9 && Set(ids).count == 9)
        }
    }

    @Test func `milliseconds are rounded down, and a time out of range is refused`() throws {
        #expect(WallTime(microseconds: 1_999).milliseconds == 1 && WallTime(microseconds: -1).milliseconds == -1)
        #expect(try WallTime(milliseconds: 253_402_300_799_999).microseconds == 253_402_300_799_999_000)
        for milliseconds in [Int64.max, .min, 253_402_300_800_000] {
            #expect(throws: ControlPlaneError.self) { try WallTime(milliseconds: milliseconds) }
        }
    }

    @Test(
        arguments: [
            (#"{"a":"\u0000"}"#, false), (#"{"a":"\\u0000"}"#, true), (#"{"a":"\\\u0000"}"#, false), ("\"\0\"", false),
            (#"{"a":"u0000"}"#, true), ("\\", true),
        ])
    func `U+0000 is found as a byte and as an escape, and an escaped backslash is none`(json: String, isFine: Bool) {
        let document = try? JSONDocument(Array(json.utf8))
        #expect((document != nil) == isFine)
    }
}
