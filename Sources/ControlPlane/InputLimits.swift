import Postgres

/// How much a request may hold. What CHECK constraints bound is not repeated here.
package enum InputLimits {
    /// A text that no constraint bounds: a description, a prompt, the content of a message. The HTTP body is as large.
    package static let textBytesMax = 1 << 20
    /// A JSON document; `jsonb` is parsed by the server.
    package static let jsonBytesMax = 1 << 20
    /// Labels, tools, tags.
    package static let elementsMax = 100
    /// One of them.
    package static let elementBytesMax = 255
    /// Rows of a page.
    package static let pageRows = 1...200
    /// Rows of a page that says nothing.
    package static let pageRowsDefault = 50
}

/// Checks what goes to the server as a parameter.
enum Input {
    /// Free text.
    static func text(_ value: String, _ field: String) throws(ControlPlaneError) -> PostgresValue {
        guard !value.utf8.contains(0) else { throw .badRequest("\(field): U+0000 cannot be stored") }
        guard value.utf8.count <= InputLimits.textBytesMax else {
            throw .badRequest("\(field) has at most \(InputLimits.textBytesMax) bytes")
        }
        return .text(value)
    }

    static func text(_ value: String?, _ field: String) throws(ControlPlaneError) -> PostgresValue {
        guard let value else { return .null }
        return try Self.text(value, field)
    }

    /// A short list of short words.
    static func words(_ values: [String], _ field: String) throws(ControlPlaneError) -> PostgresValue {
        guard values.count <= InputLimits.elementsMax else {
            throw .badRequest("\(field) has at most \(InputLimits.elementsMax) elements")
        }
        for value in values {
            guard !value.utf8.contains(0) else { throw .badRequest("\(field): U+0000 cannot be stored") }
            guard value.utf8.count <= InputLimits.elementBytesMax else {
                throw .badRequest("an element of \(field) has at most \(InputLimits.elementBytesMax) bytes")
            }
        }
        return .textArray(values)
    }

    static func words(_ values: [String]?, _ field: String) throws(ControlPlaneError) -> PostgresValue {
        guard let values else { return .null }
        return try Self.words(values, field)
    }

    static func json(_ document: JSONDocument?) -> PostgresValue {
        guard let document else { return .null }
        return .jsonb(document.bytes)
    }

    static func time(_ time: WallTime?) -> PostgresValue {
        guard let time else { return .null }
        return .timestamptz(time.microseconds)
    }
}
