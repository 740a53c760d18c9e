import Foundation
import Logging
import Nostr
import NostrCache
import Serving
import TestSupport
import Testing

@testable import Ingest
@testable import nostr_ingest

struct CoveragePictureTests {
    private func range(_ low: Int64, _ high: Int64) -> Range<Timestamp> { Timestamp(low)..<Timestamp(high) }

    @Test(
        arguments: [
            ([], [], "░░░░░░░░░░"), ([(0, 100)], [], "██████████"), ([(0, 55)], [], "█████▒░░░░"),
            ([(0, 30), (70, 100)], [], "███░░░░███"), ([(0, 100)], [(41, 42)], "████!█████"),
            ([(200, 300)], [], "░░░░░░░░░░"),
        ] as [([(Int64, Int64)], [(Int64, Int64)], String)])
    func `each column shows its part`(covered: [(Int64, Int64)], holes: [(Int64, Int64)], line: String) {
        let set = CoverageSet(covered.map { self.range($0.0, $0.1) })
        let spans = holes.map { self.range($0.0, $0.1) }
        #expect(CoveragePicture.line(covered: set, holes: spans, in: self.range(0, 100), width: 10) == line)
    }

    @Test func `what is not all is never a hundred percent`() {
        let set = CoverageSet([self.range(0, 99_999)])
        #expect(CoveragePicture.permille(covered: set, in: self.range(0, 100_000)) == 999)
        #expect(CoveragePicture.percent(999) == "99.9 %")
    }

    @Test func `columns of a table are of equal width`() {
        #expect(TextTable.lines([["A", "LONG", "x"], ["bbb", "c", "yy"]]) == ["A    LONG  x", "bbb  c     yy"])
    }
}

struct HealthChecksTests {
    let now = ContinuousClock.now

    private func report(_ change: (inout ServiceStatus.Picture) -> Void, unaccounted: Int = 0) -> HealthReport {
        var picture = ServiceStatus.Picture()
        picture.startedAt = self.now - .seconds(3_600)
        picture.fleetTick = self.now
        picture.writer.phase = .writing
        picture.writer.lastTick = self.now
        picture.writer.lastPing = self.now
        var relay = ServiceStatus.Relay(role: .primary)
        relay.phase = .connected
        relay.lastAnswer = Timestamp(1)
        picture.relays["wss://a.example"] = relay
        change(&picture)
        var totals = Accounts.Totals()
        totals.unaccounted = unaccounted
        return HealthChecks(
            picture: picture, totals: totals, queue: (0, 0), limits: .init(), settings: .init(),
            now: (self.now, Timestamp(1_767_323_045))
        ).report()
    }

    private func codes(_ report: HealthReport) -> [Int] {
        [HealthCheck.Probe.live, .ready, .startup].map { report.answer(to: $0, isVerbose: false, excluding: []).status }
            + [report.healthAnswer.status]
    }

    @Test func `all is well`() {
        #expect(self.codes(self.report { _ in }) == [200, 200, 200, 200])
        #expect(self.report { _ in }.status(of: .health) == .pass)
    }

    @Test func `a hung loop fails liveness, a dead database does not`() {
        #expect(self.codes(self.report { $0.writer.lastTick = self.now - .seconds(61) })[0] == 503)
        #expect(self.codes(self.report { $0.fleetTick = self.now - .seconds(61) })[0] == 503)
        #expect(self.codes(self.report { $0.writer.phase = .disconnected }) == [200, 503, 200, 503])
        #expect(self.codes(self.report { $0.writer.lastPing = self.now - .seconds(11) }) == [200, 503, 200, 503])
        #expect(self.codes(self.report { $0.writer.phase = .paused })[1] == 503)
    }

    @Test func `a standby is ready while its tick is fresh`() {
        let standby = self.report {
            $0.writer.phase = .standby
            $0.writer.lastPing = nil
        }
        #expect(self.codes(standby) == [200, 200, 200, 200])
    }

    @Test func `lost events and a drain fail readiness at once`() {
        #expect(self.codes(self.report({ _ in }, unaccounted: 1))[1] == 503)
        #expect(self.codes(self.report { $0.isDraining = true }) == [200, 503, 200, 200])
    }

    @Test func `no relay is a warning at first and a failure when it lasts`() {
        func down(_ seconds: Int64) -> HealthReport {
            self.report {
                $0.relays["wss://a.example"]?.phase = .backingOff
                $0.relays["wss://a.example"]?.downSince = self.now - .seconds(seconds)
            }
        }
        #expect(down(5).status(of: .health) == .warn)
        #expect(self.codes(down(5))[1] == 200)
        #expect(self.codes(down(61)) == [200, 503, 200, 503])
    }

