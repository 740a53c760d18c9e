import FoundationEssentials
import Postgres
import Testing

@testable import ControlPlane

struct TokensTests {
    @Test func `a secret is shown once, works, and is nowhere in the database`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.caller("ann")
            let made = try await control.operations.createToken(ann, name: "laptop")
            let secret = made.secret.revealed
            #expect(secret.hasPrefix("cp_") && secret.count == 67)
            let caller = try await control.authenticator.caller(bearer: secret)
            #expect(caller.userID == "ann" && caller.credential == .token(id: made.token.id))
            // Without the prefix, too; nothing that is only nearly the same.
            let bare = String(secret.dropFirst(3))
            #expect(try await control.authenticator.caller(bearer: bare) == caller)
            for wrong in [
                secret.uppercased(), secret + "0", String(secret.dropLast()), "cp_" + secret, bare.uppercased(),
            ] {
                #expect(await refusal { _ = try await control.authenticator.caller(bearer: wrong) } == .unauthorized)
            }
            let stored = try await control.column("SELECT to_jsonb(t)::text FROM api_tokens AS t")
            #expect(stored.allSatisfy { !$0.contains(bare) })
            let isHash = try await control.column("SELECT (token_hash = sha256('\(bare)'))::text FROM api_tokens")
            #expect(isHash == ["true"])
            #expect("\(made.secret)\(String(reflecting: made))".contains(bare) == false, "no log shows it")
        }
    }

    @Test func `a token expires in 90 days unless it says otherwise`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.caller("ann")
            let usual = try await control.operations.createToken(ann, name: "usual").token
            let lifetime = (usual.expiresAt?.milliseconds ?? 0) - usual.createdAt.milliseconds
            #expect(lifetime == 90 * 86_400_000)
            #expect(
                try await control.operations.createToken(ann, name: "never", expires: .never).token.expiresAt == nil)
            let moment = try WallTime(milliseconds: 4_102_444_800_000)
            #expect(
                try await control.operations.createToken(ann, name: "at", expires: .at(moment)).token.expiresAt
                    == moment)
            let past = try WallTime(milliseconds: 1_000_000_000_000)
            for expiry in [TokenExpiry.at(past), .after(.seconds(-1)), .after(.zero)] {
                #expect(
                    await refusal { _ = try await control.operations.createToken(ann, name: "x", expires: expiry) }
                        == .badRequest)
            }
        }
    }

    @Test func `expired, revoked and unknown tokens get the same answer`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.caller("ann")
            let expired = try await control.operations.createToken(ann, name: "expired")
            let revoked = try await control.operations.createToken(ann, name: "revoked")
            try await control.script(
                "UPDATE api_tokens SET created_at = now() - interval '2 s', expires_at = now() - interval '1 s' WHERE name = 'expired'"
            )
            try await control.operations.revokeToken(ann, revoked.token.id)
            let unknown = "cp_" + String(repeating: "0", count: 64)
            for bearer in [expired.secret.revealed, revoked.secret.revealed, unknown, "", "cp_", "x.y", "a.b.c.d"] {
                await #expect(throws: ControlPlaneError.unauthorized) {
                    try await control.authenticator.caller(bearer: bearer)
                }
            }
            await #expect(throws: ControlPlaneError.unauthorized) {
                try await control.authenticator.caller(bearer: nil)
            }
        }
    }

    @Test func `a token is revoked by its user alone, once and for all`() async throws {
        try await ControlFixture.with { control in
            let (ann, eve) = (try await control.user("ann"), try await control.user("eve"))
            let id = try await control.operations.createToken(ann, name: "t").token.id
            #expect(await refusal { try await control.operations.revokeToken(eve, id) } == .notFound)
            try await control.operations.revokeToken(ann, id)
            let first = try await control.operations.listTokens(ann).items.first?.revokedAt
            try await control.operations.revokeToken(ann, id)
            #expect(try await control.operations.listTokens(ann).items.first?.revokedAt == first && first != nil)
            #expect(try await control.operations.listTokens(eve).items.isEmpty)
        }
    }

    @Test func `a user has at most fifty live tokens, also when they are asked for at once`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            try await control.script(
                """
                INSERT INTO api_tokens (user_id, token_hash, name)
                SELECT 'ann', sha256(n::text::bytea), 't' FROM generate_series(1, 48) AS n
                """)
            let refused = await withTaskGroup(of: ControlPlaneError.Code?.self) { group in
                for _ in 0..<6 {
                    group.addTask { await refusal { _ = try await control.operations.createToken(ann, name: "t") } }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(refused.count { $0 == .conflict } == 4 && refused.count { $0 == nil } == 2)
            let id = try #require(try await control.operations.listTokens(ann).items.first?.id)
            try await control.operations.revokeToken(ann, id)
            _ = try await control.operations.createToken(ann, name: "t")
        }
    }

    @Test func `the use of a token is noted at most once in five minutes, and a failure fails nothing`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let made = try await control.operations.createToken(ann, name: "t")
            let caller = try await control.authenticator.caller(bearer: made.secret.revealed)
            await control.authenticator.noteUse(by: ann)
            #expect(try await control.operations.listTokens(ann).items[0].lastUsedAt == nil)
            await control.authenticator.noteUse(by: caller)
            let first = try await control.operations.listTokens(ann).items[0].lastUsedAt
            await control.authenticator.noteUse(by: caller)
            #expect(try await control.operations.listTokens(ann).items[0].lastUsedAt == first && first != nil)
            try await control.script("UPDATE api_tokens SET last_used_at = now() - interval '301 s'")
            await control.authenticator.noteUse(by: caller)
            #expect(
                try await control.operations.listTokens(ann).items[0].lastUsedAt ?? made.token.createdAt > first
                    ?? made.token.createdAt)
            await control.pool.close()
            await control.authenticator.noteUse(by: caller)
        }
    }
}

