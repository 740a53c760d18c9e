import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Nostr
import Serving
import Testing

@testable import control_plane

/// What is wrong with a request, and what is said about it.
struct RequestTests {
    @Test(
        arguments: [
            ("", "the body is not a JSON object"), ("[]", "the body is not a JSON object"),
            ("{\"name\":\"a\"", "the body is not a JSON object"), ("{}", "name is required"),
            (#"{"name":null}"#, "name is required"), (#"{"name":7}"#, "name: expected a text"),
            (#"{"name":"a","name":"b"}"#, "name is given twice"),
            (#"{"nmae":"a"}"#, "unknown member 'nmae'; did you mean name?"),
            (#"{"name":"a","plan":"enterprise"}"#, "unknown member 'plan'"),
            (#"{"name":"a","credits":1000000}"#, "unknown member 'credits'"),
            (#"{"name":"a\u0000b"}"#, "name: U+0000 cannot be stored"),
            (#"{"name":""}"#, "the name of an organization has 1 to 200 characters"),
        ])
    func `a body that is not as it should be is refused with its reason`(body: String, message: String) async throws {
        try await ServedPlane.with { plane async throws in
            let answer = try await plane.call(.POST, "/organizations", by: "usr_1", body)
            #expect(answer.status == 400 && answer.code == "BAD_REQUEST")
            #expect(answer.json["error"]?["message"]?.string == message)
        }
    }

    @Test func `malformed requests do not reach the database`() async throws {
        try await ServedPlane.with { plane async throws in
            let calls: [(HTTPMethod, String, String?, Int)] = [
                (.GET, "/organizations/7", nil, 400), (.GET, "/projects?limit=0", nil, 400),
                (.GET, "/projects?limit=201", nil, 400), (.GET, "/projects?limit=x", nil, 400),
                (.GET, "/projects?limit=1&limit=2", nil, 400), (.GET, "/projects?nonsense=1", nil, 400),
                (.GET, "/projects?archived=maybe", nil, 400), (.GET, "/projects?cursor=zz", nil, 400),
                (.GET, "/projects?organization_id=7", nil, 400), (.GET, "/projects?limit=%zz", nil, 400),
                (.GET, "/agents?cursor=01", nil, 400), (.GET, "/nothing", nil, 404), (.GET, "/projects/", nil, 404),
                (.GET, "/projects//repos", nil, 404), (.GET, "/agents/%00", nil, 404), (.GET, "/agents/%ff", nil, 404),
                (.POST, "/me", "{}", 405), (.PATCH, "/projects", "{}", 405),
                (.POST, "/issues", #"{"title":"t","status_id":"s","priority_id":"p","rank":"1"}"#, 400),
                (.POST, "/issues", #"{"title":"t","status_id":"s","priority_id":"p","due_date":"yesterday"}"#, 400),
                (.POST, "/issues", #"{"title":"t","status_id":"s","priority_id":"p","due_date":9e99}"#, 400),
                (.POST, "/issues", #"{"title":"t","status_id":"s","priority_id":"p","label_ids":[1]}"#, 400),
                (.POST, "/threads", #"{"metadata":[]}"#, 400),
                (.POST, "/threads", #"{"metadata":{"a":"\u0000"}}"#, 400),
                (.POST, "/knowledge", #"{"content":"c","embedding":[1],"embedding_model":"m"}"#, 400),
                (.POST, "/tokens", #"{"name":"t","expires_at":1}"#, 400),
                (.POST, "/projects", #"{"name":"p","organization_id":"7"}"#, 400),
            ]
            for (method, path, body, status) in calls {
                let answer = try await plane.call(method, path, by: "usr_1", body)
                #expect(answer.status == status, "\(method) \(path) \(body ?? ""): \(answer.json.text)")
                #expect(answer.json["ok"] == .bool(false))
            }
            #expect(try await plane.call(.GET, "/me", by: "usr_1").json["me"]?["user"] == .null)
        }
    }

    @Test func `a HEAD is a GET without its body`() async throws {
        try await ServedPlane.with { plane async throws in
            let head = try await plane.call(.HEAD, "/me", by: "usr_1")
            #expect(head.status == 200 && head.json == .null && head.headers.first(name: "Content-Length") != "0")
            #expect(try await plane.call(.HEAD, "/me", as: nil).status == 401)
            let refused = try await plane.call(.PUT, "/me", by: "usr_1")
            #expect(refused.headers.first(name: "Allow") == "GET, HEAD")
        }
    }

    @Test(arguments: ["text/plain", "application/jsonp", "", "application/x-www-form-urlencoded"])
    func `a body of another kind is refused`(type: String) async throws {
        try await ServedPlane.with { plane async throws in
            let answer = try await plane.call(
                .POST, "/organizations", as: plane.jwt("usr_1"), #"{"name":"a"}"#, headers: ["Content-Type": type])
            #expect(answer.status == 415 && answer.code == "UNSUPPORTED_MEDIA_TYPE")
        }
    }

    @Test func `a body has a limit, said or not, and comes after the credential`() async throws {
        var limits = ExchangeLimits()
        limits.bodyBytes = 1_000
        try await ServedPlane.with(limits: limits) { plane async throws in
            let large = #"{"name":"\#(String(repeating: "x", count: 2_000))"}"#
            let answer = try await plane.call(.POST, "/organizations", by: "usr_1", large)
            #expect(answer.status == 413 && answer.code == "PAYLOAD_TOO_LARGE")
            #expect(try await plane.call(.POST, "/organizations", as: nil, large).status == 401)
            var request = HTTPClientRequest(url: "http://\(plane.address)\(ControlAPI.base)/organizations")
            request.method = .POST
            request.headers = ["Authorization": "Bearer \(try plane.jwt("usr_1"))", "Content-Type": "application/json"]
            request.body = .stream([ByteBuffer(string: large)].async, length: .unknown)
            #expect(try await HTTPClient.shared.execute(request, timeout: .seconds(30)).status == .payloadTooLarge)
        }
    }

    @Test func `pages are walked to the end, whatever is added meanwhile`() async throws {
        try await ServedPlane.with { plane async throws in
            let id = try await plane.call(.POST, "/threads", by: "usr_1", "{}").id("thread")
            for number in 0..<7 {
                let made = try await plane.call(
                    .POST, "/threads/\(id)/messages", by: "usr_1", #"{"role":"user","content":"\#(number)"}"#)
                #expect(made.status == 201)
            }
            var seen: [String] = []
            var cursor = ""
            var pages = 0
            repeat {
                let query = "?limit=3" + (cursor.isEmpty ? "" : "&cursor=\(cursor)")
                let page = try await plane.call(.GET, "/threads/\(id)/messages\(query)", by: "usr_1").json
                seen += page["messages"]?.array?.compactMap { $0["content"]?.string } ?? []
                cursor = page["next_cursor"]?.string ?? ""
                pages += 1
                if pages == 1 {
                    _ = try await plane.call(
                        .POST, "/threads/\(id)/messages", by: "usr_1", #"{"role":"user","content":"7"}"#)
                }
            } while !cursor.isEmpty
            #expect(seen == (0...7).map(String.init) && pages == 3)
            // Of another list.
            let agents = try await plane.call(.GET, "/threads/\(id)/messages?limit=3", by: "usr_1").json
            let foreign = agents["next_cursor"]?.string ?? ""
            #expect(try await plane.call(.GET, "/agents?cursor=\(foreign)", by: "usr_1").status == 400)
        }
    }

    @Test func `a creation under a key happens once`() async throws {
        try await ServedPlane.with { plane async throws in
            let jwt = try plane.jwt("usr_1")
            func create(_ body: String, key: String, path: String = "/projects") async throws -> ServedPlane.Answer {
                try await plane.call(.POST, path, as: jwt, body, headers: ["Idempotency-Key": key])
            }
            let first = try await create(#"{"name":"P"}"#, key: "k1")
            let again = try await create(#"{"name":"P"}"#, key: "k1")
            #expect(first.status == 201 && again.status == 201 && first.id("project") == again.id("project"))
            #expect(try await create(#"{"name":"Q"}"#, key: "k1").code == "CONFLICT")
            #expect(try await create(#"{"name":"P"}"#, key: "k2").id("project") != first.id("project"))
            // Another user's key is another key.
            let other = try await plane.call(
                .POST, "/projects", as: plane.jwt("usr_2"), #"{"name":"P"}"#, headers: ["Idempotency-Key": "k1"])
            #expect(other.status == 201 && other.id("project") != first.id("project"))
            let ids = try await withThrowingTaskGroup(of: String.self) { tasks in
                for _ in 0..<8 { tasks.addTask { try await create(#"{"name":"R"}"#, key: "k3").id("project") } }
                return try await tasks.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(try await create(#"{"name":"t"}"#, key: "k4", path: "/tokens").status == 201)
            #expect(try await create(#"{"name":"t"}"#, key: "k4", path: "/tokens").code == "CONFLICT")
            #expect(try await create("{}", key: "", path: "/threads").status == 400)
            #expect(try await create("{}", key: String(repeating: "k", count: 256), path: "/threads").status == 400)
            let get = try await plane.call(.GET, "/me", as: jwt, headers: ["Idempotency-Key": "k1"])
            #expect(get.status == 400)
        }
    }

    @Test func `other origins are let in only when they are listed`() async throws {
        let preflight = ["Origin": "https://app.example", "Access-Control-Request-Method": "POST"]
        try await ServedPlane.with { plane async throws in
            let answer = try await plane.call(.OPTIONS, "/projects", as: nil, headers: preflight)
            #expect(answer.headers.first(name: "Access-Control-Allow-Origin") == nil)
            #expect(answer.headers.first(name: "Access-Control-Allow-Methods") == nil)
        }
        try await ServedPlane.with {
            $0.corsOrigins = ["https://app.example"]
        } _: { plane async throws in
            let answer = try await plane.call(.OPTIONS, "/projects", as: nil, headers: preflight)
            #expect(answer.status == 204)
            #expect(answer.headers.first(name: "Access-Control-Allow-Origin") == "https://app.example")
            #expect(answer.headers.first(name: "Access-Control-Allow-Methods")?.contains("POST") ?? false)
            #expect(answer.headers.first(name: "Access-Control-Allow-Credentials") == nil)
            let other = try await plane.call(.GET, "/me", as: nil, headers: ["Origin": "https://app.example.evil"])
            #expect(other.headers.first(name: "Access-Control-Allow-Origin") == nil)
            #expect(other.headers.first(name: "Vary") == "Origin")
        }
    }

    @Test func `requests are counted by route, and failed credentials by reason`() async throws {
        try await ServedPlane.with { plane async throws in
            let id = UUID().uuidString
            _ = try await plane.call(.GET, "/projects/\(id)", by: "usr_1")
            _ = try await plane.call(.GET, "/me", as: nil)
            _ = try await plane.call(.GET, "/me", as: plane.jwt("usr_1", ["aud": "\"x\""]))
            let families = plane.registry.families() + plane.counters.families
            let requests = families.first { $0.name == "control_plane_http_requests_total" }
            let routes = requests?.samples.compactMap { $0.labels.first { $0.name == "route" }?.value } ?? []
            #expect(Set(routes) == ["/control/v1/projects/{id}", "/control/v1/me"])
            let failures = families.first { $0.name == "control_plane_auth_failures_total" }
            func count(_ reason: String) -> MetricValue? {
                failures?.samples.first { $0.labels.contains { $0.value == reason } }?.value
            }
            #expect(count("missing") == .integer(1) && count("jwt_audience") == .integer(1))
            #expect(count("jwt_signature") == .integer(0))
        }
    }

    @Test func `a broken database is no text for a client`() async throws {
        try await ServedPlane.with { plane async throws in
            try await plane.sql("ALTER TABLE projects RENAME TO moved")
            let answer = try await plane.call(.GET, "/projects", by: "usr_1")
            #expect(answer.status == 500 && answer.code == "INTERNAL")
            #expect(!answer.json.text.contains("projects") && !answer.json.text.contains("SELECT"))
        }
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-05-02T00:00:00Z", 1_777_680_000_000),
            ("2026-05-02t02:00:00.1234+02:00", 1_777_680_000_123), ("1969-12-31T23:59:59.5Z", -500),
            ("2000-02-29T00:00:00-00:30", 951_784_200_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("2026-02-29T00:00:00Z", nil), ("2026-13-01T00:00:00Z", nil), ("2026-01-01T24:00:00Z", nil),
            ("2026-01-01T00:00:60Z", nil), ("2026-01-01", nil), ("2026-01-01T00:00:00", nil),
            ("2026-01-01T00:00:00.Z", nil), ("2026-01-01T00:00:00Z ", nil), ("２026-01-01T00:00:00Z", nil),
        ] as [(String, Int64?)])
    func `times are read as RFC 3339 says`(text: String, milliseconds: Int64?) {
        #expect(RFC3339.milliseconds(text) == milliseconds)
    }
}

extension Array where Element: Sendable {
    /// As a body of unknown length.
    fileprivate var async: AsyncStream<Element> {
        AsyncStream { continuation in
            for element in self { continuation.yield(element) }
            continuation.finish()
        }
    }
}
