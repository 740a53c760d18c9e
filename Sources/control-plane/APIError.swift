import ControlPlane
import Logging
import Nostr
import Postgres

/// What went wrong with a request, in the words of the API: the five codes of the library and those that only HTTP has.
struct APIError: Error, Equatable {
    enum Code: String, CaseIterable {
        case badRequest = "BAD_REQUEST"
        case unauthorized = "UNAUTHORIZED"
        case forbidden = "FORBIDDEN"
        case notFound = "NOT_FOUND"
        case methodNotAllowed = "METHOD_NOT_ALLOWED"
        case conflict = "CONFLICT"
        case payloadTooLarge = "PAYLOAD_TOO_LARGE"
        case unsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
        case rateLimited = "RATE_LIMITED"
        case `internal` = "INTERNAL"
        case unavailable = "UNAVAILABLE"

        var status: Int {
            switch self {
            case .badRequest: 400
            case .unauthorized: 401
            case .forbidden: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .conflict: 409
            case .payloadTooLarge: 413
            case .unsupportedMediaType: 415
            case .rateLimited: 429
            case .internal: 500
            case .unavailable: 503
            }
        }
    }

    let code: Code
    let message: String
    /// Headers that belong to the code.
    var allow: String?
    var retryAfterSeconds: Int?

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whatever an operation threw. What is not the client's to know is logged, without its text where that may hold a row.
    init(any error: any Error, logger: Logger) {
        switch error {
        case let error as APIError: self = error
        case let error as ControlPlaneError: self.init(Code(error.code), error.message)
        case KeyStoreError.unavailable:
            self.init(.unavailable, "the keys of the auth service are not known: tokens work meanwhile")
        case let error as ControlDatabaseError:
            logger.warning("A request was not done", metadata: ["error": "\(error)"])
            self.init(.unavailable, "try again later")
        case let error as PostgresError where Self.mayPass(error):
            logger.warning("The database is not available", metadata: ["error": "\(error)"])
            self.init(.unavailable, "try again later")
        case is CancellationError: self.init(.unavailable, "the service is stopping")
        default:
            logger.error("A request failed", metadata: ["error": "\(error)"])
            self.init(.internal, "our fault: it is in the log under this request's id")
        }
        if self.code == .unavailable { self.retryAfterSeconds = 1 }
    }

    private static func mayPass(_ error: PostgresError) -> Bool {
        switch error.category {
        case .connection, .transient, .resource, .readOnly, .staleStatement, .authentication: true
        case .data, .schemaOrRights, .ourBug, .corruption: false
        }
    }

    /// The body: `{"ok":false,"error":{…}}`.
    var json: JSONValue {
        .object([
            .init(name: "ok", value: .bool(false)),
            .init(
                name: "error",
                value: .object([
                    .init(name: "code", value: .string(self.code.rawValue)),
                    .init(name: "message", value: .string(self.message)),
                ])),
        ])
    }
}

extension APIError.Code {
    init(_ code: ControlPlaneError.Code) {
        switch code {
        case .badRequest: self = .badRequest
        case .unauthorized: self = .unauthorized
        case .forbidden: self = .forbidden
        case .notFound: self = .notFound
        case .conflict: self = .conflict
        }
    }
}
