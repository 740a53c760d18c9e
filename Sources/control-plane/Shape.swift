import ControlPlane
import Foundation
import Nostr

/// How a row is shown: the one place that says both what goes out and what the OpenAPI document promises.
struct Shape<Row: Sendable>: Sendable {
    struct Property: Sendable {
        let name: String
        let schema: Schema
        let value: @Sendable (Row) -> JSONValue
    }

    /// Of the schema in the OpenAPI document.
    let name: String
    let properties: [Property]

    init(_ name: String, _ properties: Property...) {
        self.name = name
        self.properties = properties
    }

    /// Everything of another shape, and more.
    init<Inner>(
        _ name: String, of inner: Shape<Inner>, _ path: any KeyPath<Row, Inner> & Sendable, _ properties: Property...
    ) {
        self.name = name
        self.properties =
            inner.properties.map { property in
                Property(name: property.name, schema: property.schema) { property.value($0[keyPath: path]) }
            } + properties
    }

    func json(_ row: Row) -> JSONValue {
        .object(self.properties.map { JSONValue.Member(name: $0.name, value: $0.value(row)) })
    }

    /// Every member is always there; one that has no value is null.
    var schema: NamedSchema {
        NamedSchema(
            name: self.name,
            json: Schema.members(
                ("type", .string("object")),
                [
                    ("required", .array(self.properties.map { .string($0.name) })),
                    (
                        "properties",
                        .object(self.properties.map { JSONValue.Member(name: $0.name, value: $0.schema.json) })
                    ),
                    ("additionalProperties", .bool(false)),
                ]))
    }
}

/// The shapes of the rows, by resource; not in ``Shape`` itself, which is generic and stores nothing.
enum Shapes {}

/// A schema as it stands below `components`.
struct NamedSchema: Sendable {
    let name: String
    let json: JSONValue
}

extension Shape.Property {
    typealias Path<Value> = KeyPath<Row, Value> & Sendable

    static func uuid(_ name: String, _ path: any Path<UUID>) -> Self {
        Self(name: name, schema: .uuid) { .uuid($0[keyPath: path]) }
    }

    static func uuid(_ name: String, _ path: any Path<UUID?>) -> Self {
        Self(name: name, schema: .nullable(.uuid)) { row in row[keyPath: path].map { .uuid($0) } ?? .null }
    }

    static func text(_ name: String, _ path: any Path<String>) -> Self {
        Self(name: name, schema: .text(nil)) { .string($0[keyPath: path]) }
    }

    static func text(_ name: String, _ path: any Path<String?>) -> Self {
        Self(name: name, schema: .nullable(.text(nil))) { row in row[keyPath: path].map { .string($0) } ?? .null }
    }

    static func word<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ path: any Path<Word>
    ) -> Self where Word: SendableMetatype {
        Self(name: name, schema: .choice(Word.allCases.map(\.rawValue))) { .string($0[keyPath: path].rawValue) }
    }

    static func word<Word: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ path: any Path<Word?>
    ) -> Self where Word: SendableMetatype {
        Self(name: name, schema: .nullable(.choice(Word.allCases.map(\.rawValue)))) { row in
            row[keyPath: path].map { .string($0.rawValue) } ?? .null
        }
    }

    static func time(_ name: String, _ path: any Path<WallTime>) -> Self {
        Self(name: name, schema: .time) { .number(String($0[keyPath: path].milliseconds)) }
    }

    static func time(_ name: String, _ path: any Path<WallTime?>) -> Self {
        Self(name: name, schema: .nullable(.time)) { row in
            row[keyPath: path].map { .number(String($0.milliseconds)) } ?? .null
        }
    }

    static func boolean(_ name: String, _ path: any Path<Bool>) -> Self {
        Self(name: name, schema: .boolean) { .bool($0[keyPath: path]) }
    }

    static func integer(_ name: String, _ path: any Path<Int>) -> Self {
        Self(name: name, schema: .integer(nil)) { .number(String($0[keyPath: path])) }
    }

    static func integer(_ name: String, _ path: any Path<Int?>) -> Self {
        Self(name: name, schema: .nullable(.integer(nil))) { row in
            row[keyPath: path].map { .number(String($0)) } ?? .null
        }
    }

    /// Finite: the constraint of the column says so.
    static func number(_ name: String, _ path: any Path<Double>) -> Self {
        Self(name: name, schema: .number) { .number(JSONNumber.text($0[keyPath: path])) }
    }

    static func decimal(_ name: String, _ path: any Path<Decimal?>) -> Self {
        Self(name: name, schema: .nullable(.number)) { row in
            row[keyPath: path].map { .number($0.description) } ?? .null
        }
    }

    static func words(_ name: String, _ path: any Path<[String]>) -> Self {
        Self(name: name, schema: .list(.text(nil), nil)) { .array($0[keyPath: path].map { .string($0) }) }
    }

    static func words(_ name: String, _ path: any Path<[String]?>) -> Self {
        Self(name: name, schema: .nullable(.list(.text(nil), nil))) { row in
            row[keyPath: path].map { .array($0.map { .string($0) }) } ?? .null
        }
    }

    static func document(_ name: String, _ path: any Path<JSONDocument?>) -> Self {
        Self(name: name, schema: .any) { row in
            // What was imported may be nested deeper than a request may be; it is then shown as text.
            row[keyPath: path].map { JSONValue(parsing: $0.bytes.span) ?? .string($0.text) } ?? .null
        }
    }

    static func row<Other>(_ name: String, _ shape: Shape<Other>, _ path: any Path<Other>) -> Self {
        Self(name: name, schema: .reference(shape.name)) { shape.json($0[keyPath: path]) }
    }

    static func rows<Other>(_ name: String, _ shape: Shape<Other>, _ path: any Path<[Other]>) -> Self {
        Self(name: name, schema: .list(.reference(shape.name), nil)) { .array($0[keyPath: path].map(shape.json)) }
    }
}

extension JSONValue {
    static func uuid(_ id: UUID) -> JSONValue { .string(id.uuidString.lowercased()) }
}

/// Numbers as JSON writes them.
enum JSONNumber {
    /// The shortest form that reads back as the same value.
    static func text(_ value: Double) -> String {
        if let integer = Int64(exactly: value), abs(value) < 1e15 { return String(integer) }
        return "\(value)"
    }
}
