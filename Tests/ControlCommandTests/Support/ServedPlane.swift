import AsyncHTTPClient
import ControlPlane
import CoreMetrics
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Nostr
import Postgres
import ServiceLifecycle
import Serving
import TestSupport
import Testing

@testable import control_plane

/// The API over a real socket on a migrated database of its own.
struct ServedPlane: Sendable {
    static let operatorID = "operator"

    let address: ListenAddress
    let database: PostgresConfiguration
    let key: AuthService.Key
    let registry: PrometheusRegistry
    let counters: APICounters
    let administration: ControlAdministration

    /// What came back.
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let json: JSONValue

        var code: String? { self.json["error"]?["code"]?.string }
        func id(_ name: String) -> String { self.json[name]?["id"]?.string ?? "" }
    }

    static func with(
        limits: ExchangeLimits = ExchangeLimits(), _ change: (inout ControlConfiguration.API) -> Void = { _ in },
        keys: (@Sendable (AuthService.Key) async throws -> [UInt8])? = { AuthService.document([$0]) },
        _ body: @Sendable (ServedPlane) async throws -> Void
    ) async throws {
        var settings = ControlConfiguration.API()
        settings.limits = limits
        change(&settings)
        let final = settings
        try await TestDatabase.withDatabase { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            _ = try await ControlMigrator(toolVersion: "test", logger: .silent).up(on: connection)
            await connection.close()
            try await Self.serve(final, configuration, keys, body)
        }
    }

    private static func serve(
        _ settings: ControlConfiguration.API, _ configuration: PostgresConfiguration,
        _ keys: (@Sendable (AuthService.Key) async throws -> [UInt8])?,
        _ body: @Sendable (ServedPlane) async throws -> Void
    ) async throws {
        let pool = ConnectionPool(configuration: configuration, logger: .silent)
        let database = ControlDatabase(pool: pool, logger: .silent)
        let registry = PrometheusRegistry(describing: APICounters.descriptions, logger: .silent)
        let counters = APICounters(factory: registry)
        let key = AuthService.Key("first")
        let verifier = keys.map { keys in
            JWTVerifier(
                policy: JWTPolicy(
                    issuer: AuthService.issuer, audience: AuthService.audience, algorithms: [.edDSA]),
                keys: KeyStore(logger: .silent) { try await keys(key) }, onRefusal: { counters.refusedJWT($0) })
        }
        let api = ControlAPI(
            plane: ControlOperations(database: database, operators: [Self.operatorID]),
            authenticator: Authenticator(
                database: database, verifyJWT: verifier?.verify, logger: .silent),
            settings: settings, counters: counters, logger: .silent)
        let (addresses, listening) = AsyncStream.makeStream(of: ListenAddress.self)
        let listener = HTTPListener(
            address: ListenAddress(host: "127.0.0.1", port: 0), limits: settings.limits, logger: .silent,
            onListening: { listening.yield($0) }, answer: { await api.answer($0) })
        let group = ServiceGroup(configuration: .init(services: [listener], logger: .silent))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await address in addresses {
                let plane = ServedPlane(
                    address: address, database: configuration, key: key, registry: registry, counters: counters,
                    administration: ControlAdministration(database: database))
                do {
                    try await body(plane)
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
                break
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        await pool.close()
    }

    /// A JWT of somebody who is signed in.
    func jwt(_ subject: String, _ changes: [String: String?] = [:]) throws -> String {
        try AuthService.token(subject, self.key, changes)
    }

    /// One request below the base of the API.
    func call(
        _ method: HTTPMethod, _ path: String, as bearer: String?, _ body: String? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://\(self.address)\(ControlAPI.base)\(path)")
        request.method = method
        if let bearer { request.headers.add(name: "Authorization", value: "Bearer \(bearer)") }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let text = String(buffer: try await response.body.collect(upTo: 64 << 20))
        let json = JSONValue(parsing: text)
        #expect(text.isEmpty || json != nil, "no JSON: \(text)")
        return Answer(status: Int(response.status.code), headers: response.headers, json: json ?? .null)
    }

    /// The same, as somebody who is signed in.
    func call(_ method: HTTPMethod, _ path: String, by subject: String, _ body: String? = nil) async throws -> Answer {
        try await self.call(method, path, as: self.jwt(subject), body)
    }

    /// Runs SQL beside the API.
    func sql(_ script: String) async throws {
        let connection = try await PostgresConnection.open(self.database, logger: .silent)
        try await connection.run { try $0.executeScript(script) }
        await connection.close()
    }

    /// The first column of the first row, as text.
    func cell(_ sql: String) async throws -> String? {
        let connection = try await PostgresConnection.open(self.database, logger: .silent)
        let text = try await connection.run { try $0.execute(sql).first?[0].text }
        await connection.close()
        return text
    }

    /// An organization of somebody, and its id.
    func organization(of owner: String, members: [String] = []) async throws -> String {
        let id = try await self.call(.POST, "/organizations", by: owner, #"{"name":"Org"}"#).id("organization")
        for member in members {
            _ = try await self.call(.POST, "/projects", by: member, #"{"name":"own"}"#)
            let added = try await self.call(
                .POST, "/organizations/\(id)/members", by: owner, #"{"user_id":"\#(member)","role":"member"}"#)
            #expect(added.status == 201)
        }
        return id
    }
}

extension String {
    /// A vector of 1536 numbers with one at a place.
    static func vector(_ place: Int = 0) -> String {
        "[" + (0..<1_536).map { $0 == place ? "1" : "0" }.joined(separator: ",") + "]"
    }
}
