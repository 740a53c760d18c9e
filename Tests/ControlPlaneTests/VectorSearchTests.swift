import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

@Suite(
    .enabled(if: PeersEnvironment.isReady, Comment(rawValue: PeersEnvironment.absence)), .serialized,
    .timeLimit(.minutes(10)))
struct VectorSearchTests {
    @Test(arguments: VectorServer.allCases)
    func `the optional line waits for pgvector and is applied once it is there`(server: VectorServer) async throws {
        try await server.run { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            let migrator = ControlFixture.migrator
            let first = try await migrator.up(on: connection)
            #expect(first.map(\.migrations.count) == [ControlSchema.migrations.count, 0])
            #expect(
                try await migrator.plans(on: connection)[1].states.map { "\($0.state)" } == [
                    "waiting for extension vector"
                ])
            try await connection.run {
                try $0.executeScript("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
            }
            #expect(try await migrator.plans(on: connection)[1].states.map { "\($0.state)" } == ["pending"])
            let second = try await migrator.up(on: connection)
            #expect(second.map(\.migrations.count) == [0, 1])
            let drift = try await migrator.verify(on: connection)
            #expect(drift.isEmpty, "\(drift)")
            let indexes = try await connection.column(
                """
                SELECT indexname || ' ' || substring(indexdef FROM 'USING (.*)$') FROM pg_indexes
                WHERE indexdef LIKE '% USING hnsw %' ORDER BY 1
                """)
            #expect(
                indexes == [
                    "knowledge_by_embedding hnsw (((embedding)::extensions.vector(1536)) extensions.vector_cosine_ops)",
                    "message_embeddings_by_content_embedding hnsw"
                        + " (((content_embedding)::extensions.vector(1536)) extensions.vector_cosine_ops)",
                    "message_embeddings_by_tool_embedding hnsw"
                        + " (((tool_embedding)::extensions.vector(1536)) extensions.vector_cosine_ops)"
                        + " WHERE (tool_embedding IS NOT NULL)",
                ])
            await connection.close()
        }
    }

    @Test func `a search keeps to its scope, its model and what the caller sees, nearest first`() async throws {
        try await VectorServer.postgres16.run { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            try await connection.run { try $0.executeScript("CREATE EXTENSION vector") }
            await connection.close()
            try await ControlFixture.with(configuration) { control in
                try await Self.searchKnowledge(control)
                try await Self.searchMessages(control)
            }
        }
    }

    private static func searchKnowledge(_ control: ControlFixture) async throws {
        let (ann, eve) = (try await control.user("ann"), try await control.user("eve"))
        let organization = try await control.organization(owner: ann)
        let project = try await control.operations.createProject(
            ann, ProjectDraft(name: "P", organizationID: organization)
        ).id
        func add(_ content: String, _ embedding: Embedding, in project: UUID? = nil, by caller: Caller) async throws {
            var draft = KnowledgeDraft(content: content, embedding: embedding)
            draft.projectID = project
            _ = try await control.operations.createKnowledge(caller, draft)
        }
        try await add("near", vector([0: 1, 1: 0.1]), in: project, by: ann)
        try await add("far", vector([0: 0.1, 1: 1]), in: project, by: ann)
        try await add("other model", vector([0: 1], model: "other"), in: project, by: ann)
        try await add("own", vector([0: 1]), by: ann)
        try await add("somebody else's", vector([0: 1]), by: eve)
        let query = try vector([0: 1])
        let found = try await control.operations.searchKnowledge(ann, for: query, in: .project(project))
        #expect(found.map(\.item.content) == ["near", "far"])
        #expect(found[0].distance < 0.01 && found[1].distance > 0.5)
        let inOrganization = try await control.operations.searchKnowledge(
            ann, for: query, in: .organization(organization), limit: 1)
        #expect(inOrganization.map(\.item.content) == ["near"])
        #expect(try await control.operations.searchKnowledge(ann, for: query).map(\.item.content) == ["own"])
        for scope in [Scope.project(project), .organization(organization)] {
            #expect(
                await refusal { _ = try await control.operations.searchKnowledge(eve, for: query, in: scope) }
                    == .notFound)
        }
        for limit in [0, 101] {
            #expect(
                await refusal { _ = try await control.operations.searchKnowledge(ann, for: query, limit: limit) }
                    == .badRequest)
        }
    }

    private static func searchMessages(_ control: ControlFixture) async throws {
        let (ann, bob) = (try await control.user("ann"), try await control.user("bob"))
        let organization = try await control.organization(owner: ann, members: [bob])
        var threads: [UUID] = []
        for (caller, isShared) in [(ann, true), (ann, false), (bob, false)] {
            var draft = ThreadDraft()
            draft.organizationID = organization
            draft.isShared = isShared
            let thread = try await control.operations.createThread(caller, draft).id
            let text = MessageDraft(role: .user, content: "\(caller.userID) \(isShared)")
            let message = try await control.operations.createMessage(caller, in: thread, text).id
            let stored = try await control.operations.setMessageEmbedding(
                caller, of: message, content: vector([0: 1]), tools: isShared ? vector([1: 1]) : nil)
            #expect(
                stored.threadID == thread && stored.userID == caller.userID && stored.organizationID == organization)
            threads.append(thread)
        }
        let (query, operations) = (try vector([0: 1]), control.operations)
        let inThread = try await operations.searchMessages(bob, for: query, in: .thread(threads[0]))
        #expect(inThread.map(\.item.content) == ["ann true"])
        let own = try await operations.searchMessages(bob, for: query, in: .own(in: organization))
        #expect(own.map(\.item.content) == ["bob false"])
        #expect(
            await refusal { _ = try await operations.searchMessages(bob, for: query, in: .thread(threads[1])) }
                == .notFound)
        let tools = try await operations.searchMessages(
            ann, for: vector([1: 1]), in: .own(in: organization), by: .tools)
        #expect(tools.map(\.item.content) == ["ann true"])
    }
}

