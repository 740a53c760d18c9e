import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

struct ThreadsTests {
    @Test func `a chat id is given or made, and a collision says nothing of the other thread`() async throws {
        try await ControlFixture.with { control in
            let (ann, eve) = (try await control.user("ann"), try await control.user("eve"))
            var draft = ThreadDraft()
            #expect(try await control.operations.createThread(ann, draft).chatID.count == 36)
            draft.chatID = "mine"
            draft.metadata = try JSONDocument(Array(#"{"k": [1]}"#.utf8))
            let made = try await control.operations.createThread(ann, draft)
            #expect(made.chatID == "mine" && made.metadata?.text == #"{"k": [1]}"#)
            let again = draft
            await #expect(throws: ControlPlaneError.conflict("the chat id cannot be used")) {
                try await control.operations.createThread(eve, again)
            }
            for json in ["[1]", "{", #"{"a":"\ud800"}"#] {
                var draft = ThreadDraft()
                draft.metadata = try JSONDocument(Array(json.utf8))
                let wrong = draft
                #expect(
                    await refusal { _ = try await control.operations.createThread(ann, wrong) } == .badRequest,
                    "\(json)")
            }
        }
    }

    @Test func `a thread is its author's; shared, its organization reads it`() async throws {
        try await ControlFixture.with { control in
            let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
            let id = try await control.organization(owner: ann, members: [bob])
            var draft = ThreadDraft()
            draft.organizationID = id
            let thread = try await control.operations.createThread(ann, draft).id
            #expect(await refusal { _ = try await control.operations.thread(bob, thread) } == .notFound)
            var changes = ThreadChanges()
            changes.isShared = .set(true)
            changes.agentSlug = .set("helper")
            #expect(try await control.operations.updateThread(ann, thread, changes).isShared)
            #expect(try await control.operations.thread(bob, thread).agentSlug == "helper")
            #expect(try await control.operations.listThreads(bob, in: .organization(id)).items.map(\.id) == [thread])
            #expect(try await control.operations.listThreads(bob).items.isEmpty)
            let message = MessageDraft(role: .user, content: "x")
            #expect(
                await refusal { _ = try await control.operations.createMessage(bob, in: thread, message) } == .forbidden
            )
            // Outside an organization, sharing shares with nobody.
            var own = ThreadDraft()
            own.isShared = true
            let alone = try await control.operations.createThread(ann, own).id
            #expect(await refusal { _ = try await control.operations.thread(bob, alone) } == .notFound)
            changes = ThreadChanges()
            changes.isArchived = .set(true)
            _ = try await control.operations.updateThread(ann, thread, changes)
            #expect(try await control.operations.listThreads(ann, in: .organization(id)).items.isEmpty)
            #expect(
                try await control.operations.listThreads(ann, in: .organization(id), archived: true).items.count == 1)
        }
    }
}

