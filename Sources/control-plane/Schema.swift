import Nostr

/// A JSON Schema (2020-12) as OpenAPI 3.1 embeds it.
indirect enum Schema: Equatable, Sendable {
    case text(ClosedRange<Int>?)
    case choice([String])
    case pattern(String)
    case uuid
    /// Epoch milliseconds.
    case time
    case boolean
    case integer(ClosedRange<Int64>?)
    case number
    case list(Schema, ClosedRange<Int>?)
    /// Any object.
    case object
    /// Any value.
    case any
    case nullable(Schema)
    case oneOf([Schema])
    case reference(String)

    var json: JSONValue {
        switch self {
        case .text(let range):
            return Self.members(("type", .string("string")), Self.bounds("Length", range))
        case .choice(let values):
            return Self.members(("type", .string("string")), [("enum", .array(values.map(JSONValue.string)))])
        case .pattern(let pattern):
            return Self.members(("type", .string("string")), [("pattern", .string(pattern))])
        case .uuid:
            return Self.members(("type", .string("string")), [("format", .string("uuid"))])
        case .time:
            return Self.members(
                ("type", .string("integer")),
                [("format", .string("int64")), ("description", .string("Milliseconds since 1970-01-01 UTC."))])
        case .boolean:
            return Self.members(("type", .string("boolean")), [])
        case .integer(let range):
            var members: [(String, JSONValue)] = []
            if let range {
                members = [
                    ("minimum", .number(String(range.lowerBound))), ("maximum", .number(String(range.upperBound))),
                ]
            }
            return Self.members(("type", .string("integer")), [("format", .string("int64"))] + members)
        case .number:
            return Self.members(("type", .string("number")), [])
        case .list(let element, let range):
            return Self.members(("type", .string("array")), [("items", element.json)] + Self.bounds("Items", range))
        case .object:
            return Self.members(("type", .string("object")), [])
        case .any:
            return .object([])
        case .nullable(let schema):
            return Self.members(("anyOf", .array([schema.json, Self.members(("type", .string("null")), [])])), [])
        case .oneOf(let schemas):
            return Self.members(("oneOf", .array(schemas.map(\.json))), [])
        case .reference(let name):
            return Self.members(("$ref", .string("#/components/schemas/\(name)")), [])
        }
    }

    static func members(_ first: (String, JSONValue), _ rest: [(String, JSONValue)]) -> JSONValue {
        .object(([first] + rest).map { JSONValue.Member(name: $0.0, value: $0.1) })
    }

    private static func bounds(_ what: String, _ range: ClosedRange<Int>?) -> [(String, JSONValue)] {
        guard let range else { return [] }
        let low: [(String, JSONValue)] =
            range.lowerBound > 0 ? [("min" + what, .number(String(range.lowerBound)))] : []
        return low + [("max" + what, .number(String(range.upperBound)))]
    }
}