/// Through the index and exactly, on twenty thousand vectors.
@Suite(
    .enabled(if: PeersEnvironment.isReady, Comment(rawValue: PeersEnvironment.absence)), .serialized,
    .timeLimit(.minutes(15)))
struct VectorRecallTests {
    private static let rows = 20_000
    private static let neighbours = 10
    private static let queries = 50

    /// Vectors as models make them: many coordinates, few degrees of freedom. Each coordinate mixes two of them.
    private struct Space {
        static let freedom = 24
        private let mix: [(Int, Float, Int, Float)]

        init(_ generator: inout SplitMix64) {
            var mix: [(Int, Float, Int, Float)] = []
            for _ in 0..<Embedding.dimensions {
                mix.append(
                    (
                        Int.random(in: 0..<Self.freedom, using: &generator),
                        Float.random(in: -1...1, using: &generator),
                        Int.random(in: 0..<Self.freedom, using: &generator), Float.random(in: -1...1, using: &generator)
                    ))
            }
            self.mix = mix
        }

        func vector(_ generator: inout SplitMix64) -> [Float] {
            // A sum of uniform numbers is nearly normal: no corner is denser than another.
            let point = (0..<Self.freedom).map { _ in
                (0..<4).reduce(0 as Float) { sum, _ in sum + Float.random(in: -1...1, using: &generator) }
            }
            return self.mix.map { point[$0.0] * $0.1 + point[$0.2] * $0.3 }
        }
    }

    @Test func `search through the index finds what exact search finds, within a filter`() async throws {
        try await VectorServer.postgres16.run { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            try await connection.run { try $0.executeScript("CREATE EXTENSION vector") }
            _ = try await ControlFixture.migrator.up(on: connection)
            var generator = SplitMix64(seed: 20)
            let space = Space(&generator)
            try await Self.fill(connection, space, &generator)
            try await connection.run { try $0.executeScript("ANALYZE knowledge") }
            var hits = 0
            for _ in 0..<Self.queries {
                let query = space.vector(&generator)
                let exact = try await Self.exact(query, connection)
                let found = try await Self.found(query, connection)
                #expect(found.count == Self.neighbours)
                hits += Set(exact).intersection(found).count
            }
            let recall = Double(hits) / Double(Self.queries * Self.neighbours)
            print("recall at \(Self.neighbours) over \(Self.rows) vectors, half of them in scope: \(recall)")
            #expect(recall >= 0.95)
            try await Self.expectIndex(connection, query: space.vector(&generator))
            await connection.close()
        }
    }