/// What an operator does on the command line.
struct AdministrationTests {
    @Test func `a token is made for a user with a row, a service account among them`() async throws {
        try await ControlFixture.with { control in
            let administration = control.administration
            #expect(await refusal { _ = try await administration.createToken(of: "robot", name: "t") } == .notFound)
            let robot = try await administration.createServiceAccount("robot", name: "Robot")
            #expect(robot.userID == "robot" && robot.name == "Robot")
            #expect(
                await refusal { _ = try await administration.createServiceAccount("robot", name: "Again") } == .conflict
            )
            let made = try await administration.createToken(of: "robot", name: "t", expires: .after(.seconds(60)))
            let caller = try await control.authenticator.caller(bearer: made.secret.revealed)
            #expect(caller.userID == "robot")
            #expect(try await administration.listTokens(of: "robot").items == [made.token])
            #expect(try await administration.revokeToken(made.token.id).revokedAt != nil)
            #expect(
                await refusal { _ = try await control.authenticator.caller(bearer: made.secret.revealed) }
                    == .unauthorized)
            #expect(await refusal { _ = try await administration.revokeToken(UUID()) } == .notFound)
            #expect(await refusal { _ = try await administration.listTokens(of: "nobody") } == .notFound)
        }
    }

    @Test func `plan and credits are set by the operator`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            let id = try await control.organization(owner: ann)
            let changed = try await control.administration.updateOrganization(id, plan: "team", credits: 5)
            #expect(changed.plan == "team" && changed.credits == 5)
            #expect(try await control.administration.updateOrganization(id, credits: 0).plan == "team")
            #expect(
                await refusal { _ = try await control.administration.updateOrganization(id, plan: "No!") }
                    == .badRequest)
        }
    }

    @Test func `everything is listed, page by page`() async throws {
        try await ControlFixture.with { control in
            let people = try await ["ann", "bob", "cid"].asyncMap { try await control.user($0) }
            for person in people {
                let id = try await control.organization(owner: person)
                _ = try await control.operations.createProject(person, ProjectDraft(name: "P", organizationID: id))
            }
            let administration = control.administration
            var users: [String] = []
            var cursor: String?
            repeat {
                let page = try await administration.listUsers(page: PageRequest(limit: 1, cursor: cursor))
                users += page.items.map(\.userID)
                cursor = page.next?.text
            } while cursor != nil
            #expect(users == ["ann", "bob", "cid"])
            #expect(try await administration.user("bob").userID == "bob")
            let organizations = try await administration.listOrganizations().items
            #expect(organizations.map(\.ownerID) == ["cid", "bob", "ann"])
            #expect(try await administration.listMembers(of: organizations[0].id).items.map(\.userID) == ["cid"])
            #expect(try await administration.listProjects().items.count == 3)
            #expect(try await administration.listProjects(organization: organizations[0].id).items.count == 1)
        }
    }

    @Test func `what was kept for audit is pruned after 90 days, idempotency keys after a day`() async throws {
        try await ControlFixture.with { control in
            let ann = try await control.user("ann")
            for name in ["old", "young", "live"] { _ = try await control.operations.createToken(ann, name: name) }
            try await control.script(
                """
                UPDATE api_tokens SET revoked_at = now() - interval '90 days 1 s' WHERE name = 'old';
                UPDATE api_tokens SET revoked_at = now() - interval '89 days' WHERE name = 'young';
                INSERT INTO idempotency_keys (user_id, key, operation, request_hash, resource_id, created_at)
                SELECT 'ann', n::text, 'project', sha256(''), gen_random_uuid(), now() - n * interval '20 h'
                FROM generate_series(0, 2) AS n;
                """)
            #expect(try await control.administration.prune() == .init(tokens: 1, idempotencyKeys: 1))
            #expect(try await control.count("api_tokens") == 2)
        }
    }
}
