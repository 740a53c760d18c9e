import Foundation
import NIOHTTP1
import Nostr
import Postgres
import TestSupport
import Testing

@testable import control_plane

/// The matrix of the library's tests once more, over the wire: the same rows, as requests.
struct AccessOverHTTPTests {
    private struct Call {
        let method: HTTPMethod
        let path: String
        var body: String?
    }

    /// Rows that have no route, and must have none: third-party credentials are in no answer (S9).
    private static let unserved: Set<String> = ["setGitHubTokens", "gitHubTokens", "clearGitHubTokens"]

    private static func call(_ operation: String, _ world: AccessWorld, _ caller: AccessCaller) -> Call? {
        func id(_ thing: AccessWorld.Thing) -> String { world.id(thing) }
        let organization = "/organizations/\(id(.organization))"
        let vector = #""embedding":\#(String.vector()),"embedding_model":"m""#
        switch operation {
        case "me": return Call(method: .GET, path: "/me")
        case "createToken": return Call(method: .POST, path: "/tokens", body: #"{"name":"t"}"#)
        case "listTokens": return Call(method: .GET, path: "/tokens")
        case "revokeToken": return Call(method: .DELETE, path: "/tokens/\(id(.token))")
        case "createOrganization": return Call(method: .POST, path: "/organizations", body: #"{"name":"New"}"#)
        case "listOrganizations": return Call(method: .GET, path: "/organizations")
        case "organization": return Call(method: .GET, path: organization)
        case "updateOrganization": return Call(method: .PATCH, path: organization, body: #"{"name":"N"}"#)
        case "deleteOrganization": return Call(method: .DELETE, path: organization)
        case "listMembers": return Call(method: .GET, path: organization + "/members")
        case "addMember":
            return Call(
                method: .POST, path: organization + "/members",
                body: #"{"user_id":"\#(world.candidate)","role":"member"}"#)
        case "setRole":
            return Call(method: .PATCH, path: organization + "/members/\(world.colleague)", body: #"{"role":"owner"}"#)
        case "removeMember": return Call(method: .DELETE, path: organization + "/members/\(world.colleague)")
        case "removeMember of oneself":
            return Call(method: .DELETE, path: organization + "/members/\(world.userID(caller))")
        case "createProject":
            return Call(
                method: .POST, path: "/projects", body: #"{"name":"N","organization_id":"\#(id(.organization))"}"#)
        case "createProject of one's own": return Call(method: .POST, path: "/projects", body: #"{"name":"N"}"#)
        case "listProjects": return Call(method: .GET, path: "/projects?organization_id=\(id(.organization))")
        case "project": return Call(method: .GET, path: "/projects/\(id(.project))")
        case "project of the owner alone": return Call(method: .GET, path: "/projects/\(id(.ownProject))")
        case "updateProject": return Call(method: .PATCH, path: "/projects/\(id(.project))", body: #"{"name":"N"}"#)
        case "deleteProject": return Call(method: .DELETE, path: "/projects/\(id(.project))")
        case "connectRepo":
            return Call(
                method: .POST, path: "/projects/\(id(.project))/repos",
                body: #"{"provider":"github","owner":"o","name":"n\#(world.number)"}"#)
        case "disconnectRepo": return Call(method: .DELETE, path: "/projects/\(id(.project))/repos/\(id(.repo))")
        case "listRepos": return Call(method: .GET, path: "/projects/\(id(.project))/repos")
        case "repo": return Call(method: .GET, path: "/repos/\(id(.repo))")
        case "updateRepo":
            return Call(method: .PATCH, path: "/repos/\(id(.repo))", body: #"{"default_branch":"main"}"#)
        case "updateRepo shared":
            return Call(method: .PATCH, path: "/repos/\(id(.sharedRepo))", body: #"{"default_branch":"main"}"#)
        case "createIssue":
            return Call(
                method: .POST, path: "/issues",
                body: #"{"title":"N","status_id":"todo","priority_id":"low","project_id":"\#(id(.project))"}"#)
        case "listIssues": return Call(method: .GET, path: "/issues?project_id=\(id(.project))")
        case "issue": return Call(method: .GET, path: "/issues/\(id(.issue))")
        case "updateIssue": return Call(method: .PATCH, path: "/issues/\(id(.issue))", body: #"{"title":"N"}"#)
        case "deleteIssue": return Call(method: .DELETE, path: "/issues/\(id(.issue))")
        case "linkThread": return Call(method: .PUT, path: "/issues/\(id(.issue))/threads/\(id(.thread))")
        case "linkThread private":
            return Call(method: .PUT, path: "/issues/\(id(.issue))/threads/\(id(.privateThread))")
        case "unlinkThread": return Call(method: .DELETE, path: "/issues/\(id(.issue))/threads/\(id(.thread))")
        case "listThreads of an issue": return Call(method: .GET, path: "/issues/\(id(.issue))/threads")
        case "createThread":
            return Call(method: .POST, path: "/threads", body: #"{"organization_id":"\#(id(.organization))"}"#)
        case "listThreads": return Call(method: .GET, path: "/threads?organization_id=\(id(.organization))")
        case "thread": return Call(method: .GET, path: "/threads/\(id(.thread))")
        case "thread private": return Call(method: .GET, path: "/threads/\(id(.privateThread))")
        case "updateThread":
            return Call(method: .PATCH, path: "/threads/\(id(.thread))", body: #"{"is_archived":true}"#)
        case "deleteThread": return Call(method: .DELETE, path: "/threads/\(id(.thread))")
        case "createMessage":
            return Call(
                method: .POST, path: "/threads/\(id(.thread))/messages", body: #"{"role":"user","content":"N"}"#)
        case "createMessage private":
            return Call(
                method: .POST, path: "/threads/\(id(.privateThread))/messages", body: #"{"role":"user","content":"N"}"#)
        case "listMessages": return Call(method: .GET, path: "/threads/\(id(.thread))/messages")
        case "message": return Call(method: .GET, path: "/messages/\(id(.message))")
        case "message private": return Call(method: .GET, path: "/messages/\(id(.privateMessage))")
        case "setMessageEmbedding":
            return Call(method: .PUT, path: "/messages/\(id(.message))/embedding", body: "{\(vector)}")
        case "searchMessages":
            return Call(
                method: .POST, path: "/messages/search", body: #"{\#(vector),"thread_id":"\#(id(.thread))"}"#)
        case "createKnowledge":
            return Call(
                method: .POST, path: "/knowledge",
                body: #"{"content":"N",\#(vector),"project_id":"\#(id(.project))"}"#)
        case "listKnowledge": return Call(method: .GET, path: "/knowledge?project_id=\(id(.project))")
        case "knowledge": return Call(method: .GET, path: "/knowledge/\(id(.knowledge))")
        case "updateKnowledge":
            return Call(method: .PATCH, path: "/knowledge/\(id(.knowledge))", body: #"{"title":"N"}"#)
        case "deleteKnowledge": return Call(method: .DELETE, path: "/knowledge/\(id(.knowledge))")
        case "searchKnowledge":
            return Call(
                method: .POST, path: "/knowledge/search", body: #"{\#(vector),"project_id":"\#(id(.project))"}"#)
        case "listAgents": return Call(method: .GET, path: "/agents")
        case "agent": return Call(method: .GET, path: "/agents/\(world.agentSlug)")
        case "createAgent":
            return Call(method: .POST, path: "/agents", body: #"{"slug":"new-\#(world.number)","name":"N"}"#)
        case "updateAgent": return Call(method: .PATCH, path: "/agents/\(world.agentSlug)", body: #"{"name":"N"}"#)
        case "deleteAgent": return Call(method: .DELETE, path: "/agents/\(world.agentSlug)")
        default: return nil
        }
    }

    private static func bearer(_ caller: AccessCaller, _ world: AccessWorld, _ plane: ServedPlane) throws -> String? {
        switch caller {
        case .anonymous: nil
        case .expiredToken: "cp_" + world.secret(.expiredToken)
        case .revokedToken: "cp_" + world.secret(.revokedToken)
        case .foreignAudience: try plane.jwt(world.userID(caller), ["aud": "\"https://elsewhere.example\""])
        case .stranger, .otherOwner, .operatorOnly, .member, .owner: try plane.jwt(world.userID(caller))
        }
    }

    @Test func `every operation answers every caller as the matrix says`() async throws {
        try await ServedPlane.with {
            $0.failuresPerMinute = 10_000
        } _: { plane async throws in
            let connection = try await PostgresConnection.open(plane.database, logger: .silent)
            var world = AccessWorld(1)
            var served = 0
            for (operation, outcomes) in AccessMatrix.rows {
                for caller in AccessCaller.allCases {
                    let expected = AccessMatrix.expected(outcomes, for: caller)
                    // Whoever was let in may have changed the world.
                    world = AccessWorld(world.number + 1)
                    let fresh = world
                    try await connection.run { try fresh.make($0) }
                    guard let call = Self.call(operation, world, caller) else {
                        #expect(Self.unserved.contains(operation), "\(operation) has no request")
                        continue
                    }
                    let answer = try await plane.call(
                        call.method, call.path, as: Self.bearer(caller, world, plane), call.body)
                    served += 1
                    #expect(
                        answer.code ?? "OK" == expected.rawValue,
                        "\(operation) by \(caller): \(answer.status) \(answer.json.text.prefix(200))")
                    if expected == .unauthorized {
                        #expect(answer.status == 401 && answer.headers.first(name: "WWW-Authenticate") == "Bearer")
                    }
                }
            }
            #expect(served == (AccessMatrix.rows.count - Self.unserved.count) * AccessCaller.allCases.count)
            await connection.close()
        }
    }

    @Test func `a live token is its user, and makes no tokens`() async throws {
        try await ServedPlane.with { plane async throws in
            let world = AccessWorld(1)
            let connection = try await PostgresConnection.open(plane.database, logger: .silent)
            try await connection.run { try world.make($0) }
            await connection.close()
            for bearer in ["cp_" + world.secret(.token), world.secret(.token)] {
                let me = try await plane.call(.GET, "/me", as: bearer)
                #expect(me.json["me"]?["user_id"]?.string == world.userID(.owner))
                #expect(me.json["me"]?["credential"]?.string == "token")
            }
            let made = try await plane.call(.POST, "/tokens", as: "cp_" + world.secret(.token), #"{"name":"t"}"#)
            #expect(made.status == 403)
            let used = "SELECT (last_used_at IS NOT NULL)::text FROM api_tokens WHERE id = '\(world.id(.token))'"
            // Noted when the answer is out already.
            while try await plane.cell(used) != "true" { await Task.yield() }
        }
    }
}