    @Test func `it has started with a first answer or after the grace`() {
        #expect(self.codes(self.report { $0.startedAt = nil })[2] == 503)
        let young = self.report {
            $0.startedAt = self.now - .seconds(5)
            $0.relays["wss://a.example"]?.lastAnswer = nil
        }
        #expect(self.codes(young)[2] == 503)
    }

    @Test func `a primary that lags is a warning, a fallback at rest is not`() {
        func lagging(_ role: NostrCache.RelayRole) -> HealthReport {
            self.report {
                $0.relays["wss://a.example"]?.role = role
                $0.relays["wss://a.example"]?.streams = [
                    ServiceStatus.Stream(name: "s", phase: .live, cursor: Timestamp(1_767_300_000))
                ]
            }
        }
        #expect(lagging(.primary).status(of: .health) == .warn)
        #expect(lagging(.fallback).status(of: .health) == .pass)
    }

    @Test func `urls lose their query before they are shown`() {
        let report = self.report { picture in
            picture.relays["wss://b.example/?token=canary"] = picture.relays["wss://a.example"]
        }
        #expect(!report.healthAnswer.body.contains("canary"))
    }
}

struct IngestFamiliesTests {
    private func families(_ change: (inout ServiceStatus.Picture, inout Accounts.Totals) -> Void) -> [MetricFamily] {
        var picture = ServiceStatus.Picture()
        picture.relays["wss://a.example"] = ServiceStatus.Relay(role: .primary)
        picture.relays["wss://f.example"] = ServiceStatus.Relay(role: .fallback)
        var totals = Accounts.Totals()
        totals.relays["wss://a.example"] = Accounts.FrameCounts()
        change(&picture, &totals)
        return IngestFamilies(
            picture: picture, totals: totals, queue: (1, 2), limits: .init(), kinds: [.comment, .reaction],
            now: (ContinuousClock.now, Timestamp(1_767_323_045))
        ).all
    }

    @Test func `a scrape passes the strict parser and counters begin at 0`() throws {
        let families = try ExpositionParser.parse(
            MetricsExposition.encode(
                self.families { _, _ in } + ProcessFamilies.all + LogCounts().families(prefix: IngestFamilies.prefix)))
        let names = Set(families.map(\.name))
        for name in [
            "relay_connected", "relay_connects_total", "relay_closed_total", "events_received_total",
            "events_duplicate_total",
            "events_rejected_total", "events_written_total", "events_in_flight", "unaccounted_events", "queue_depth",
            "queue_capacity_bytes", "database_up", "build_info", "fetches_total", "fallback_active",
            "log_messages_total", "commits_total", "database_reconnects_total", "relay_subscriptions",
        ] {
            #expect(names.contains("nostr_ingest_" + name), "\(name)")
        }
        for family in families where family.type == "counter" && !family.name.hasPrefix("process_") {
            #expect(!family.samples.isEmpty && family.samples.allSatisfy { $0.value == 0 }, "\(family.name)")
        }
    }