struct MessagesTests {
    @Test func `a message keeps what it was given, and takes its place from the thread`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let id = try await control.organization(owner: ann)
            var thread = ThreadDraft()
            thread.organizationID = id
            let made = try await control.operations.createThread(ann, thread)
            var draft = MessageDraft(role: .assistant, content: "héllo")
            draft.partsJSON = try JSONDocument(Array(#"[{"type": "text"}]"#.utf8))
            draft.inputTokens = 3
            draft.totalTokens = 5
            draft.costUSD = Decimal(string: "0.0000012345")
            draft.modelID = "model"
            draft.finishReason = "stop"
            let message = try await control.operations.createMessage(ann, in: made.id, draft)
            #expect(message.organizationID == id && message.threadID == made.id && message.userID == "ann")
            #expect(message.content == "héllo" && message.role == .assistant && message.costUSD == draft.costUSD)
            #expect(message.partsJSON?.text == #"[{"type": "text"}]"# && message.outputTokens == nil)
            #expect(try await control.operations.message(ann, message.id) == message)
            #expect(try await control.operations.thread(ann, made.id).updatedAt > made.updatedAt)
            for change in [
                { (draft: inout MessageDraft) in draft.inputTokens = -1 },
                { (draft: inout MessageDraft) in draft.costUSD = -1 },
                { (draft: inout MessageDraft) in draft.content = "a\0b" },
                { (draft: inout MessageDraft) in draft.externalID = "" },
            ] {
                var draft = MessageDraft(role: .user, content: "x")
                change(&draft)
                let wrong = draft
                #expect(
                    await refusal { _ = try await control.operations.createMessage(ann, in: made.id, wrong) }
                        == .badRequest)
            }
        }
    }

    @Test func `the same external id with the same words is the same message`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let thread = try await control.operations.createThread(ann, ThreadDraft()).id
            let other = try await control.operations.createThread(ann, ThreadDraft()).id
            var draft = MessageDraft(role: .user, content: "once")
            draft.externalID = "x1"
            let sent = draft
            let ids = try await withThrowingTaskGroup(of: UUID.self) { group in
                for _ in 0..<4 {
                    group.addTask { try await control.operations.createMessage(ann, in: thread, sent).id }
                }
                return try await group.reduce(into: Set<UUID>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            _ = try await control.operations.createMessage(ann, in: other, sent)
            draft.content = "twice"
            let changed = draft
            #expect(
                await refusal { _ = try await control.operations.createMessage(ann, in: thread, changed) } == .conflict)
            #expect(try await control.count("messages") == 2)
        }
    }

    @Test func `messages are listed in the order in which they came`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let thread = try await control.operations.createThread(ann, ThreadDraft()).id
            for number in 0..<7 {
                _ = try await control.operations.createMessage(
                    ann, in: thread, MessageDraft(role: .user, content: "\(number)"))
            }
            var contents: [String] = []
            var cursor: String?
            repeat {
                let page = try await control.operations.listMessages(
                    ann, in: thread, page: PageRequest(limit: 3, cursor: cursor))
                #expect(page.items.count <= 3)
                contents += page.items.map(\.content)
                cursor = page.next?.text
            } while cursor != nil
            #expect(contents == (0..<7).map(String.init))
        }
    }

    @Test func `an embedding copies its place from the message, whatever the caller says, and is replaced`()
        async throws
    {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let thread = try await control.operations.createThread(ann, ThreadDraft()).id
            let message = try await control.operations.createMessage(
                ann, in: thread, MessageDraft(role: .user, content: "x")
            ).id
            let first = try await control.operations.setMessageEmbedding(ann, of: message, content: vector())
            #expect(first.threadID == thread && first.userID == "ann" && first.organizationID == nil)
            #expect(try await control.operations.message(ann, message).embeddingID == first.id)
            let second = try await control.operations.setMessageEmbedding(
                ann, of: message, content: vector([1: 2], model: "n"), tools: vector([2: 1], model: "n"))
            #expect(second.id == first.id && second.embeddingModel == "n")
            #expect(try await control.count("message_embeddings") == 1)
            #expect(
                await refusal {
                    _ = try await control.operations.setMessageEmbedding(
                        ann, of: message, content: vector(model: "a"), tools: vector(model: "b"))
                } == .badRequest)
        }
    }
}

struct EmbeddingTests {
    @Test func `a vector has 1536 finite numbers, not all zero, here and in the database`() async throws {
        let one = [Float](repeating: 1, count: 1536)
        var broken: [[Float]] = [Array(one.dropLast()), one + [1], [Float](repeating: 0, count: 1536)]
        for number in [Float.nan, .infinity, -.infinity] { broken.append(one.dropLast() + [number]) }
        for numbers in broken {
            #expect(throws: ControlPlaneError.self) { try Embedding(numbers, model: "m") }
        }
        let vectors = broken
        try await ControlFixture.with { control in
            _ = try await control.user("ann")
            for numbers in vectors {
                let error = await #expect(throws: PostgresError.self) {
                    try await control.observer.run { session in
                        _ = try session.execute(
                            "INSERT INTO knowledge (content, embedding, embedding_model, user_id) VALUES ('', $1, 'm', 'ann')",
                            [.float4Array(numbers)])
                    }
                }
                #expect(error?.sqlState == "23514")
            }
            let forms = try await control.column(
                """
                SELECT control_embedding_valid(v)::text FROM unnest(ARRAY['{1}', '{1,NULL}', '{}', '{{1}}']::text[]) AS t (x),
                  LATERAL (SELECT x::real[] AS v) AS c
                """)
            #expect(forms == ["true", "false", "false", "false"])
        }
    }
}
