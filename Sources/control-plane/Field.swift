/// A member of a body, or a parameter of a query, by name.
struct Field<Value: Sendable>: Sendable {
    let name: String
    let decoding: Decoding<Value>
    let note: String

    init(_ name: String, _ decoding: Decoding<Value>, _ note: String = "") {
        self.name = name
        self.decoding = decoding
        self.note = note
    }

    /// It must be there, and not be null.
    var required: FieldRule {
        FieldRule(name: self.name, schema: self.decoding.schema, note: self.note, presence: .required)
    }
    /// It may be absent; null is the same, except in a PATCH, where it clears.
    var optional: FieldRule {
        FieldRule(name: self.name, schema: .nullable(self.decoding.schema), note: self.note, presence: .optional)
    }
}

/// What a route says of a field, without its type.
struct FieldRule: Sendable {
    enum Presence: Sendable {
        case required, optional
    }

    let name: String
    let schema: Schema
    let note: String
    let presence: Presence
}
