import HTTPTypes
import Nostr
import Serving

/// The OpenAPI 3.1 document, made of the routes that are served.
struct OpenAPI {
    let routes: [Route]
    let base: String

    var json: JSONValue {
        Self.object([
            ("openapi", .string("3.1.0")),
            (
                "info",
                Self.object([
                    ("title", .string("Control plane")), ("version", .string(Release.version)),
                    (
                        "description",
                        .string(
                            "Teams, projects, chat, knowledge and API tokens. Every success has `\"ok\": true`, every failure "
                                + "`\"ok\": false` and an `error`. Times are milliseconds since 1970-01-01 UTC; on input also "
                                + "RFC 3339. Members that are not named here are refused.")
                    ),
                ])
            ),
            ("servers", .array([Self.object([("url", .string(self.base))])])),
            ("security", .array([Self.object([("bearer", .array([]))])])),
            ("paths", self.paths),
            (
                "components",
                Self.object([
                    ("schemas", self.schemas),
                    ("responses", self.errorResponses),
                    (
                        "securitySchemes",
                        Self.object([
                            (
                                "bearer",
                                Self.object([
                                    ("type", .string("http")), ("scheme", .string("bearer")),
                                    (
                                        "description",
                                        .string("An API token (`cp_…`), or a JWT of the external auth service.")
                                    ),
                                ])
                            )
                        ])
                    ),
                ])
            ),
        ])
    }

