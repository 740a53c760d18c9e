import FoundationEssentials
import Postgres

/// What a request says about one field of a row: nothing, NULL, or a value.
package enum Patch<Value: Sendable>: Sendable {
    /// The field is absent from the request.
    case keep
    /// The field is null.
    case clear
    case set(Value)
}

extension Patch: Equatable where Value: Equatable {}
extension Patch: Hashable where Value: Hashable {}

/// The SET clause of an UPDATE of one row, filled from patches. `$1` is the row's id.
struct Assignments {
    private var clauses: [String] = []
    private(set) var parameters: [PostgresValue]

    init(toRow id: UUID) {
        self.parameters = [.uuid(id)]
    }

    var isEmpty: Bool { self.clauses.isEmpty }
    var sql: String { self.clauses.joined(separator: ", ") }

    /// A column that may be NULL.
    mutating func assign<Value>(
        _ column: String, _ patch: Patch<Value>, as cast: String = "", _ value: (Value) throws -> PostgresValue
    ) rethrows {
        switch patch {
        case .keep: break
        case .clear: self.clauses.append("\(column) = NULL")
        case .set(let new): self.append(column, cast, try value(new))
        }
    }

    /// A column that may not.
    mutating func require<Value>(
        _ column: String, _ patch: Patch<Value>, as cast: String = "", _ value: (Value) throws -> PostgresValue
    ) throws {
        if case .clear = patch { throw ControlPlaneError.badRequest("\(column) cannot be null") }
        try self.assign(column, patch, as: cast, value)
    }

    /// Something that follows from the change of another column.
    mutating func also(_ clause: String) {
        self.clauses.append(clause)
    }

    private mutating func append(_ column: String, _ cast: String, _ value: PostgresValue) {
        self.parameters.append(value)
        self.clauses.append("\(column) = $\(self.parameters.count)\(cast)")
    }
}

extension PostgresSession {
    /// Updates the row, whose right to be changed was checked; nothing where nothing is assigned.
    func update(_ table: String, set assignments: Assignments) throws(PostgresError) {
        guard !assignments.isEmpty else { return }
        _ = try self.execute("UPDATE \(table) SET \(assignments.sql) WHERE id = $1", assignments.parameters)
    }
}
