import Foundation
import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Every operation × every caller (control-plane.md §9).
struct AccessMatrixTests {
    @Test func `the matrix has a row for every operation of the library`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/ControlPlane")
        let pattern = /package func (\w+)\(\s*_ caller: Caller/
        var operations: Set<String> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path()) where name.hasSuffix(".swift") {
            let source = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            for match in source.matches(of: pattern) { operations.insert(String(match.1)) }
        }
        #expect(operations.count > 50)
        let rows = Set(AccessMatrix.rows.map { $0.operation.split(separator: " ").first.map(String.init) ?? "" })
        #expect(operations.subtracting(rows) == [] && rows.subtracting(operations) == [])
    }

    /// What a caller sends.
    private static func bearer(_ caller: AccessCaller, _ world: AccessWorld) -> String? {
        switch caller {
        case .anonymous: nil
        case .expiredToken: "cp_\(world.secret(.expiredToken))"
        case .revokedToken: "cp_\(world.secret(.revokedToken))"
        case .foreignAudience: "jwt.\(world.userID(caller)).for-somebody-else"
        case .stranger, .otherOwner, .operatorOnly, .member, .owner: "jwt.\(world.userID(caller)).signed"
        }
    }

    @Test func `every operation answers every caller as the matrix says, and a refusal changes nothing`() async throws {
        try await ControlFixture.with(cipher: AccessActions.cipher) { control in
            var number = 1
            var isFresh = false
            var world = AccessWorld(number)
            for (operation, outcomes) in AccessMatrix.rows {
                for caller in AccessCaller.allCases {
                    // Whoever was let in may have changed the world.
                    if !isFresh {
                        number += 1
                        world = AccessWorld(number)
                        let fresh = world
                        try await control.script("TRUNCATE users, repos, agents CASCADE")
                        try await control.observer.run { try fresh.make($0) }
                    }
                    let before = try await Self.state(control)
                    let outcome = try await Self.outcome(of: operation, by: caller, in: world, control)
                    let expected = AccessMatrix.expected(outcomes, for: caller)
                    #expect(outcome == expected, "\(operation) by \(caller)")
                    isFresh = outcome != .ok
                    if isFresh {
                        let after = try await Self.state(control)
                        #expect(after == before, "\(operation) by \(caller) changed something")
                    }
                }
            }
        }
    }

    @Test func `a live token of the owner does what the owner does, but makes no tokens`() async throws {
        try await ControlFixture.with(cipher: AccessActions.cipher) { control in
            for (index, row) in AccessMatrix.rows.enumerated() {
                let world = AccessWorld(index + 1)
                try await control.observer.run { try world.make($0) }
                let caller = try await control.authenticator.caller(bearer: "cp_\(world.secret(.token))")
                let outcome = try await Self.outcome(
                    AccessActions(operations: control.operations, world: world), row.operation, caller)
                let expected = AccessMatrix.expected(row.outcomes, for: .owner)
                #expect(outcome == (row.operation == "createToken" ? .forbidden : expected), "\(row.operation)")
            }
        }
    }

    private static func outcome(
        of operation: String, by caller: AccessCaller, in world: AccessWorld, _ control: ControlFixture
    ) async throws -> AccessOutcome {
        let actions = AccessActions(operations: control.operations, world: world)
        do {
            let authenticated = try await control.authenticator.caller(bearer: Self.bearer(caller, world))
            return try await Self.outcome(actions, operation, authenticated)
        } catch let error as ControlPlaneError {
            return AccessOutcome(rawValue: error.code.rawValue) ?? .ok
        }
    }

    private static func outcome(
        _ actions: AccessActions, _ operation: String, _ caller: Caller
    ) async throws -> AccessOutcome {
        do {
            let isKnown = try await actions.run(operation, caller)
            #expect(isKnown, "There is no \(operation)")
            return .ok
        } catch let error as ControlPlaneError {
            return try #require(AccessOutcome(rawValue: error.code.rawValue))
        }
    }

    /// A digest of every table that an operation may change.
    private static func state(_ control: ControlFixture) async throws -> [String] {
        let tables = [
            "users", "api_tokens", "organizations", "organization_members", "projects", "repos", "project_repos",
            "threads",
            "messages", "message_embeddings", "issues", "issue_threads", "agents", "knowledge", "idempotency_keys",
        ]
        let parts = tables.map { table in
            let row = table == "knowledge" ? "to_jsonb(x) - 'embedding'" : "to_jsonb(x)"
            return
                "SELECT '\(table) ' || md5(coalesce(string_agg((\(row))::text, ',' ORDER BY (\(row))::text), '')) FROM \(table) AS x"
        }
        return try await control.column(parts.joined(separator: " UNION ALL "))
    }
}
