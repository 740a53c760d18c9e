import ControlPlane
import Foundation
import HTTPTypes
import Nostr
import Serving

/// One operation over HTTP: everything that the listener and the OpenAPI document need to know of it.
struct Route: Sendable {
    /// Which credentials are accepted.
    enum Access: Sendable {
        case anyCredential
        /// A token cannot create tokens (control-plane.md section 7).
        case jwtOnly
        case nobody
    }

    /// What a success says besides `"ok":true`.
    struct Success: Sendable {
        let status: Int
        /// Members, in order.
        let members: [(name: String, schema: Schema)]
        /// Schemas that the members refer to.
        let schemas: [NamedSchema]
    }

    let method: HTTPRequest.Method
    /// Below the base, such as `/projects/{id}`.
    let template: PathTemplate
    /// `operationId` of the document.
    let name: String
    let summary: String
    let access: Access
    /// Creations may be retried under a key.
    let takesIdempotencyKey: Bool
    let query: [FieldRule]
    let body: BodyShape?
    let success: Success
    /// Codes besides those that every route has.
    let errors: [APIError.Code]
    /// The members of a success.
    let handle: @Sendable (Exchange) async throws -> [JSONValue.Member]
}

/// A path with names in braces.
struct PathTemplate: Hashable, Sendable {
    enum Segment: Hashable, Sendable {
        case literal(String)
        case parameter(String)
    }

    let text: String
    let segments: [Segment]

    init(_ text: String) {
        self.text = text
        self.segments = text.split(separator: "/").map { piece in
            piece.hasPrefix("{") && piece.hasSuffix("}")
                ? .parameter(String(piece.dropFirst().dropLast())) : .literal(String(piece))
        }
    }

    var parameters: [String] {
        self.segments.compactMap { segment in
            if case .parameter(let name) = segment { name } else { nil }
        }
    }

    /// The values of the parameters, or nil when the path is another one. `segments` are percent-decoded.
    func match(_ segments: [String]) -> [String: String]? {
        guard segments.count == self.segments.count else { return nil }
        var values: [String: String] = [:]
        for (segment, text) in zip(self.segments, segments) {
            switch segment {
            case .literal(let literal): guard literal.utf8.elementsEqual(text.utf8) else { return nil }
            case .parameter(let name): values[name] = text
            }
        }
        return values
    }
}

/// A request to one route, with everything that its handler may ask.
struct Exchange: Sendable {
    let plane: ControlOperations
    let caller: Caller
    private let parameters: [String: String]
    private let queryValues: QueryValues
    private let bodyValues: BodyValues?
    let idempotencyKey: IdempotencyKey?

    init(
        plane: ControlOperations, caller: Caller, parameters: [String: String], query: QueryValues, body: BodyValues?,
        idempotencyKey: IdempotencyKey?
    ) {
        self.plane = plane
        self.caller = caller
        self.parameters = parameters
        self.queryValues = query
        self.bodyValues = body
        self.idempotencyKey = idempotencyKey
    }

    func parameter(_ name: String) -> String {
        guard let value = self.parameters[name] else { preconditionFailure("The route has no parameter \(name)") }
        return value
    }

    /// - Throws: BAD_REQUEST for an id that is no UUID.
    func id(_ name: String = "id") throws -> UUID {
        guard let id = UUID(uuidString: self.parameter(name)) else {
            throw ControlPlaneError.badRequest("\(name) in the path is no UUID")
        }
        return id
    }

    func query<Value>(_ field: Field<Value>) throws -> Value? { try self.queryValues.value(field) }

    var page: PageRequest {
        get throws {
            try PageRequest(limit: self.query(PageFields.limit), cursor: self.query(PageFields.cursor))
        }
    }

    var body: BodyValues {
        guard let body = self.bodyValues else { preconditionFailure("The route takes no body") }
        return body
    }
}

/// What every list takes.
enum PageFields {
    static let limit = Field(
        "limit", .integer(Int64(InputLimits.pageRows.lowerBound)...Int64(InputLimits.pageRows.upperBound)),
        "Rows of the page; \(InputLimits.pageRowsDefault) unless given.")
    static let cursor = Field("cursor", .text(nil), "`next_cursor` of the page before.")
    static let all = [limit.optional, cursor.optional]
}

/// The parameters of a query, by name.
struct QueryValues: Sendable {
    private let values: [String: String]

    /// - Throws: BAD_REQUEST for a broken escape, a parameter that occurs twice, and an unknown one.
    init(_ items: QueryItems, _ fields: [FieldRule]) throws(ControlPlaneError) {
        guard items.isWellFormed else { throw .badRequest("the query is not percent-encoded UTF-8") }
        var values: [String: String] = [:]
        for item in items.items {
            guard fields.contains(where: { $0.name.utf8.elementsEqual(item.name.utf8) }) else {
                let known = fields.map(\.name)
                let nearest = Suggestion.nearest(to: item.name, among: known).map { "; did you mean \($0)?" } ?? ""
                throw .badRequest("unknown parameter '\(Terminal.harmless(item.name))'\(nearest)")
            }
            guard values.updateValue(item.value, forKey: item.name) == nil else {
                throw .badRequest("\(item.name) is given twice")
            }
        }
        self.values = values
    }

    /// A number or a word of JSON where the field is one, else a text.
    func value<Value>(_ field: Field<Value>) throws(ControlPlaneError) -> Value? {
        guard let text = self.values[field.name] else { return nil }
        let json: JSONValue =
            switch field.decoding.schema {
            case .integer, .number: .number(text)
            case .boolean: JSONValue(parsing: text) ?? .string(text)
            default: .string(text)
            }
        guard let value = try field.decoding.read(json) else {
            throw .badRequest("\(field.name): expected \(field.decoding.expectation)")
        }
        return value
    }
}
