import ControlPlane
import Foundation
import HTTPTypes
import Logging
import Nostr
import Serving
import Synchronization

/// The HTTP face of the control plane: from a request to an answer, whatever happens.
struct ControlAPI: Sendable {
    static let base = "/control/v1"

    private let plane: ControlOperations
    private let authenticator: Authenticator
    private let routes: [Route]
    private let document: [UInt8]
    private let origins: Set<String>
    private let trustsForwardedFor: Bool
    private let failures: FailureAccount
    private let counters: APICounters
    private let logger: Logger

    init(
        plane: ControlOperations, authenticator: Authenticator, settings: ControlConfiguration.API,
        counters: APICounters,
        logger: Logger
    ) {
        self.plane = plane
        self.authenticator = authenticator
        self.routes = RouteTable.all
        self.document = Array(OpenAPI(routes: RouteTable.all, base: Self.base).json.text.utf8)
        self.origins = Set(settings.corsOrigins)
        self.trustsForwardedFor = settings.trustsForwardedFor
        self.failures = FailureAccount(limit: settings.failuresPerMinute)
        self.counters = counters
        self.logger = logger
    }

    /// Never throws: what goes wrong is an answer, too.
    func answer(_ request: ReceivedRequest) async -> ListenerAnswer {
        let start = ContinuousClock.now
        var logger = self.logger
        // Ours, never the client's: two requests are never one in the log.
        let requestID = UUID().uuidString.lowercased()
        logger[metadataKey: "request.id"] = "\(requestID)"
        self.counters.began()
        defer { self.counters.ended() }

        let found = self.find(request)
        var answer: ListenerAnswer
        do {
            answer = try await self.answer(request, found, logger)
        } catch {
            answer = Self.answer(APIError(any: error, logger: logger))
        }
        answer.headers[.contentType] = answer.body.isEmpty ? nil : "application/json"
        answer.headers[.cacheControl] = "no-store"
        Self.set("X-Content-Type-Options", "nosniff", &answer)
        Self.set("X-Request-Id", requestID, &answer)
        self.allowOrigin(of: request, &answer)
        self.counters.answered(
            route: found.pattern, status: answer.status, after: ContinuousClock.now - start)
        logger.debug(
            "Answered",
            metadata: [
                "http.method": "\(request.method.rawValue)", "http.route": "\(found.pattern)",
                "http.status": "\(answer.status)",
            ])
        return answer
    }

    // MARK: Which route

    private enum Found {
        case route(Route, parameters: [String: String])
        case document
        case preflight(methods: [HTTPRequest.Method])
        case wrongMethod(allowed: [HTTPRequest.Method])
        case nothing

        /// For the label of a metric: the pattern, never the path.
        var pattern: String {
            switch self {
            case .route(let route, _): ControlAPI.base + route.template.text
            case .document: ControlAPI.base + ControlAPI.documentPath
            case .preflight, .wrongMethod, .nothing: "other"
            }
        }
    }

    static let documentPath = "/openapi.json"

    private func find(_ request: ReceivedRequest) -> Found {
        guard let segments = Self.segments(request.path) else { return .nothing }
        // The listener sends no body for a HEAD.
        let method = request.method == .head ? .get : request.method
        if segments == ["openapi.json"] {
            return method == .get ? .document : .wrongMethod(allowed: [.get, .head])
        }
        // A literal wins over a parameter: /knowledge/search is no id.
        let matches = self.routes.compactMap { route in route.template.match(segments).map { (route, $0) } }
        let literal = matches.map { $0.1.count }.min()
        let nearest = matches.filter { $0.1.count == literal }
        if let (route, parameters) = nearest.first(where: { $0.0.method == method }) {
            return .route(route, parameters: parameters)
        }
        let allowed = nearest.map(\.0.method).flatMap { $0 == .get ? [.get, .head] : [$0] }
        guard !allowed.isEmpty else { return .nothing }
        if request.method == .options, request.headers[.accessControlRequestMethod] != nil {
            return .preflight(methods: allowed)
        }
        return .wrongMethod(allowed: allowed)
    }

