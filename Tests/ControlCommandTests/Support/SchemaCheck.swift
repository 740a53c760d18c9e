import Foundation
import Nostr

/// Judges a document by the part of JSON Schema that our OpenAPI document uses; a keyword that it does not know is a
/// fault of the test.
struct SchemaCheck {
    private static let known: Set<String> = [
        "type", "format", "description", "enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum",
        "items", "minItems", "maxItems", "required", "properties", "additionalProperties", "anyOf", "oneOf", "$ref",
    ]

    let document: JSONValue

    /// What is wrong, with its place; empty when nothing is.
    func problems(_ value: JSONValue, _ schema: JSONValue, at place: String = "$") -> [String] {
        guard case .object(let members) = schema else { return ["\(place): the schema is no object"] }
        var problems = members.filter { !Self.known.contains($0.name) }.map { "\(place): unknown keyword \($0.name)" }
        if let reference = schema["$ref"]?.string {
            guard let target = self.resolve(reference) else { return ["\(place): \(reference) leads nowhere"] }
            return self.problems(value, target, at: place)
        }
        if let options = schema["anyOf"]?.array, !options.contains(where: { self.problems(value, $0).isEmpty }) {
            problems.append("\(place): \(value.text.prefix(80)) is none of anyOf")
        }
        if let options = schema["oneOf"]?.array, options.count(where: { self.problems(value, $0).isEmpty }) != 1 {
            problems.append("\(place): \(value.text.prefix(80)) is not exactly one of oneOf")
        }
        if let constant = schema["const"], constant != value { problems.append("\(place): is not \(constant.text)") }
        if let words = schema["enum"]?.array, !words.contains(value) { problems.append("\(place): is no known word") }
        if let type = schema["type"]?.string, !Self.isOf(type, value) {
            return problems + ["\(place): \(value.text.prefix(80)) is no \(type)"]
        }
        return problems + self.details(value, schema, at: place)
    }

    private func details(_ value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
        var problems: [String] = []
        switch value {
        case .string(let text):
            if schema["format"]?.string == "uuid", UUID(uuidString: text) == nil {
                problems.append("\(place): no UUID")
            }
            if let pattern = schema["pattern"]?.string, (try? Regex(pattern).firstMatch(in: text)) == nil {
                problems.append("\(place): does not match \(pattern)")
            }
        case .array(let elements):
            guard let items = schema["items"] else { break }
            for (index, element) in elements.enumerated() {
                problems += self.problems(element, items, at: "\(place)[\(index)]")
            }
        case .object(let members):
            for name in schema["required"]?.array?.compactMap(\.string) ?? [] where value[name] == nil {
                problems.append("\(place): lacks \(name)")
            }
            for member in members {
                if let property = schema["properties"]?[member.name] {
                    problems += self.problems(member.value, property, at: "\(place).\(member.name)")
                } else if schema["additionalProperties"] == .bool(false) {
                    problems.append("\(place): \(member.name) is not in the document")
                }
            }
        default: break
        }
        return problems
    }

    private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("string", .string), ("boolean", .bool), ("array", .array), ("object", .object), ("null", .null),
            ("number", .number):
            true
        case ("integer", .number(let text)): Int64(text) != nil
        default: false
        }
    }

    private func resolve(_ reference: String) -> JSONValue? {
        var value: JSONValue? = self.document
        for part in reference.split(separator: "/").dropFirst() { value = value?[String(part)] }
        return value
    }
}
