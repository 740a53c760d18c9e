import Postgres

/// A vector that a model made of a text, and which model.
package struct Embedding: Sendable, Hashable {
    /// Locked by the schema; a model with another number is a new column.
    package static let dimensions = 1536

    package let vector: [Float]
    /// Vectors of different models are never compared.
    package let model: String

    /// - Throws: BAD_REQUEST unless there are ``dimensions`` finite numbers, not all of them zero: a vector without a
    ///   direction is near to nothing.
    package init(_ vector: [Float], model: String) throws(ControlPlaneError) {
        guard vector.count == Self.dimensions else {
            throw .badRequest("an embedding has \(Self.dimensions) numbers, not \(vector.count)")
        }
        guard vector.allSatisfy(\.isFinite), vector.contains(where: { $0 != 0 }) else {
            throw .badRequest("an embedding has finite numbers, not all zero")
        }
        self.vector = vector
        self.model = model
    }

    var parameter: PostgresValue { .float4Array(self.vector) }

    var modelParameter: PostgresValue {
        get throws(ControlPlaneError) { try Input.text(self.model, "embedding_model") }
    }
}

/// Something found by meaning.
package struct Found<Item: Sendable>: Sendable {
    package let item: Item
    /// Cosine distance: 0 for the same direction, 2 for the opposite.
    package let distance: Double
}

extension CallerTransaction {
    /// How many results a search has: 1 to 100; the functions of the line `control-vector` have the same bounds.
    static let searchLimit = 1...100

    /// - Throws: BAD_REQUEST where the line `control-vector` is not applied, and for a limit out of bounds.
    func requireVectorSearch(limit: Int) throws {
        guard Self.searchLimit.contains(limit) else {
            throw ControlPlaneError.badRequest(
                "a search has \(Self.searchLimit.lowerBound) to \(Self.searchLimit.upperBound) results")
        }
        // Asked by name alone: the parameters may grow.
        let found = try self.session.execute(
            """
            SELECT FROM pg_proc
            WHERE proname = 'control_search_knowledge' AND pronamespace = ANY (current_schemas(false)::regnamespace[])
            """)
        guard found.count > 0 else { throw ControlPlaneError.badRequest("vector search is not installed") }
    }
}
