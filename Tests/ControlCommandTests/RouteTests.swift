import Foundation
import HTTPTypes
import NIOHTTP1
import Nostr
import Testing

@testable import control_plane

/// Every route once as it should be used: the answers are judged by the served OpenAPI document.
struct RouteTests {
    private static let check = SchemaCheck(document: OpenAPITests.document)

    /// Calls a route and judges its answer by the document.
    private static func call(
        _ plane: ServedPlane, _ name: String, _ parameters: [String: String] = [:], query: String = "",
        by subject: String,
        _ body: String? = nil
    ) async throws -> JSONValue {
        let route = try #require(RouteTable.all.first { $0.name == name })
        var path = route.template.text
        for (parameter, value) in parameters { path = path.replacing("{\(parameter)}", with: value) }
        let method = HTTPMethod(rawValue: route.method.rawValue)
        let answer = try await plane.call(method, path + query, by: subject, body)
        #expect(answer.status == route.success.status, "\(name): \(answer.json.text.prefix(300))")
        #expect(answer.headers.first(name: "Content-Type") == "application/json")
        #expect(answer.headers.first(name: "Cache-Control") == "no-store")
        #expect(answer.headers.first(name: "X-Request-Id").flatMap { UUID(uuidString: $0) } != nil)
        let operation = OpenAPITests.document["paths"]?[route.template.text]?[route.method.rawValue.lowercased()]
        let content = operation?["responses"]?[String(answer.status)]?["content"]?["application/json"]
        let schema = try #require(content?["schema"])
        #expect(Self.check.problems(answer.json, schema) == [], "\(name)")
        if let body, let value = JSONValue(parsing: body), let shape = route.body {
            let schema = try #require(OpenAPITests.document["components"]?["schemas"]?[shape.name])
            #expect(Self.check.problems(value, schema) == [], "the body of \(name)")
        }
        return answer.json
    }

