import Foundation
import Nostr
import Serving
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