    /// Below the base, percent-decoded; nil for anything else.
    private static func segments(_ path: String) -> [String]? {
        guard path.utf8.starts(with: (self.base + "/").utf8) else { return nil }
        var segments: [String] = []
        for piece in path.utf8.dropFirst(self.base.utf8.count + 1).split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            guard !piece.isEmpty, let segment = PercentEncoding.decoded(piece), !segment.utf8.contains(0) else {
                return nil
            }
            segments.append(segment)
        }
        return segments
    }

    // MARK: The answer

    private func answer(
        _ request: ReceivedRequest, _ found: Found, _ logger: Logger
    ) async throws -> ListenerAnswer {
        switch found {
        case .nothing:
            throw APIError(.notFound, "there is no such route")
        case .wrongMethod(let allowed):
            var error = APIError(.methodNotAllowed, "not with this method")
            error.allow = allowed.map(\.rawValue).sorted().joined(separator: ", ")
            throw error
        case .preflight(let methods):
            return self.preflight(request, methods)
        case .document:
            return ListenerAnswer(status: 200, body: self.document)
        case .route(let route, let parameters):
            return try await self.answer(request, route, parameters, logger)
        }
    }

    private func answer(
        _ request: ReceivedRequest, _ route: Route, _ parameters: [String: String], _ logger: Logger
    ) async throws -> ListenerAnswer {
        let caller = try await self.caller(of: request)
        if route.access == .jwtOnly, case .token = caller.credential {
            throw ControlPlaneError.forbidden("with a JWT only: a token cannot do this")
        }
        let query = try QueryValues(request.query, route.query)
        let body = try await self.body(of: request, route)
        let exchange = Exchange(
            plane: self.plane, caller: caller, parameters: parameters, query: query, body: body?.values,
            idempotencyKey: try self.idempotencyKey(of: request, route, body?.bytes ?? []))
        let ok = JSONValue.Member(name: "ok", value: .bool(true))
        let members = try await route.handle(exchange)
        var answer = ListenerAnswer(
            status: route.success.status, body: Array(JSONValue.object([ok] + members).text.utf8))
        if case .token = caller.credential {
            answer.afterwards = { [authenticator] in await authenticator.noteUse(by: caller) }
        }
        return answer
    }

    /// Method, path and body make two requests the same.
    private func idempotencyKey(
        of request: ReceivedRequest, _ route: Route, _ body: [UInt8]
    ) throws -> IdempotencyKey? {
        let given = request.headers[values: .idempotencyKey]
        guard let key = given.first else { return nil }
        guard route.takesIdempotencyKey, given.count == 1 else {
            throw ControlPlaneError.badRequest("an idempotency key belongs to a creation, once")
        }
        return try IdempotencyKey(key, request: Array("\(route.method.rawValue) \(request.path)\n".utf8) + body)
    }

    private func caller(of request: ReceivedRequest) async throws -> Caller {
        let address = self.address(of: request)
        if let seconds = self.failures.wait(for: address) {
            self.counters.failedAuthentication("rate_limited")
            var error = APIError(.rateLimited, "too many failed attempts to authenticate")
            error.retryAfterSeconds = seconds
            throw error
        }
        let bearer = Self.bearer(request.headers[values: .authorization])
        do {
            return try await self.authenticator.caller(bearer: bearer)
        } catch let error as ControlPlaneError where error.code == .unauthorized {
            self.failures.failed(address)
            self.counters.failedAuthentication(bearer == nil ? "missing" : "refused")
            throw error
        }
    }

    /// Nil unless there is exactly one header of the form `Bearer <value>` (RFC 6750 section 2.1).
    static func bearer(_ values: [String]) -> String? {
        guard values.count == 1, let value = values.first else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let token = parts[1].drop { $0 == " " }
        return token.isEmpty || token.contains(" ") ? nil : String(token)
    }

    /// Behind a proxy of ours: what the proxy itself appended, which is the last one.
    private func address(of request: ReceivedRequest) -> String {
        guard self.trustsForwardedFor, LoopbackName.isLoopback(request.address),
            let last = request.headers[values: .forwardedFor].last?.split(separator: ",").last
        else { return request.address }
        return last.trimmingCharacters(in: .whitespaces)
    }

    private func body(
        of request: ReceivedRequest, _ route: Route
    ) async throws -> (bytes: [UInt8], values: BodyValues)? {
        guard let shape = route.body else { return nil }
        let type = request.headers[.contentType]?.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        guard type == "application/json" else {
            throw APIError(.unsupportedMediaType, "the body must be application/json")
        }
        let bytes: [UInt8]
        do throws(ReceivedRequest.BodyError) {
            bytes = try await request.readBody()
        } catch {
            switch error {
            case .tooLarge: throw APIError(.payloadTooLarge, "the body is too large")
            case .incomplete: throw ControlPlaneError.badRequest("the body is incomplete")
            }
        }
        return (bytes, try BodyValues(bytes, shape))
    }

    static func answer(_ error: APIError) -> ListenerAnswer {
        var answer = ListenerAnswer(status: error.code.status, body: Array(error.json.text.utf8))
        if error.code == .unauthorized { answer.headers[.wwwAuthenticate] = "Bearer" }
        if let allow = error.allow { answer.headers[.allow] = allow }
        if let seconds = error.retryAfterSeconds { answer.headers[.retryAfter] = String(seconds) }
        // What is left of the body is not wanted.
        if error.code == .payloadTooLarge { answer.headers[.connection] = "close" }
        return answer
    }

    private static func set(_ name: String, _ value: String, _ answer: inout ListenerAnswer) {
        if let name = HTTPField.Name(name) { answer.headers[name] = value }
    }

    // MARK: Other origins

    private func preflight(_ request: ReceivedRequest, _ methods: [HTTPRequest.Method]) -> ListenerAnswer {
        var answer = ListenerAnswer(status: 204)
        guard let origin = request.headers[.origin], self.origins.contains(origin) else { return answer }
        answer.headers[.accessControlAllowMethods] = methods.map(\.rawValue).joined(separator: ", ")
        answer.headers[.accessControlAllowHeaders] = "Authorization, Content-Type, Idempotency-Key"
        answer.headers[.accessControlMaxAge] = "600"
        return answer
    }

    /// Only what is listed, never `*`, and no credentials: the bearer value is the page's own to send.
    private func allowOrigin(of request: ReceivedRequest, _ answer: inout ListenerAnswer) {
        guard !self.origins.isEmpty else { return }
        answer.headers[.vary] = "Origin"
        guard let origin = request.headers[.origin], self.origins.contains(origin) else { return }
        answer.headers[.accessControlAllowOrigin] = origin
    }
}

extension HTTPField.Name {
    fileprivate static let forwardedFor = named("X-Forwarded-For")
    fileprivate static let idempotencyKey = named("Idempotency-Key")

    private static func named(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no name of a header") }
        return name
    }
}

/// The limiter behind its lock.
private final class FailureAccount: Sendable {
    private let limiter: Mutex<FailureLimiter>

    init(limit: Int) {
        self.limiter = Mutex(FailureLimiter(limit: limit))
    }

    func wait(for address: String) -> Int? { self.limiter.withLock { $0.wait(for: address, at: .now) } }
    func failed(_ address: String) { self.limiter.withLock { $0.failed(address, at: .now) } }
}
