import ControlPlane
import Foundation
import HTTPTypes
import Nostr

/// Every route of the API: what is served and what the OpenAPI document says are both made of this list.
enum RouteTable {
    static let all: [Route] =
        me + tokens + organizations + members + projects + repos + issues + threads + messages + knowledge + agents
}

/// A member of an answer: its name and how its rows are shown.
struct Shown<Row: Sendable>: Sendable {
    let name: String
    let shape: Shape<Row>
    /// Schemas that the shape refers to.
    let others: [NamedSchema]

    init(_ name: String, _ shape: Shape<Row>, with others: NamedSchema...) {
        self.name = name
        self.shape = shape
        self.others = others
    }

    fileprivate var schemas: [NamedSchema] { [self.shape.schema] + self.others }

    fileprivate func success(_ status: Int) -> Route.Success {
        Route.Success(
            status: status, members: [(self.name, .reference(self.shape.name))], schemas: self.schemas)
    }

    fileprivate func member(_ row: Row) -> JSONValue.Member {
        JSONValue.Member(name: self.name, value: self.shape.json(row))
    }
}

extension Route {
    /// One row.
    static func get<Row>(
        _ template: String, _ name: String, _ summary: String, _ shown: Shown<Row>,
        _ read: @escaping @Sendable (Exchange) async throws -> Row
    ) -> Route {
        Route(
            method: .get, template: PathTemplate(template), name: name, summary: summary, access: .anyCredential,
            takesIdempotencyKey: false, query: [], body: nil, success: shown.success(200), errors: []
        ) { [shown.member(try await read($0))] }
    }

    /// A page of rows, and where the next one begins.
    static func list<Row>(
        _ template: String, _ name: String, _ summary: String, _ shown: Shown<Row>, query: [FieldRule] = [],
        _ read: @escaping @Sendable (Exchange) async throws -> Page<Row>
    ) -> Route {
        Route(
            method: .get, template: PathTemplate(template), name: name, summary: summary, access: .anyCredential,
            takesIdempotencyKey: false, query: query + PageFields.all, body: nil,
            success: Success(
                status: 200,
                members: [
                    (shown.name, .list(.reference(shown.shape.name), nil)), ("next_cursor", .nullable(.text(nil))),
                ],
                schemas: shown.schemas),
            errors: query.isEmpty ? [] : [.notFound]
        ) { exchange in
            let page = try await read(exchange)
            return [
                JSONValue.Member(name: shown.name, value: .array(page.items.map(shown.shape.json))),
                JSONValue.Member(name: "next_cursor", value: page.next.map { .string($0.text) } ?? .null),
            ]
        }
    }

    /// A new row.
    static func create<Row>(
        _ template: String, _ name: String, _ summary: String, _ shown: Shown<Row>, _ body: BodyShape,
        errors: [APIError.Code] = [], takesIdempotencyKey: Bool = true,
        _ make: @escaping @Sendable (Exchange) async throws -> Row
    ) -> Route {
        Route(
            method: .post, template: PathTemplate(template), name: name, summary: summary, access: .anyCredential,
            takesIdempotencyKey: takesIdempotencyKey, query: [], body: body, success: shown.success(201), errors: errors
        ) { [shown.member(try await make($0))] }
    }

    /// A changed row.
    static func change<Row>(
        _ template: String, _ name: String, _ summary: String, _ shown: Shown<Row>, _ body: BodyShape,
        method: HTTPRequest.Method = .patch, errors: [APIError.Code] = [],
        _ change: @escaping @Sendable (Exchange) async throws -> Row
    ) -> Route {
        Route(
            method: method, template: PathTemplate(template), name: name, summary: summary, access: .anyCredential,
            takesIdempotencyKey: false, query: [], body: body, success: shown.success(200), errors: errors
        ) { [shown.member(try await change($0))] }
    }

    /// Nothing to show: a deletion, or a link that is there or not.
    static func act(
        _ method: HTTPRequest.Method, _ template: String, _ name: String, _ summary: String,
        errors: [APIError.Code] = [], _ act: @escaping @Sendable (Exchange) async throws -> Void
    ) -> Route {
        Route(
            method: method, template: PathTemplate(template), name: name, summary: summary, access: .anyCredential,
            takesIdempotencyKey: false, query: [], body: nil, success: Success(status: 200, members: [], schemas: []),
            errors: errors
        ) { exchange in
            try await act(exchange)
            return []
        }
    }

    /// Rows by nearness to a vector; a question, though it needs a body.
    static func search<Row>(
        _ template: String, _ name: String, _ summary: String, _ shown: Shown<Row>, _ body: BodyShape,
        _ read: @escaping @Sendable (Exchange) async throws -> [Row]
    ) -> Route {
        Route(
            method: .post, template: PathTemplate(template), name: name, summary: summary, access: .anyCredential,
            takesIdempotencyKey: false, query: [], body: body,
            success: Success(
                status: 200, members: [(shown.name, .list(.reference(shown.shape.name), nil))],
                schemas: shown.schemas),
            errors: [.notFound]
        ) { exchange in
            let rows = try await read(exchange)
            return [JSONValue.Member(name: shown.name, value: .array(rows.map(shown.shape.json)))]
        }
    }
}

/// Fields that several resources have.
enum CommonFields {
    static let organizationID = Field("organization_id", .uuid)
    static let projectID = Field("project_id", .uuid)
    static let archived = Field("archived", .boolean, "Archived ones instead; false unless given.")
    static let scope = [projectID.optional, organizationID.optional]
}

extension Exchange {
    /// Of the query: a project, an organization, or the caller's own rows.
    var scope: Scope {
        get throws {
            try Scope(
                organization: self.query(CommonFields.organizationID), project: self.query(CommonFields.projectID))
        }
    }
}
