import Ingest
import Nostr
import NostrCache
import Serving

/// The checks of operations.md section 9, from what the loops noted; pure.
struct HealthChecks {
    let picture: ServiceStatus.Picture
    let totals: Accounts.Totals
    let queue: (items: Int, bytes: Int)
    let limits: IngestConfiguration.Limits
    let settings: DaemonConfiguration.Health
    let now: (instant: ContinuousClock.Instant, wall: Timestamp)
    /// Both ticks must be fresher; twice systemd's interval, or a minute.
    var tickAgeMax: Duration = .seconds(60)

    /// The heartbeat comes every five seconds.
    private static let pingAgeMax: Duration = .seconds(10)

    func report() -> HealthReport {
        HealthReport(
            serviceID: "nostr-ingest/main", releaseID: Version.release, time: self.now.wall,
            checks: [
                self.tick("writer", self.picture.writer.lastTick), self.tick("fleet", self.picture.fleetTick),
                self.database,
                self.schema, self.accounts, self.draining, self.relays, self.started, self.queueUse,
            ] + self.eachRelay + self.lags + self.phases)
    }

    private func age(_ instant: ContinuousClock.Instant) -> Duration { self.now.instant - instant }

    private func seconds(_ duration: Duration) -> Double { (duration / .milliseconds(1)).rounded() / 1_000 }

    private var isWithinGrace: Bool {
        self.picture.startedAt.map { self.age($0) < self.settings.grace } ?? true
    }

    /// Liveness asks the loops alone.
    private func tick(_ name: String, _ tick: ContinuousClock.Instant?) -> HealthCheck {
        guard let tick else {
            return HealthCheck(
                name, self.isWithinGrace ? .pass : .fail, for: [.live, .health], key: "\(name):lastTick",
                output: "has not begun")
        }
        let isFresh = self.age(tick) <= self.tickAgeMax
        return HealthCheck(
            name, isFresh ? .pass : .fail, for: [.live, .health], key: "\(name):lastTick",
            value: .seconds(self.seconds(self.age(tick))), unit: "s",
            output: isFresh ? "" : "no iteration for \(Int(self.seconds(self.age(tick)))) s")
    }

    /// The last answer that the writer had; never a query of ours.
    private var database: HealthCheck {
        let writer = self.picture.writer
        // A standby asks for the lock every second: its tick is an answer.
        let answer = writer.phase == .standby ? writer.lastTick : writer.lastPing
        let isFresh = answer.map { self.age($0) <= Self.pingAgeMax } ?? false
        let status: HealthCheck.Status =
            switch writer.phase {
            case .writing, .standby: isFresh ? .pass : .fail
            case .paused, .disconnected: .fail
            }
        return HealthCheck(
            "database", status, for: [.ready, .health], key: "postgresql:lastAnswer", componentType: .datastore,
            value: answer.map { .seconds(self.seconds(self.age($0))) }, unit: "s",
            output: Terminal.harmless(writer.lastError ?? "no answer within \(DurationText.text(Self.pingAgeMax))"))
    }

    /// The loops start only when the version was accepted.
    private var schema: HealthCheck {
        HealthCheck(
            "schema", self.picture.startedAt == nil ? .fail : .pass, for: [.ready, .startup, .health],
            key: "postgresql:schemaVersion", componentType: .datastore, value: .integer(Int64(Version.schema)),
            output: "not checked yet")
    }

    private var accounts: HealthCheck {
        HealthCheck(
            "accounts", self.totals.unaccounted == 0 ? .pass : .fail, for: [.ready, .health],
            key: "pipeline:unaccountedEvents", value: .integer(Int64(self.totals.unaccounted)), unit: "events",
            output: "events were lost between two steps: a bug")
    }

    private var draining: HealthCheck {
        HealthCheck(
            "draining", self.picture.isDraining ? .fail : .pass, for: [.ready], key: "service:draining",
            output: "the service is stopping")
    }

    /// Too few is a warning at first and a failure when it lasts.
    private var relays: HealthCheck {
        let connected = self.picture.relays.values.count { $0.phase == .connected }
        let needed = self.settings.relaysMin
        let isGraceful =
            self.isWithinGrace
            || self.picture.relays.values.contains { relay in
                relay.downSince.map { self.age($0) < self.settings.grace } ?? false
            }
        let status: HealthCheck.Status = connected >= needed ? .pass : isGraceful ? .warn : .fail
        return HealthCheck(
            "relays", status, for: [.ready, .health], key: "relays:connected", value: .integer(Int64(connected)),
            unit: "connections", output: "\(connected) of at least \(needed) relays are connected")
    }

    /// A first answer to its end, or the grace is over.
    private var started: HealthCheck {
        let hasAnswer = self.picture.relays.values.contains { $0.lastAnswer != nil }
        let isDone = self.picture.startedAt != nil && (hasAnswer || !self.isWithinGrace)
        return HealthCheck(
            "first-answer", isDone ? .pass : .fail, for: [.startup], key: "service:started",
            output: "no relay has answered a request to its end yet")
    }

    private var queueUse: HealthCheck {
        let use = max(
            Double(self.queue.items) / Double(self.limits.queueEventsMax),
            Double(self.queue.bytes) / Double(self.limits.queueBytesMax))
        return HealthCheck(
            "queue", use < 0.9 ? .pass : .warn, for: [.health], key: "pipeline:utilization",
            value: .ratio((use * 1_000).rounded() / 1_000), unit: "ratio", output: "the database does not keep up")
    }

    private var eachRelay: [HealthCheck] {
        self.picture.relays.sorted { $0.key < $1.key }.map { url, relay in
            let isFine = relay.phase == .connected || relay.phase == .standby
            let wait = relay.nextAttempt.map { "; retry in \(max(0, $0 - self.now.wall)) s" } ?? ""
            return HealthCheck(
                "relay", isFine ? .pass : .warn, for: [.health], key: "relay:connections",
                componentID: RelayURL(url)?.label ?? url, value: .integer(relay.phase == .connected ? 1 : 0),
                unit: "connections", output: Terminal.harmless(relay.lastError ?? relay.phase.rawValue) + wait)
        }
    }

    /// Not a judgement: for `status`.
    private var phases: [HealthCheck] {
        self.picture.relays.sorted { $0.key < $1.key }.flatMap { url, relay in
            relay.streams.map { stream in
                HealthCheck(
                    "phase", .pass, for: [.health], key: "stream:phase",
                    componentID: "\(stream.name)@\(RelayURL(url)?.label ?? url)", value: .text(stream.phase.rawValue))
            }
        }
    }

    private var lags: [HealthCheck] {
        self.picture.relays.sorted { $0.key < $1.key }.flatMap { url, relay in
            relay.streams.compactMap { stream -> HealthCheck? in
                guard let cursor = stream.cursor else { return nil }
                let lag = max(0, self.now.wall - cursor)
                // A fallback at rest is behind by design.
                let isLate = relay.role == .primary && .seconds(lag) > self.settings.lagMax
                return HealthCheck(
                    "lag", isLate ? .warn : .pass, for: [.health], key: "cursor:lag",
                    componentID: "\(stream.name)@\(RelayURL(url)?.label ?? url)", value: .integer(lag), unit: "s",
                    output: "behind by \(DurationText.rough(seconds: lag)); \(stream.phase.rawValue)")
            }
        }
    }
}
