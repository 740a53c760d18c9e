import FoundationEssentials
import Logging
import Postgres
import TestSupport

@testable import ControlPlane

/// A migrated database with everything that works on it.
struct ControlFixture: Sendable {
    let configuration: PostgresConfiguration
    /// For looking at the tables from outside.
    let observer: PostgresConnection
    let pool: ConnectionPool
    let database: ControlDatabase
    let operations: ControlOperations
    let administration: ControlAdministration
    let authenticator: Authenticator

    static let operatorID = "operator"

    static func with(
        cipher: CredentialCipher? = nil, _ body: (ControlFixture) async throws -> Void
    ) async throws {
        try await TestDatabase.withDatabase { configuration in
            try await Self.with(configuration, cipher: cipher, body)
        }
    }

    /// On a database that is there, empty or migrated.
    static func with(
        _ configuration: PostgresConfiguration, cipher: CredentialCipher? = nil,
        _ body: (ControlFixture) async throws -> Void
    ) async throws {
        let observer = try await PostgresConnection.open(configuration, logger: .silent)
        _ = try await Self.migrator.up(on: observer)
        let pool = ConnectionPool(configuration: configuration, logger: .silent)
        let database = ControlDatabase(pool: pool, logger: .silent)
        let fixture = ControlFixture(
            configuration: configuration, observer: observer, pool: pool, database: database,
            operations: ControlOperations(database: database, operators: [Self.operatorID], cipher: cipher),
            administration: ControlAdministration(database: database),
            authenticator: Authenticator(database: database, verifyJWT: Self.verifyJWT, logger: .silent))
        try await body(fixture)
        await pool.close()
        await observer.close()
    }

    static let migrator = ControlMigrator(toolVersion: "test", logger: .silent) { _ in await Task.yield() }

    /// The JWT of these tests is `jwt.<subject>.signed`, or `jwt.<subject>|<name>|<e-mail>.signed`.
    @Sendable static func verifyJWT(_ jwt: String) async throws -> VerifiedClaims {
        let parts = jwt.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let claims = parts[1].replacing("(at)", with: "@").replacing("(dot)", with: ".").split(separator: "|")
            .map(String.init)
        guard parts[0] == "jwt", parts[2] == "signed", let subject = claims.first,
            let verified = VerifiedClaims(
                subject: subject, name: claims.count > 1 ? claims[1] : nil, email: claims.count > 2 ? claims[2] : nil)
        else { throw ControlPlaneError.unauthorized }
        return verified
    }

    /// Somebody who is signed in; no row is made.
    func caller(_ subject: String) async throws -> Caller {
        try await self.authenticator.caller(bearer: "jwt.\(subject).signed")
    }

    /// Somebody who has a row.
    func user(_ subject: String) async throws -> Caller {
        let caller = try await self.caller(subject)
        try await self.operations.write(caller) { _ in }
        return caller
    }

    /// An organization with an owner and members.
    func organization(owner: Caller, members: [Caller] = []) async throws -> UUID {
        let id = try await self.operations.createOrganization(owner, name: "Org").id
        for member in members {
            _ = try await self.operations.addMember(owner, to: id, .userID(member.userID), role: .member)
        }
        return id
    }

    // MARK: - Looking

    /// The first column of every row, as text.
    func column(_ sql: String) async throws -> [String] {
        try await self.observer.column(sql)
    }

    func script(_ sql: String) async throws {
        try await self.observer.run { try $0.executeScript(sql) }
    }

    func count(_ table: String) async throws -> Int {
        try await self.column("SELECT count(*)::text FROM \(table)").first.flatMap { Int($0) } ?? -1
    }
}

extension PostgresConnection {
    func column(_ sql: String) async throws -> [String] {
        try await self.run { session in
            try session.execute(sql).map { $0[0].text ?? "NULL" }
        }
    }
}

/// Waits for something that another process does; the limit is for a broken test, not for a slow machine.
func eventually(_ condition: @Sendable () async throws -> Bool) async throws -> Bool {
    for _ in 0..<20_000 {
        if try await condition() { return true }
        await Task.yield()
    }
    return false
}

/// The code that the body is refused with, or nil.
func refusal(_ body: () async throws -> Void) async -> ControlPlaneError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? ControlPlaneError)?.code
    }
}

/// A vector with one number at each of the given places.
func vector(_ places: [Int: Float] = [0: 1], model: String = "m") throws -> Embedding {
    var numbers = [Float](repeating: 0, count: Embedding.dimensions)
    for (place, number) in places { numbers[place] = number }
    return try Embedding(numbers, model: model)
}
