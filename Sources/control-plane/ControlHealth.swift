import ControlPlane
import Foundation
import Nostr
import Serving

/// The checks of operations.md section 9, from what the watch saw; pure.
struct ControlHealth {
    let picture: DatabaseWatch.Picture
    let now: (instant: ContinuousClock.Instant, wall: Timestamp)

    /// Three questions in a row without an answer.
    private static let answerAgeMax: Duration = DatabaseWatch.interval * 3
    /// A connection and a question have five seconds each.
    private static let tickAgeMax: Duration = .seconds(60)

    func report() -> HealthReport {
        HealthReport(
            serviceID: "control-plane", releaseID: Release.version, time: self.now.wall,
            checks: [self.tick, self.database, self.schema, self.draining])
    }

    private var tick: HealthCheck {
        let age = self.now.instant - (self.picture.tick ?? self.picture.startedAt)
        return HealthCheck(
            "watch", age <= Self.tickAgeMax ? .pass : .fail, for: [.live, .health], key: "watch:lastTick",
            value: .seconds(Self.seconds(age)), unit: "s", output: "no iteration for \(Int(age / .seconds(1))) s")
    }

    private var database: HealthCheck {
        let age = self.picture.answeredAt.map { self.now.instant - $0 }
        let isFresh = age.map { $0 <= Self.answerAgeMax } ?? false
        return HealthCheck(
            "database", isFresh ? .pass : .fail, for: [.ready, .startup, .health], key: "postgresql:lastAnswer",
            componentType: .datastore, value: age.map { .seconds(Self.seconds($0)) }, unit: "s",
            output: Terminal.harmless(self.picture.lastError ?? "no answer yet"))
    }

    /// A newer database is fine: migrations expand before they contract, and the program that needs them starts later.
    private var schema: HealthCheck {
        let version = self.picture.version ?? 0
        return HealthCheck(
            "schema", version >= Release.schema ? .pass : .fail, for: [.ready, .startup, .health],
            key: "postgresql:schemaVersion", componentType: .datastore, value: .integer(Int64(version)),
            output:
                "version \(version) of line \(ControlSchema.line), needed \(Release.schema): run 'control-plane migrate up'"
        )
    }

    private var draining: HealthCheck {
        HealthCheck(
            "draining", self.picture.isDraining ? .fail : .pass, for: [.ready], key: "service:draining",
            output: "the service is stopping")
    }

    private static func seconds(_ duration: Duration) -> Double { (duration / .milliseconds(1)).rounded() / 1_000 }

    /// What a scrape adds to what was recorded.
    var families: [MetricFamily] {
        let isUp = self.picture.answeredAt.map { self.now.instant - $0 <= Self.answerAgeMax } ?? false
        var schema = MetricFamily(
            APICounters.prefix + "schema_version", .gauge, "Version of the line that the database has.")
        schema.add(["line": ControlSchema.line], .count(self.picture.version ?? 0))
        var build = MetricFamily(APICounters.prefix + "build_info", .gauge, "What runs; always 1.")
        build.add(["version": Release.version], .integer(1))
        return [
            .single(APICounters.prefix + "database_up", .gauge, "Whether the database answered lately.", isUp ? 1 : 0),
            MetricFamily(
                APICounters.prefix + "database_reconnects_total", .counter,
                "Connections of the watch that had to be made again.",
                samples: [MetricSample(value: .count(max(0, self.picture.connects - 1)))]),
            schema, build,
        ]
    }
}
