import AsyncHTTPClient
import ControlPlane
import Foundation
import NIOCore
import NIOHTTP1
import Nostr
import Postgres
import Serving
import TestSupport
import Testing

@testable import control_plane

/// The executable, from the outside, on a real server.
struct ControlExecutableTests {
    static let program = Program.path("control-plane")

    /// Runs the body with the connection string of an empty database.
    private func withServer(_ body: (String) async throws -> Void) async throws {
        try await TestDatabase.withDatabase { configuration in
            let connection = try await PostgresConnection.open(configuration, logger: .silent)
            let name = try await connection.run { try $0.execute("SELECT current_database()").first?[0].text }
            await connection.close()
            try await body("\(try await TestDatabase.server) dbname=\(name ?? "")")
        }
    }

    private func run(_ url: String, _ arguments: [String]) throws -> Program.Result {
        try Program.run(Self.program, arguments, environment: ["DATABASE_URL": url])
    }

    private func json(_ text: some StringProtocol) throws -> JSONValue {
        try #require(JSONValue(parsing: text.trimmingCharacters(in: .newlines)), "\(text)")
    }

    @Test(
        arguments: [
            (["--nonsense"], 64), (["nonsense"], 64), (["tokens", "create"], 64),
            (["tokens", "revoke", "--id", "7"], 64),
            (["tokens", "create", "--user-id", "u", "--name", "n", "--expires-in", "soon"], 64),
            (["orgs", "update", "00000000-0000-4000-8000-000000000000"], 64), (["migrate", "baseline"], 64),
            (["migrate", "--status", "--to", "3"], 64), (["check-config", "--config", "/nonexistent"], 78),
            (["serve", "--listen", "nonsense"], 78), (["serve"], 78), (["migrate", "up"], 78), (["users", "list"], 78),
            (["check-config"], 0), (["version"], 0), (["--help"], 0), (["--version"], 0),
        ] as [([String], Int32)])
    func `exit statuses without a database`(arguments: [String], status: Int32) throws {
        let result = try Program.run(Self.program, arguments)
        #expect(result.status == status, "\(result.error)")
    }

    @Test func `a server that is not there is 69, and no secret is repeated`() throws {
        let result = try self.run("postgresql://u:canary@127.0.0.1:1/d", ["users", "list"])
        #expect(result.status == 69, "\(result.error)")
        #expect(!result.error.contains("canary") && !result.output.contains("canary"))
    }