    private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { JSONValue.Member(name: $0.0, value: $0.1) })
    }

    // MARK: Paths

    private var paths: JSONValue {
        var templates: [String] = []
        for route in self.routes where !templates.contains(route.template.text) {
            templates.append(route.template.text)
        }
        return Self.object(
            templates.map { template in
                let operations = self.routes.filter { $0.template.text == template }
                return (template, Self.object(operations.map { ($0.method.rawValue.lowercased(), self.operation($0)) }))
            })
    }

    private func operation(_ route: Route) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("operationId", .string(route.name)), ("summary", .string(route.summary)),
            ("tags", .array([.string(String(route.template.text.split(separator: "/")[0]))])),
        ]
        switch route.access {
        case .anyCredential: break
        case .jwtOnly: members.append(("description", .string("With a JWT only: a token cannot create tokens.")))
        case .nobody: members.append(("security", .array([])))
        }
        let parameters = self.parameters(route)
        if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
        if let body = route.body {
            members.append(
                (
                    "requestBody",
                    Self.object([
                        ("required", .bool(true)), ("content", Self.content(Schema.reference(body.name).json)),
                    ])
                ))
        }
        members.append(("responses", self.responses(route)))
        return Self.object(members)
    }

    private func parameters(_ route: Route) -> [JSONValue] {
        var parameters = route.template.parameters.map { name in
            Self.object([
                ("name", .string(name)), ("in", .string("path")), ("required", .bool(true)),
                ("schema", (name == "user_id" || name == "slug" ? Schema.text(1...255) : .uuid).json),
            ])
        }
        for field in route.query {
            // A parameter is there or not; it is never null.
            let schema = if case .nullable(let inner) = field.schema { inner } else { field.schema }
            parameters.append(
                Self.object(
                    [
                        ("name", .string(field.name)), ("in", .string("query")),
                        ("required", .bool(field.presence == .required)), ("schema", schema.json),
                    ] + (field.note.isEmpty ? [] : [("description", .string(field.note))])))
        }
        if route.takesIdempotencyKey {
            parameters.append(
                Self.object([
                    ("name", .string("Idempotency-Key")), ("in", .string("header")), ("required", .bool(false)),
                    ("schema", Schema.text(1...255).json),
                    (
                        "description",
                        .string("The same request under the same key creates once, for a day; another one is CONFLICT.")
                    ),
                ]))
        }
        return parameters
    }

    private func responses(_ route: Route) -> JSONValue {
        let properties =
            [("ok", Self.object([("const", .bool(true))]))]
            + route.success.members.map {
                ($0.name, $0.schema.json)
            }
        let schema = Self.object([
            ("type", .string("object")), ("required", .array(properties.map { .string($0.0) })),
            ("properties", Self.object(properties)), ("additionalProperties", .bool(false)),
        ])
        var responses: [(String, JSONValue)] = [
            (
                String(route.success.status),
                Self.object([("description", .string("Done.")), ("content", Self.content(schema))])
            )
        ]
        for code in route.possibleErrors.sorted(by: { $0.status < $1.status }) {
            responses.append(
                (
                    String(code.status),
                    Self.object([("$ref", .string("#/components/responses/\(code.rawValue)"))])
                ))
        }
        return Self.object(responses)
    }

    private static func content(_ schema: JSONValue) -> JSONValue {
        self.object([("application/json", self.object([("schema", schema)]))])
    }

    // MARK: Components

    private var schemas: JSONValue {
        var named: [String: JSONValue] = ["Error": Self.errorSchema]
        for route in self.routes {
            for schema in route.success.schemas { named[schema.name] = schema.json }
            if let body = route.body { named[body.name] = Self.schema(body) }
        }
        return Self.object(named.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    private static func schema(_ body: BodyShape) -> JSONValue {
        let required = body.fields.filter { $0.presence == .required }.map { JSONValue.string($0.name) }
        let properties = body.fields.map { field -> (String, JSONValue) in
            guard !field.note.isEmpty, case .object(let members) = field.schema.json else {
                return (field.name, field.schema.json)
            }
            let note = JSONValue.Member(name: "description", value: .string(field.note))
            return (field.name, .object(members.filter { $0.name != "description" } + [note]))
        }
        return self.object(
            [("type", .string("object"))] + (required.isEmpty ? [] : [("required", .array(required))])
                + [("properties", self.object(properties)), ("additionalProperties", .bool(false))])
    }

    private static var errorSchema: JSONValue {
        self.object([
            ("type", .string("object")), ("required", .array([.string("ok"), .string("error")])),
            (
                "properties",
                self.object([
                    ("ok", self.object([("const", .bool(false))])),
                    (
                        "error",
                        self.object([
                            ("type", .string("object")),
                            ("required", .array([.string("code"), .string("message")])),
                            (
                                "properties",
                                self.object([
                                    ("code", Schema.choice(APIError.Code.allCases.map(\.rawValue)).json),
                                    ("message", Schema.text(nil).json),
                                ])
                            ),
                        ])
                    ),
                ])
            ),
            ("additionalProperties", .bool(false)),
        ])
    }

    private var errorResponses: JSONValue {
        Self.object(
            APIError.Code.allCases.map { code in
                (
                    code.rawValue,
                    Self.object([
                        ("description", .string(code.meaning)),
                        ("content", Self.content(Schema.reference("Error").json)),
                    ])
                )
            })
    }
}

extension Route {
    /// What this route may answer besides its success.
    var possibleErrors: Set<APIError.Code> {
        var codes: Set<APIError.Code> = [.internal, .unavailable]
        codes.formUnion(self.errors)
        if self.access != .nobody { codes.formUnion([.unauthorized, .rateLimited]) }
        if self.access == .jwtOnly { codes.insert(.forbidden) }
        if !self.template.parameters.isEmpty { codes.formUnion([.badRequest, .notFound]) }
        if !self.query.isEmpty { codes.insert(.badRequest) }
        if self.body != nil { codes.formUnion([.badRequest, .payloadTooLarge, .unsupportedMediaType]) }
        if self.takesIdempotencyKey { codes.insert(.conflict) }
        return codes
    }
}

extension APIError.Code {
    fileprivate var meaning: String {
        switch self {
        case .badRequest:
            "Malformed input, an unknown member, an id that is no UUID, clearing a required field, an inconsistent scope."
        case .unauthorized: "No credential, or an unknown, expired, revoked or invalid one."
        case .forbidden: "Visible, but the role does not allow it."
        case .notFound: "Does not exist, or is not visible to the caller."
        case .methodNotAllowed: "Not with this method."
        case .conflict: "Taken, the last owner, a member already, or too many tokens."
        case .payloadTooLarge: "The body is too large."
        case .unsupportedMediaType: "The body is not application/json."
        case .rateLimited: "Too many failed attempts to authenticate; Retry-After says when to come back."
        case .internal: "Our fault."
        case .unavailable: "Try again later."
        }
    }
}