    @Test func `organizations and their members`() async throws {
        try await ServedPlane.with { plane async throws in
            func call(
                _ name: String, _ parameters: [String: String] = [:], by subject: String = "ada", _ body: String? = nil
            ) async throws -> JSONValue { try await Self.call(plane, name, parameters, by: subject, body) }
            let made = try await call("createOrganization", [:], #"{"name":"Forge","logo":null}"#)
            let id = try #require(made["organization"]?["id"]?.string)
            #expect(made["organization"]?["role"]?.string == "owner")
            #expect(made["organization"]?["plan"]?.string == "startup")
            _ = try await call("createProject", by: "bob", #"{"name":"own"}"#)
            _ = try await call("addMember", ["id": id], #"{"user_id":"bob","role":"member"}"#)
            #expect(try await call("listMembers", ["id": id])["members"]?.array?.count == 2)
            let changed = try await call(
                "setRole", ["id": id, "user_id": "bob"], #"{"role":"owner"}"#)
            #expect(changed["member"]?["role"]?.string == "owner")
            let passed = try await call(
                "updateOrganization", ["id": id], #"{"owner_id":"bob","logo":"https://l.example"}"#)
            #expect(passed["organization"]?["owner_id"]?.string == "bob")
            let kept = try await call("updateOrganization", ["id": id], #"{"name":"Smithy"}"#)
            #expect(kept["organization"]?["logo"]?.string == "https://l.example")
            let cleared = try await call("updateOrganization", ["id": id], #"{"logo":null}"#)
            #expect(cleared["organization"]?["logo"] == .null)
            #expect(try await call("listOrganizations", by: "bob")["organizations"]?.array?.count == 1)
            #expect(try await call("getOrganization", ["id": id])["organization"]?["name"]?.string == "Smithy")
            _ = try await call("removeMember", ["id": id, "user_id": "ada"])
            _ = try await call("deleteOrganization", ["id": id], by: "bob")
            #expect(try await call("getMe", by: "bob")["me"]?["user"]?["user_id"]?.string == "bob")
        }
    }

    @Test func `projects, repositories and issues`() async throws {
        try await ServedPlane.with { plane async throws in
            func call(
                _ name: String, _ parameters: [String: String] = [:], query: String = "", _ body: String? = nil
            ) async throws -> JSONValue { try await Self.call(plane, name, parameters, query: query, by: "ada", body) }
            let made = try await call(
                "createProject", [:],
                #"{"name":"P","default_tools":["a","b"],"autopilot_plan":"x","description":"d","system_prompt":"s"}"#)
            let id = try #require(made["project"]?["id"]?.string)
            #expect(made["project"]?["autopilot_plan_updated_at"] != .null)
            let repo = try await call(
                "connectRepo", ["id": id], #"{"provider":"github","owner":"o","name":"n","default_branch":"main"}"#)
            #expect(repo["repo"]?["url"]?.string == "https://github.com/o/n")
            let repoID = try #require(repo["repo"]?["id"]?.string)
            _ = try await call("updateRepo", ["id": repoID], #"{"default_branch":null}"#)
            #expect(try await call("getRepo", ["id": repoID])["repo"]?["default_branch"] == .null)
            #expect(try await call("listRepos", ["id": id])["repos"]?.array?.count == 1)
            #expect(try await call("getProject", ["id": id])["project"]?["repos"]?.array?.count == 1)
            let issue = try await call(
                "createIssue", [:],
                #"{"title":"T","status_id":"todo","priority_id":"low","project_id":"\#(id)","assignee_id":"ada","#
                    + #""label_ids":["l"],"rank":1.5,"due_date":"2026-05-02T00:00:00Z"}"#)
            let issueID = try #require(issue["issue"]?["id"]?.string)
            #expect(issue["issue"]?["due_date"]?.integer == 1_777_680_000_000)
            // Absent keeps, null clears (S3).
            let changed = try await call("updateIssue", ["id": issueID], #"{"title":"U","due_date":null}"#)
            #expect(changed["issue"]?["due_date"] == .null && changed["issue"]?["assignee_id"]?.string == "ada")
            let thread = try await call("createThread", [:], #"{"project_id":"\#(id)"}"#)
            let threadID = try #require(thread["thread"]?["id"]?.string)
            _ = try await call("linkThread", ["id": issueID, "thread_id": threadID])
            #expect(try await call("listIssueThreads", ["id": issueID])["threads"]?.array?.count == 1)
            _ = try await call("unlinkThread", ["id": issueID, "thread_id": threadID])
            #expect(try await call("listIssues", query: "?project_id=\(id)")["issues"]?.array?.count == 1)
            #expect(try await call("getIssue", ["id": issueID])["issue"]?["title"]?.string == "U")
            _ = try await call("deleteIssue", ["id": issueID])
            _ = try await call("updateProject", ["id": id], #"{"is_archived":true}"#)
            #expect(try await call("listProjects")["projects"]?.array == [])
            #expect(try await call("listProjects", query: "?archived=true")["projects"]?.array?.count == 1)
            _ = try await call("disconnectRepo", ["id": id, "repo_id": repoID])
            _ = try await call("deleteProject", ["id": id])
        }
    }

    @Test func `threads and messages`() async throws {
        try await ServedPlane.with { plane async throws in
            func call(
                _ name: String, _ parameters: [String: String] = [:], query: String = "", _ body: String? = nil
            ) async throws -> JSONValue { try await Self.call(plane, name, parameters, query: query, by: "ada", body) }
            let made = try await call(
                "createThread", [:], #"{"chat_id":"c1","metadata":{"a":[1,{"b":null}]},"agent_slug":"coder"}"#)
            let id = try #require(made["thread"]?["id"]?.string)
            #expect(made["thread"]?["metadata"]?["a"]?.array?.count == 2)
            let message = try await call(
                "createMessage", ["id": id],
                #"{"role":"assistant","content":"héllo\n\"x\"","external_id":"m1","parts_json":[1.0,{"t":"x"}],"#
                    + #""input_tokens":3,"cost_usd":0.0000000125,"model_id":"m"}"#)
            let messageID = try #require(message["message"]?["id"]?.string)
            #expect(message["message"]?["content"]?.string == "héllo\n\"x\"")
            #expect(message["message"]?["cost_usd"] == .number("0.0000000125"))
            let again = try await call(
                "createMessage", ["id": id], #"{"role":"assistant","content":"héllo\n\"x\"","external_id":"m1"}"#)
            #expect(again["message"]?["id"]?.string == messageID)
            #expect(try await call("listMessages", ["id": id])["messages"]?.array?.count == 1)
            #expect(try await call("getMessage", ["id": messageID])["message"]?["role"]?.string == "assistant")
            let embedded = try await call(
                "setMessageEmbedding", ["id": messageID],
                #"{"embedding":\#(String.vector()),"embedding_model":"e","tool_embedding":\#(String.vector(1))}"#)
            #expect(embedded["embedding"]?["embedding_model"]?.string == "e")
            #expect(try await call("getThread", ["id": id])["thread"]?["chat_id"]?.string == "c1")
            let changed = try await call(
                "updateThread", ["id": id], #"{"is_archived":true,"metadata":null,"is_shared":true}"#)
            #expect(changed["thread"]?["metadata"] == .null && changed["thread"]?["agent_slug"]?.string == "coder")
            #expect(try await call("listThreads")["threads"]?.array == [])
            #expect(try await call("listThreads", query: "?archived=true")["threads"]?.array?.count == 1)
            _ = try await call("deleteThread", ["id": id])
            #expect(try await plane.call(.GET, "/messages/\(messageID)", by: "ada").status == 404)
        }
    }

    @Test func `knowledge, agents and tokens`() async throws {
        try await ServedPlane.with { plane async throws in
            func call(
                _ name: String, _ parameters: [String: String] = [:], by subject: String = "ada", _ body: String? = nil
            ) async throws -> JSONValue { try await Self.call(plane, name, parameters, by: subject, body) }
            let made = try await call(
                "createKnowledge", [:],
                #"{"content":"c","embedding":\#(String.vector()),"embedding_model":"e","tags":["t"],"source":"s"}"#)
            let id = try #require(made["knowledge"]?["id"]?.string)
            let changed = try await call("updateKnowledge", ["id": id], #"{"title":"T","tags":null}"#)
            #expect(changed["knowledge"]?["tags"] == .null && changed["knowledge"]?["source"]?.string == "s")
            #expect(try await call("listKnowledge")["knowledge"]?.array?.count == 1)
            #expect(try await call("getKnowledge", ["id": id])["knowledge"]?["title"]?.string == "T")
            _ = try await call("deleteKnowledge", ["id": id])
            let operatorID = ServedPlane.operatorID
            let agent = try await call(
                "createAgent", by: operatorID, #"{"slug":"coder","name":"C","sort_order":-1,"agent_type":"coder"}"#)
            #expect(agent["agent"]?["sort_order"] == .number("-1"))
            _ = try await call(
                "updateAgent", ["slug": "coder"], by: operatorID, #"{"agent_type":null,"is_default":true}"#)
            #expect(try await call("listAgents")["agents"]?.array?.count == 1)
            #expect(try await call("getAgent", ["slug": "coder"])["agent"]?["agent_type"] == .null)
            _ = try await call("deleteAgent", ["slug": "coder"], by: operatorID)
            let token = try await call("createToken", [:], #"{"name":"t","expires_at":4102444800000}"#)
            #expect(token["token"]?["expires_at"]?.integer == 4_102_444_800_000)
            let tokenID = try #require(token["token"]?["id"]?.string)
            _ = try await call("revokeToken", ["id": tokenID])
            #expect(try await call("listTokens")["tokens"]?.array?.first?["revoked_at"] != .null)
        }
    }

    /// The functions of the line `control-vector` are tested with pgvector; these stand in for them, so that what the
    /// routes make of their rows is tested everywhere.
    private static let standIns = """
        CREATE FUNCTION control_search_knowledge(real[], text, integer, text, uuid, uuid)
        RETURNS TABLE (id uuid, distance float8) LANGUAGE sql AS
        $$ SELECT k.id, 0.25 FROM knowledge AS k WHERE k.embedding_model = $2 LIMIT $3 $$;
        CREATE FUNCTION control_search_messages(real[], text, integer, text, uuid, uuid)
        RETURNS TABLE (id uuid, distance float8) LANGUAGE sql AS
        $$ SELECT m.id, 0.5 FROM messages AS m WHERE m.thread_id = $6 LIMIT $3 $$;
        """

    @Test func `what is found by meaning comes with its distance`() async throws {
        try await ServedPlane.with { plane async throws in
            func call(
                _ name: String, _ parameters: [String: String] = [:], _ body: String? = nil
            ) async throws -> JSONValue { try await Self.call(plane, name, parameters, by: "ada", body) }
            try await plane.sql(Self.standIns)
            let vector = #""embedding":\#(String.vector()),"embedding_model":"e""#
            _ = try await call("createKnowledge", [:], #"{"content":"c",\#(vector)}"#)
            let knowledge = try await call("searchKnowledge", [:], #"{\#(vector),"limit":3}"#)
            #expect(knowledge["found"]?.array?.first?["distance"] == .number("0.25"))
            #expect(knowledge["found"]?.array?.first?["knowledge"]?["content"]?.string == "c")
            let thread = try await call("createThread", [:], "{}")["thread"]?["id"]?.string ?? ""
            _ = try await call("createMessage", ["id": thread], #"{"role":"user","content":"m"}"#)
            let messages = try await call(
                "searchMessages", [:], #"{\#(vector),"thread_id":"\#(thread)","part":"content"}"#)
            #expect(messages["found"]?.array?.first?["message"]?["content"]?.string == "m")
        }
    }

    /// By name, as the tests above call them.
    @Test func `no route is without a test`() throws {
        let text = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
        let called = Set(text.matches(of: /call\(\s*"(\w+)"/).map { String($0.1) })
        #expect(called == Set(RouteTable.all.map(\.name)))
    }

    @Test(arguments: ["/knowledge/search", "/messages/search"])
    func `search without pgvector says so`(path: String) async throws {
        try await ServedPlane.with { plane async throws in
            let thread = try await plane.call(.POST, "/threads", by: "ada", "{}").id("thread")
            let scope = path == "/messages/search" ? #","thread_id":"\#(thread)""# : ""
            let answer = try await plane.call(
                .POST, path, by: "ada", #"{"embedding":\#(String.vector()),"embedding_model":"e"\#(scope)}"#)
            #expect(
                answer.status == 400 && answer.json["error"]?["message"]?.string == "vector search is not installed")
        }
    }
}