    /// Half of the rows are of the one user, half of the other: each scope is too large to be searched exactly.
    private static func fill(
        _ connection: PostgresConnection, _ space: Space, _ generator: inout SplitMix64
    ) async throws {
        try await connection.run {
            try $0.executeScript("INSERT INTO users (user_id) VALUES ('u0'), ('u1'); DROP INDEX knowledge_by_embedding")
        }
        for start in stride(from: 0, to: Self.rows, by: 500) {
            var numbers = PostgresArray(of: .float4)
            numbers.reserveCapacity(bytes: 500 * Embedding.dimensions * 8)
            for _ in 0..<500 { for number in space.vector(&generator) { numbers.append(number) } }
            let batch = numbers
            try await connection.run { session in
                _ = try session.execute(
                    """
                    INSERT INTO knowledge (content, embedding, embedding_model, user_id)
                    SELECT 'k', ($1::real[])[i * 1536 + 1 : (i + 1) * 1536], 'm', 'u' || (i + $2) % 2
                    FROM generate_series(0, 499) AS i
                    """, [.array(batch), .int4(Int32(start))])
            }
        }
        // As the migration makes it; built at once it is far quicker than row by row.
        try await connection.run { session in
            try session.executeScript(
                """
                CREATE INDEX knowledge_by_embedding ON knowledge
                  USING hnsw ((embedding::vector(1536)) vector_cosine_ops)
                """, deadline: .seconds(600))
        }
        let drift = try await ControlFixture.migrator.verify(on: connection)
        #expect(drift.isEmpty, "\(drift)")
    }

    private static func exact(_ query: [Float], _ connection: PostgresConnection) async throws -> [UInt128?] {
        try await connection.run { session in
            try session.transaction {
                try session.executeScript("SET LOCAL enable_indexscan = off")
                return try session.execute(
                    """
                    SELECT id FROM knowledge WHERE user_id = 'u1' AND embedding_model = 'm'
                    ORDER BY (embedding::vector(1536)) <=> ($1::real[])::vector(1536), id LIMIT $2
                    """, [.float4Array(query), .int4(Int32(Self.neighbours))]
                ).map { $0[0].uuid }
            }
        }
    }

    private static func found(_ query: [Float], _ connection: PostgresConnection) async throws -> [UInt128?] {
        try await connection.run { session in
            try session.execute(
                "SELECT id FROM control_search_knowledge($1, 'm', $2, p_user_id => 'u1')",
                [.float4Array(query), .int4(Int32(Self.neighbours))]
            ).map { $0[0].uuid }
        }
    }

    /// What the function runs, explained by the server as it runs it.
    private static func expectIndex(_ connection: PostgresConnection, query: [Float]) async throws {
        func scans() async throws -> Int {
            try await connection.run { session in
                try session.executeScript("SELECT pg_stat_force_next_flush()")
                return Int(
                    try session.execute(
                        "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'knowledge_by_embedding'"
                    ).first?[0].int8 ?? 0)
            }
        }
        let before = try await scans()
        #expect(before >= Self.queries, "every search went through the index")
        _ = try await Self.found(query, connection)
        let after = try await scans()
        #expect(after == before + 1)
        let plan = try await connection.run { session in
            try session.execute(
                """
                EXPLAIN (COSTS OFF)
                SELECT c.id FROM (SELECT k.id, k.user_id, (k.embedding::vector(1536)) <=> ($1::real[])::vector(1536) AS d
                  FROM knowledge AS k ORDER BY (k.embedding::vector(1536)) <=> ($1::real[])::vector(1536) LIMIT 100) AS c
                WHERE c.user_id = 'u1' ORDER BY c.d, c.id LIMIT 10
                """, [.float4Array(query)]
            ).map { $0[0].text ?? "" }
        }
        print(plan.filter { !$0.contains("Order By") }.joined(separator: "\n"))
        #expect(plan.contains { $0.contains("Index Scan using knowledge_by_embedding") })
    }
}