    @Test func `migrations are planned, applied in steps, verified, and show what waits`() async throws {
        try await self.withServer { url in
            let before = try self.run(url, ["migrate", "status"])
            #expect(
                before.status == 1 && before.output.hasPrefix("pending  control/0001_users.sql\n"), "\(before.error)")
            let plan = try self.run(url, ["migrate", "plan", "--to", "1"])
            #expect(plan.status == 1 && plan.output.contains("CREATE TABLE users"))
            #expect(!plan.output.contains("CREATE TABLE organizations"))
            // Looking changes nothing, by either spelling.
            #expect(try self.run(url, ["migrate", "--dry-run"]).status == 0)
            #expect(try self.run(url, ["migrate", "--status"]).output == before.output)
            let serve = try self.run(url, ["serve", "--health-listen", "off", "--listen", "127.0.0.1:0"])
            #expect(serve.status == 78 && serve.error.contains("control-plane migrate up"), "\(serve.error)")
            let first = try self.run(url, ["migrate", "up", "--to", "2"])
            #expect(
                first.status == 0 && first.output.hasSuffix("applied  control/0002_api_tokens.sql\n"), "\(first.error)")
            let rest = try self.run(url, ["migrate"])
            #expect(rest.status == 0, "\(rest.error)")
            #expect(rest.output.contains("waiting for extension vector  control-vector/0001_vector_indexes.sql\n"))
            let again = try self.run(url, ["migrate", "up", "--json"])
            let lines = try self.json(again.output)["lines"]?.array
            #expect(again.status == 0 && lines?.first?["applied"]?.array == [])
            #expect(lines?.last?["waiting"]?.array == [.string("0001_vector_indexes.sql")])
            #expect(try self.run(url, ["migrate", "status"]).status == 0)
            #expect(try self.run(url, ["migrate", "verify"]).status == 0)
            let connection = try await PostgresConnection.open(
                PostgresConfiguration(connectionString: url), logger: .silent)
            try await connection.run { try $0.executeScript("DROP INDEX projects_by_user") }
            let drift = try self.run(url, ["migrate", "verify", "--json"])
            #expect(drift.status == 1 && drift.output.contains("projects_by_user"), "\(drift.output)\(drift.error)")
            await connection.close()
        }
    }

    @Test func `a service account gets its token from whoever reaches the database`() async throws {
        try await self.withServer { url in
            #expect(try self.run(url, ["migrate", "up"]).status == 0)
            let early = try self.run(url, ["tokens", "create", "--user-id", "svc_1", "--name", "t"])
            #expect(early.status == 65 && early.error.contains("there is no such user"), "\(early.error)")
            let user = try self.run(url, ["users", "create", "--user-id", "svc_1", "--name", "Builder", "--json"])
            #expect(try self.json(user.output)["user_id"]?.string == "svc_1", "\(user.error)")
            #expect(try self.run(url, ["users", "create", "--user-id", "svc_1", "--name", "B"]).status == 65)
            let made = try self.run(
                url, ["tokens", "create", "--user-id", "svc_1", "--name", "ci", "--expires-in", "12h"])
            #expect(made.status == 0 && made.output.hasPrefix("cp_") && made.output.utf8.count == 68, "\(made.error)")
            let secret = made.output.trimmingCharacters(in: .newlines)
            let list = try self.run(url, ["token", "list", "--user-id", "svc_1", "--json"])
            let id = try #require(try self.json(list.output)["id"]?.string)
            #expect(!list.output.contains(secret.dropFirst(3)) && !list.output.contains("hash"))
            let never = try self.run(
                url, ["tokens", "create", "--user-id", "svc_1", "--name", "x", "--expires-in", "never", "--json"])
            #expect(try self.json(never.output)["token"]?["expires_at"] == .null)
            #expect(try self.json(never.output)["api_key"]?.string?.hasPrefix("cp_") ?? false)
            let revoked = try self.run(url, ["tokens", "revoke", "--id", id, "--json"])
            #expect(try self.json(revoked.output)["revoked_at"] != .null)
            #expect(try self.run(url, ["users", "show", "svc_1"]).output.contains("user_id=svc_1"))
            #expect(try self.run(url, ["users", "show", "nobody"]).status == 65)
            #expect(try self.run(url, ["users", "list", "--json"]).output.split(separator: "\n").count == 1)
            #expect(try self.run(url, ["orgs", "list"]).output.isEmpty)
            #expect(try self.run(url, ["projects", "list", "--json"]).status == 0)
        }
    }

    @Test func `a service starts, says so, answers, shows its health, and drains`() async throws {
        try await self.withServer { url in
            #expect(try self.run(url, ["migrate", "up"]).status == 0)
            #expect(try self.run(url, ["users", "create", "--user-id", "svc_1", "--name", "B"]).status == 0)
            let token = try self.run(url, ["tokens", "create", "--user-id", "svc_1", "--name", "t"]).output
                .trimmingCharacters(in: .newlines)
            let key = AuthService.Key("k")
            let keys = NSTemporaryDirectory() + "jwks-\(UUID()).json"
            defer { try? FileManager.default.removeItem(atPath: keys) }
            try Data(AuthService.document([key])).write(to: URL(filePath: keys))
            let socket = try NotifySocket()
            let service = try Program.Running(
                Self.program,
                ["serve", "--listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0", "--log-format", "json"],
                environment: [
                    "DATABASE_URL": url, "NOTIFY_SOCKET": socket.path, "CONTROL_PLANE_AUTH_JWKS": keys,
                    "CONTROL_PLANE_AUTH_ISSUER": AuthService.issuer,
                    "CONTROL_PLANE_AUTH_AUDIENCE": AuthService.audience,
                    "CONTROL_PLANE_LOG_LEVEL": "debug",
                ])
            #expect(socket.wait(for: "READY=1"), "\(service.error)")
            func listening(_ sentence: String) -> ListenAddress? {
                service.logged("http.address", in: sentence).flatMap { ListenAddress($0) }
            }
            while listening("The API is served") == nil || listening("Health and metrics are served") == nil {
                await Task.yield()
            }
            let api = try #require(listening("The API is served"))
            let health = try #require(listening("Health and metrics are served"))
            func status(_ bearer: String) async throws -> UInt {
                var request = HTTPClientRequest(url: "http://\(api)/control/v1/me")
                request.headers.add(name: "Authorization", value: "Bearer \(bearer)")
                return try await HTTPClient.shared.execute(request, timeout: .seconds(30)).status.code
            }
            let jwt = try AuthService.token("usr_canary", key)
            #expect(try await status(token) == 200)
            #expect(try await status(jwt) == 200)
            #expect(try await status(AuthService.token("usr_1", AuthService.Key("k"))) == 401)
            for path in ["/livez", "/readyz", "/startupz", "/health"] {
                #expect(try await HealthClient.get(path, from: health).status == 200, "\(path)")
            }
            // What the API counts is on the other listener, and passes the strict parser.
            let scrape = try ExpositionParser.parse(try await HealthClient.get("/metrics", from: health).body)
            let names = Set(scrape.map(\.name))
            for name in [
                "http_requests_total", "http_request_duration_seconds", "auth_failures_total", "database_up",
                "schema_version", "build_info", "log_messages_total",
            ] { #expect(names.contains("control_plane_" + name), "\(name)") }
            #expect(try await HealthClient.get("/livez", from: api).status == 404)
            // No log, at any level, holds a credential (S18).
            #expect(!service.error.contains(token.dropFirst(3)) && !service.error.contains(jwt.suffix(40)))
            service.terminate()
            #expect(socket.wait(for: "STOPPING=1"))
            #expect(service.wait() == 0, "\(service.error)")
        }
    }
}
