import Foundation
import Nostr
import Postgres
import Serving
import TestSupport
import Testing

@testable import control_plane

struct ControlHealthTests {
    private let start = ContinuousClock.now

    private func report(
        after age: Duration, version: Int? = Release.schema, error: String? = nil, isDraining: Bool = false
    ) -> HealthReport {
        var picture = DatabaseWatch.Picture()
        picture.startedAt = self.start
        picture.tick = self.start
        picture.answeredAt = version.map { _ in self.start }
        picture.version = version
        picture.lastError = error
        picture.isDraining = isDraining
        return ControlHealth(picture: picture, now: (self.start + age, Timestamp(1_800_000_000))).report()
    }

    private func status(_ report: HealthReport, _ probe: HealthCheck.Probe) -> Int {
        report.answer(to: probe, isVerbose: false, excluding: []).status
    }

    @Test func `ready needs an answer of the database that is not old`() {
        #expect(self.status(self.report(after: .seconds(15)), .ready) == 200)
        #expect(self.status(self.report(after: .seconds(16)), .ready) == 503)
        #expect(self.status(self.report(after: .zero, version: nil), .ready) == 503)
        #expect(self.status(self.report(after: .zero, version: nil), .startup) == 503)
    }

    @Test func `liveness asks nobody but the loop`() {
        #expect(self.status(self.report(after: .seconds(60), version: nil, error: "gone"), .live) == 200)
        #expect(self.status(self.report(after: .seconds(61)), .live) == 503)
    }

    @Test func `an older schema is not ready, a newer one is`() {
        #expect(self.status(self.report(after: .zero, version: Release.schema - 1), .ready) == 503)
        #expect(self.status(self.report(after: .zero, version: Release.schema + 1), .ready) == 200)
    }

    @Test func `a service that stops is not ready at once, and lives`() {
        let report = self.report(after: .zero, isDraining: true)
        #expect(self.status(report, .ready) == 503 && self.status(report, .live) == 200)
    }
}

struct DatabaseWatchTests {
    @Test func `the watch sees the schema, a broken connection, and the database again`() async throws {
        try await ServedPlane.with { plane async throws in
            let board = DatabaseWatch.Board()
            let watch = DatabaseWatch(configuration: plane.database, board: board, logger: .silent)
            let connection = try #require(await watch.look(through: nil))
            #expect(board.snapshot.version == Release.schema && board.snapshot.lastError == nil)
            let pid = try await connection.run { $0.backendPID }
            try await plane.sql("SELECT pg_terminate_backend(\(pid), 10000)")
            #expect(await watch.look(through: connection) == nil)
            #expect(board.snapshot.lastError != nil)
            let again = await watch.look(through: nil)
            #expect(again != nil && board.snapshot.lastError == nil && board.snapshot.connects == 2)
            await again?.close()
        }
    }

    @Test func `a server that is not there is an iteration, too`() async throws {
        let board = DatabaseWatch.Board()
        let configuration = try PostgresConfiguration(connectionString: "host=127.0.0.1 port=1 user=u dbname=d")
        let watch = DatabaseWatch(configuration: configuration, board: board, logger: .silent)
        #expect(await watch.look(through: nil) == nil)
        #expect(board.snapshot.tick != nil && board.snapshot.answeredAt == nil && board.snapshot.lastError != nil)
    }
}