    @Test func `holes are counted by stream and reason`() throws {
        let holes = try #require(
            self.families { picture, _ in
                picture.maintenance.holes = [
                    HoleCount(stream: "posts", reason: "dense_second", count: 2),
                    HoleCount(stream: "votes", reason: "refused", count: 1),
                ]
            }.first { $0.name == "nostr_ingest_holes" })
        #expect(
            holes.samples == [
                MetricSample(
                    labels: [MetricLabel("stream", "posts"), MetricLabel("reason", "dense_second")], value: .integer(2)),
                MetricSample(
                    labels: [MetricLabel("stream", "votes"), MetricLabel("reason", "refused")], value: .integer(1)),
            ])
    }

    @Test func `times are absent until they are known`() throws {
        let commit = "nostr_ingest_last_commit_timestamp_seconds"
        func samples(_ families: [MetricFamily]) -> Int { families.first { $0.name == commit }?.samples.count ?? -1 }
        #expect(samples(self.families { _, _ in }) == 0)
        #expect(samples(self.families { picture, _ in picture.writer.lastCommit = Timestamp(5) }) == 1)
    }

    @Test func `a label is never what a relay wrote`() throws {
        let text = MetricsExposition.encode(
            self.families { picture, totals in
                picture.relays["wss://a.example"]?.closed = ["canary": 2, "blocked": 1]
                totals.relays["wss://a.example"]?.messages = ["canary": 3]
            })
        #expect(!text.contains("canary"))
        #expect(text.contains("relay_closed_total{prefix=\"none\",relay=\"wss://a.example\"} 2"))
    }

    @Test func `outcomes are told apart by the kinds that are asked for, and no others`() throws {
        let written = try #require(
            self.families { _, totals in
                totals.write.kinds = [
                    .comment: .init(written: 5), Kind(30_023): .init(written: 2), .note: .init(written: 1),
                ]
            }.first { $0.name == "nostr_ingest_events_written_total" })
        #expect(
            written.samples == [
                MetricSample(labels: [MetricLabel("kind", "7")], value: .integer(0)),
                MetricSample(labels: [MetricLabel("kind", "1111")], value: .integer(5)),
                MetricSample(labels: [MetricLabel("kind", "other")], value: .integer(3)),
            ])
    }

    @Test func `a commit is ok, retried or bisected, and an attempt that failed is counted beside it`() throws {
        let commits = try #require(
            self.families { picture, _ in
                picture.writer.commits = 10
                picture.writer.retried = 2
                picture.writer.bisected = 1
                picture.writer.retries = 4
            }.first { $0.name == "nostr_ingest_commits_total" })
        #expect(
            commits.samples.map { "\($0.labels[0].value) \($0.value)" } == [
                "bisected integer(1)", "failed integer(4)", "ok integer(7)", "retried integer(2)",
            ])
    }

    @Test func `a fallback and only a fallback can be active`() throws {
        let families = self.families { picture, _ in picture.activeFallbacks = ["wss://f.example"] }
        let active = try #require(families.first { $0.name == "nostr_ingest_fallback_active" })
        #expect(active.samples.map(\.value) == [.integer(1)])
    }
}

struct HealthSummaryTests {
    @Test(arguments: [
        (200, "pass", ProcessStatus.success, "pass"),
        (200, "warn", .incomplete, "warn: relay:connections wss://a: why"),
        (503, "fail", .unhealthy, "fail: not ready; relay:connections wss://a: why"),
        (503, "pass", .unhealthy, "fail: not ready"),
    ])
    func `one line and one status`(code: Int, word: String, status: ProcessStatus, line: String) throws {
        let entry = word == "pass" ? "pass" : "warn"
        let json = try #require(
            JSONValue(
                parsing:
                    "{\"status\":\"\(word)\",\"checks\":{\"relay:connections\":[{\"componentId\":\"wss://a\",\"status\":\"\(entry)\",\"output\":\"why\"}]}}"
            ))
        let summary = HealthCommand.summary(ready: HealthClient.Answer(status: code, body: ""), health: json)
        #expect(summary.status == status)
        #expect(summary.line == line)
    }
}

struct LogOutputTests {
    @Test func `lines are one line, with data as pairs`() {
        let pairs = [("relay.url", "wss://a"), ("error", "a \"b\"\n")]
        func line(_ style: LogOutput.Style) -> String {
            LogOutput.line(style, level: .warning, message: "Sentence", pairs: pairs, at: 1_767_323_045_067_000)
        }
        #expect(line(.text) == "2026-01-02T03:04:05.067Z WARNING Sentence relay.url=wss://a error=\"a \\\"b\\\"\\n\"")
        #expect(line(.journal) == "<4>Sentence relay.url=wss://a error=\"a \\\"b\\\"\\n\"")
        #expect(
            line(.json)
                == "{\"time\":\"2026-01-02T03:04:05.067Z\",\"level\":\"warning\",\"message\":\"Sentence\",\"relay.url\":\"wss://a\",\"error\":\"a \\\"b\\\"\\n\"}"
        )
    }

    @Test func `what others wrote is harmless and short`() {
        #expect(Terminal.harmless("a\u{1B}[31m\u{202E}b\r\n") == "a [31m b  ")
        #expect(Terminal.harmless(String(repeating: "é", count: 500)).utf8.count == 256)
    }

    @Test func `the state directory is systemd's, the user's or the system's`() {
        func path(_ environment: [String: String], isRoot: Bool = false) -> String {
            StateDirectory.path("", environment: environment, isRoot: isRoot)
        }
        #expect(path(["STATE_DIRECTORY": "/a:/b", "HOME": "/h"]) == "/a")
        #expect(path(["HOME": "/h"]) == "/h/.local/state/nostr-ingest")
        #expect(path(["HOME": "/h", "XDG_STATE_HOME": "/x"]) == "/x/nostr-ingest")
        #expect(path(["HOME": "/root"], isRoot: true) == "/var/lib/nostr-ingest")
        #expect(StateDirectory.path("/given", environment: [:], isRoot: true) == "/given")
    }
}
