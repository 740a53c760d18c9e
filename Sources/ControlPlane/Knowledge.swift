package import FoundationEssentials
import Postgres

/// A row of `knowledge`, without the vector.
package struct Knowledge: TableRow, Identified {
    static package let columns = [
        "id", "title", "content", "embedding_model", "tags", "source", "user_id", "organization_id", "project_id",
        "created_at",
    ]

    package let id: UUID
    package let title: String?
    package let content: String
    package let embeddingModel: String
    package let tags: [String]?
    package let source: String?
    /// Nil for what belongs to an organization.
    package let userID: String?
    package let organizationID: UUID?
    package let projectID: UUID?
    package let createdAt: WallTime

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.title = reader.optionalText()
        self.content = reader.text()
        self.embeddingModel = reader.text()
        self.tags = reader.optionalWords()
        self.source = reader.optionalText()
        self.userID = reader.optionalText()
        self.organizationID = reader.optionalUUID()
        self.projectID = reader.optionalUUID()
        self.createdAt = reader.time()
    }
}

/// What new knowledge is made of.
package struct KnowledgeDraft: Sendable, Hashable {
    package var content: String
    package var embedding: Embedding
    package var title: String?
    package var tags: [String]?
    package var source: String?
    /// Neither: it is the caller's own.
    package var organizationID: UUID?
    package var projectID: UUID?

    package init(content: String, embedding: Embedding) {
        self.content = content
        self.embedding = embedding
    }
}

/// What changes in knowledge. Another content is another row: its vector would be another.
package struct KnowledgeChanges: Sendable, Hashable {
    package var title: Patch<String> = .keep
    package var tags: Patch<[String]> = .keep
    package var source: Patch<String> = .keep

    package init() {}
}

extension CallerTransaction {
    fileprivate func visibleKnowledge(_ id: UUID) throws -> Knowledge? {
        try self.first(
            "SELECT \(Knowledge.columns(of: "k")) FROM knowledge AS k WHERE k.id = $2 AND \(Sees.scoped("k"))",
            [.uuid(id)])
    }

    fileprivate func requireKnowledge(_ id: UUID) throws -> Knowledge {
        guard let knowledge = try self.visibleKnowledge(id) else {
            throw ControlPlaneError.notFound("there is no such knowledge")
        }
        return knowledge
    }

    /// Knowledge that the caller sees, whose place never changes; the membership that shows it stays until the commit.
    fileprivate func lockKnowledge(_ id: UUID) throws {
        try self.lockScope(of: self.requireKnowledge(id).organizationID)
    }
}

extension ControlOperations {
    package func createKnowledge(
        _ caller: Caller, _ draft: KnowledgeDraft, once key: IdempotencyKey? = nil
    ) async throws -> Knowledge {
        try await self.create(caller, "knowledge", once: key) {
            try $0.visibleKnowledge($1)
        } _: { transaction in
            let place = try transaction.place(project: draft.projectID, organization: draft.organizationID)
            let made: Knowledge? = try transaction.first(
                """
                INSERT INTO knowledge AS k (user_id, organization_id, project_id, title, content, embedding,
                  embedding_model, tags, source)
                VALUES (CASE WHEN $2 THEN $1 END, $3, $4, $5, $6, $7, $8, $9, $10)
                RETURNING \(Knowledge.columns(of: "k"))
                """,
                [
                    .bool(place.organizationID == nil), .uuid(place.organizationID), .uuid(place.projectID),
                    try Input.text(draft.title, "title"), try Input.text(draft.content, "content"),
                    draft.embedding.parameter, try draft.embedding.modelParameter,
                    try Input.words(draft.tags, "tags"), try Input.text(draft.source, "source"),
                ])
            guard let made else { preconditionFailure("INSERT returns its row") }
            return made
        }
    }

    /// Knowledge of a scope, newest first.
    package func listKnowledge(
        _ caller: Caller, in scope: Scope = .own, page: PageRequest = .first
    ) async throws -> Page<Knowledge> {
        try await self.read(caller) { transaction in
            let condition = try transaction.condition(of: scope, on: "k")
            return try transaction.page(
                page,
                """
                SELECT \(Knowledge.columns(of: "k")) FROM knowledge AS k
                WHERE \(condition.sql) AND \(Sees.scoped("k"))
                """, [condition.parameter], by: Keyset(time: "k.created_at", id: "k.id", order: .newestFirst)
            ) { ($0.createdAt, $0.id) }
        }
    }

    package func knowledge(_ caller: Caller, _ id: UUID) async throws -> Knowledge {
        try await self.read(caller) { try $0.requireKnowledge(id) }
    }

    package func updateKnowledge(_ caller: Caller, _ id: UUID, _ changes: KnowledgeChanges) async throws -> Knowledge {
        try await self.write(caller) { transaction in
            try transaction.lockKnowledge(id)
            var set = Assignments(toRow: id)
            try set.assign("title", changes.title) { try Input.text($0, "title") }
            try set.assign("tags", changes.tags) { try Input.words($0, "tags") }
            try set.assign("source", changes.source) { try Input.text($0, "source") }
            try transaction.session.update("knowledge", set: set)
            return try transaction.requireKnowledge(id)
        }
    }

    package func deleteKnowledge(_ caller: Caller, _ id: UUID) async throws {
        try await self.write(caller) { transaction in
            try transaction.lockKnowledge(id)
            _ = try transaction.session.execute("DELETE FROM knowledge WHERE id = $1", [.uuid(id)])
        }
    }

    /// The knowledge of a scope that is nearest to a vector, nearest first.
    package func searchKnowledge(
        _ caller: Caller, for query: Embedding, in scope: Scope = .own, limit: Int = 10
    ) async throws -> [Found<Knowledge>] {
        try await self.read(caller) { transaction in
            let (user, organization, project): (PostgresValue, PostgresValue, PostgresValue)
            switch scope {
            case .own: (user, organization, project) = (.text(caller.userID), .null, .null)
            case .organization(let id):
                try transaction.requireMember(of: id)
                (user, organization, project) = (.null, .uuid(id), .null)
            case .project(let id):
                _ = try transaction.requireProject(id)
                (user, organization, project) = (.null, .null, .uuid(id))
            }
            try transaction.requireVectorSearch(limit: limit)
            // The second condition says again what the scope says: rows that were imported may know better.
            return try transaction.found(
                """
                SELECT \(Knowledge.columns(of: "k")), s.distance
                FROM control_search_knowledge($2, $3, $4, $5, $6, $7) AS s JOIN knowledge AS k ON k.id = s.id
                WHERE \(Sees.scoped("k"))
                ORDER BY s.distance, s.id
                """, [query.parameter, try query.modelParameter, .int4(Int32(limit)), user, organization, project])
        }
    }
}
