import ControlPlane
import Nostr
import Serving

/// The members that a body may have; every other one is refused.
struct BodyShape: Sendable {
    /// Of the schema in the OpenAPI document.
    let name: String
    let fields: [FieldRule]

    init(_ name: String, _ fields: FieldRule...) {
        self.name = name
        self.fields = fields
    }
}

/// A body whose members are known by name.
struct BodyValues: Sendable {
    private let shape: BodyShape
    private let members: [String: JSONValue]

    /// - Throws: BAD_REQUEST for what is no object, a member that occurs twice, an unknown one and a missing one.
    init(_ bytes: [UInt8], _ shape: BodyShape) throws(ControlPlaneError) {
        guard case .object(let given)? = JSONValue(parsing: bytes.span) else {
            throw .badRequest("the body is not a JSON object")
        }
        let known = shape.fields.map(\.name)
        var members: [String: JSONValue] = [:]
        for member in given {
            guard let name = known.first(where: { $0.utf8.elementsEqual(member.name.utf8) }) else {
                let nearest = Suggestion.nearest(to: member.name, among: known).map { "; did you mean \($0)?" } ?? ""
                throw .badRequest("unknown member '\(Terminal.harmless(member.name))'\(nearest)")
            }
            guard members.updateValue(member.value, forKey: name) == nil else {
                throw .badRequest("\(name) is given twice")
            }
        }
        for field in shape.fields where field.presence == .required {
            guard let value = members[field.name], value != .null else {
                throw .badRequest("\(field.name) is required")
            }
        }
        self.shape = shape
        self.members = members
    }

    func required<Value>(_ field: Field<Value>) throws -> Value {
        guard let value = try self.optional(field) else {
            throw ControlPlaneError.badRequest("\(field.name) is required")
        }
        return value
    }

    func optional<Value>(_ field: Field<Value>) throws -> Value? {
        guard case .set(let value) = try self.patch(field) else { return nil }
        return value
    }

    /// Absent, null or a value: three different things (control-plane.md section 12, S3).
    func patch<Value>(_ field: Field<Value>) throws -> Patch<Value> {
        precondition(self.shape.fields.contains { $0.name == field.name }, "\(self.shape.name) has no \(field.name)")
        guard let value = self.members[field.name] else { return .keep }
        if value == .null { return .clear }
        return .set(try Self.read(value, field))
    }

    private static func read<Value>(_ value: JSONValue, _ field: Field<Value>) throws(ControlPlaneError) -> Value {
        guard let read = try field.decoding.read(value) else {
            throw .badRequest("\(field.name): expected \(field.decoding.expectation)")
        }
        return read
    }
}
