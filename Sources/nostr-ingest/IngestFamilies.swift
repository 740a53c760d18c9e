import Ingest
import Nostr
import NostrCache
import RelayClient
import Serving

/// Families computed from the picture and the accounts of one moment: the names are those of operations.md section 10.2.
///
/// Values of the label `relay` come from the configuration alone; every counter exists with 0 before its first event.
struct IngestFamilies {
    let picture: ServiceStatus.Picture
    let totals: Accounts.Totals
    let queue: (items: Int, bytes: Int)
    let limits: IngestConfiguration.Limits
    /// Values of the label `kind`.
    let kinds: Set<Kind>
    /// What turns a monotonic time into one that can be published.
    let now: (instant: ContinuousClock.Instant, wall: Timestamp)

    var all: [MetricFamily] {
        self.relays + self.relayCounters + self.events + self.pipeline + self.maintenance + self.coverage + self.process
    }

    private var relayStates: [(url: String, state: ServiceStatus.Relay)] {
        self.picture.relays.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private var relays: [MetricFamily] {
        var connected = MetricFamily("nostr_ingest_relay_connected", .gauge, "Whether the relay is connected.")
        var backoff = MetricFamily(
            "nostr_ingest_relay_backoff_until_timestamp_seconds", .gauge, "When the relay is tried again.")
        var message = MetricFamily(
            "nostr_ingest_relay_last_message_timestamp_seconds", .gauge, "When the relay last said anything.")
        var event = MetricFamily(
            "nostr_ingest_relay_last_event_timestamp_seconds", .gauge, "When the relay last sent an event.")
        var open = MetricFamily("nostr_ingest_relay_subscriptions", .gauge, "Requests that are open now.")
        var answer = MetricFamily(
            "nostr_ingest_relay_last_eose_timestamp_seconds", .gauge, "When a request was last answered to its end.")
        var active = MetricFamily(
            "nostr_ingest_fallback_active", .gauge, "Whether the fallback relay serves for a primary now.")
        for (url, state) in self.relayStates {
            connected.add(["relay": url], .flag(state.phase == .connected))
            if state.phase == .backingOff { backoff.add(["relay": url], state.nextAttempt) }
            message.add(["relay": url], state.lastMessage)
            event.add(["relay": url], state.lastEvent)
            answer.add(["relay": url], state.lastAnswer)
            open.add(["relay": url], .count(state.subscriptions))
            if state.role == .fallback { active.add(["relay": url], .flag(self.picture.activeFallbacks.contains(url))) }
        }
        return [connected, backoff, message, event, answer, open, active]
    }

    private var relayCounters: [MetricFamily] {
        var connects = MetricFamily("nostr_ingest_relay_connects_total", .counter, "Attempts to connect by result.")
        var disconnects = MetricFamily("nostr_ingest_relay_disconnects_total", .counter, "Ended connections by cause.")
        var closed = MetricFamily("nostr_ingest_relay_closed_total", .counter, "CLOSED messages by their prefix.")
        var fetches = MetricFamily("nostr_ingest_fetches_total", .counter, "Requests for stored events by outcome.")
        for (url, state) in self.relayStates {
            connects.add(["relay": url, "result": ConnectResult.ok.rawValue], .count(state.connects))
            for result in ConnectResult.allCases where result != .ok {
                connects.add(
                    ["relay": url, "result": result.rawValue], .count(state.connectFailures[result.rawValue] ?? 0))
            }
            for cause in DisconnectCause.allCases {
                disconnects.add(
                    ["relay": url, "cause": cause.rawValue], .count(state.disconnects[cause.rawValue] ?? 0))
            }
            for (prefix, count) in Self.known(Self.prefixes, state.closed, other: "none") {
                closed.add(["relay": url, "prefix": prefix], .count(count))
            }
            for (outcome, count) in Self.known(["complete", "truncated", "failed"], state.fetches, other: "failed") {
                fetches.add(["relay": url, "outcome": outcome], .count(count))
            }
        }
        var switches = MetricFamily(
            "nostr_ingest_fallback_switches_total", .counter, "Fallback relays that began or ceased to serve.")
        switches.add([:], .count(self.picture.fallbackSwitches))
        return [connects, disconnects, closed, fetches, switches]
    }

    private static let prefixes = MachineReadablePrefix.allCases.map(\.rawValue)
    private static let messageTypes = [
        "EVENT", "EOSE", "OK", "NOTICE", "CLOSED", "AUTH", "COUNT", "NEG-MSG", "NEG-ERR", "unknown",
    ]

    /// Counts by the labels that exist; whatever else was counted joins `other`, so that no label is a relay's own text.
    private static func known(_ labels: [String], _ counts: [String: Int], other: String) -> [(String, Int)] {
        var sums = Dictionary(uniqueKeysWithValues: labels.map { ($0, 0) })
        for (label, count) in counts { sums[sums[label] == nil ? other : label, default: 0] += count }
        return sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private var events: [MetricFamily] {
        var received = MetricFamily("nostr_ingest_events_received_total", .counter, "EVENT messages that were read.")
        var embedded = MetricFamily(
            "nostr_ingest_events_embedded_total", .counter, "Events read from the content of reposts and approvals.")
        var duplicate = MetricFamily(
            "nostr_ingest_events_duplicate_total", .counter,
            "Copies, by where they were recognised: peeked (before parsing, by relay), committed or retried (at the write, relay other)."
        )
        var rejected = MetricFamily(
            "nostr_ingest_events_rejected_total", .counter,
            "Refused events by reason; relay other: refused at the write, whoever sent it.")
        var messages = MetricFamily("nostr_ingest_relay_messages_received_total", .counter, "Messages by type.")
        var bytes = MetricFamily("nostr_ingest_relay_bytes_received_total", .counter, "Bytes of messages.")
        for (url, counts) in self.totals.relays.sorted(by: { $0.key < $1.key }) {
            received.add(["relay": url], .count(counts.received))
            embedded.add(["relay": url], .count(counts.embedded))
            duplicate.add(["relay": url, "stage": "peeked"], .count(counts.duplicates))
            for reason in EventRejection.allCases {
                rejected.add(["relay": url, "reason": reason.rawValue], .count(counts.rejected[reason] ?? 0))
            }
            for (type, count) in Self.known(Self.messageTypes, counts.messages, other: "unknown") {
                messages.add(["relay": url, "type": type], .count(count))
            }
            bytes.add(["relay": url], .count(counts.bytes))
        }
        // The writer does not know whose copy it has.
        duplicate.add(["relay": "other", "stage": "committed"], .count(self.totals.write.duplicates))
        duplicate.add(["relay": "other", "stage": "retried"], .count(self.totals.write.retried))
        for reason in EventRejection.allCases {
            rejected.add(
                ["relay": "other", "reason": reason.rawValue], .count(self.totals.write.rejected[reason] ?? 0))
        }
        return [received, embedded, duplicate, rejected, messages, bytes] + self.outcomes
    }

    private var outcomes: [MetricFamily] {
        return self.outcomesByKind + [
            .single(
                "nostr_ingest_events_abandoned_total", .counter, "Events left in the queue by a shutdown.",
                self.totals.abandoned),
            .single(
                "nostr_ingest_events_in_flight", .gauge, "Events received and without an outcome yet.",
                self.totals.inFlight),
            .single(
                "nostr_ingest_unaccounted_events", .gauge,
                "Received minus the sum of the outcomes; anything but 0 is a bug.", self.totals.unaccounted),
        ]
    }

    /// By the kinds that are asked for; whatever else came is `other`, so that no relay makes labels.
    private var outcomesByKind: [MetricFamily] {
        var written = MetricFamily("nostr_ingest_events_written_total", .counter, "New rows by kind.")
        var replaced = MetricFamily(
            "nostr_ingest_events_replaced_total", .counter, "Events older than what is stored, by kind.")
        var deleted = MetricFamily(
            "nostr_ingest_events_deleted_total", .counter, "Events that their authors deleted, by kind.")
        var others = Accounts.KindCounts()
        for (kind, counts) in self.totals.write.kinds where !self.kinds.contains(kind) { others = others + counts }
        let known = self.kinds.sorted().map {
            ($0.description, self.totals.write.kinds[$0] ?? Accounts.KindCounts())
        }
        for (kind, counts) in known + [("other", others)] {
            written.add(["kind": kind], .count(counts.written))
            replaced.add(["kind": kind], .count(counts.replaced))
            deleted.add(["kind": kind], .count(counts.deleted))
        }
        return [written, replaced, deleted]
    }

    /// What a batch that held an event came to.
    private var commits: MetricFamily {
        let writer = self.picture.writer
        var commits = MetricFamily(
            "nostr_ingest_commits_total", .counter,
            "Batches with an event: ok, retried (committed after a failed attempt), bisected (an event was refused), failed (attempts)."
        )
        for (result, count) in [
            ("bisected", writer.bisected), ("failed", writer.retries),
            ("ok", writer.commits - writer.retried - writer.bisected), ("retried", writer.retried),
        ] {
            commits.add(["result": result], .count(count))
        }
        return commits
    }

    private var pipeline: [MetricFamily] {
        var commit = MetricFamily(
            "nostr_ingest_last_commit_timestamp_seconds", .gauge, "When a batch with an event was last committed.")
        commit.add([:], self.picture.writer.lastCommit)
        let isUp = self.picture.writer.phase == .writing || self.picture.writer.phase == .standby
        return [
            .single("nostr_ingest_queue_depth", .gauge, "Items that wait for the writer.", self.queue.items),
            .single("nostr_ingest_queue_capacity", .gauge, "Items that may wait.", self.limits.queueEventsMax),
            .single("nostr_ingest_queue_bytes", .gauge, "Bytes of the items that wait.", self.queue.bytes),
            .single("nostr_ingest_queue_capacity_bytes", .gauge, "Bytes that may wait.", self.limits.queueBytesMax),
            self.commits,
            commit,
            .single("nostr_ingest_database_up", .gauge, "Whether PostgreSQL answers.", isUp ? 1 : 0),
            .single(
                "nostr_ingest_database_reconnects_total", .counter, "Connections of the writer after its first.",
                max(0, self.picture.writer.connects - 1)),
            .single(
                "nostr_ingest_writer_standby", .gauge, "Whether another daemon writes.",
                self.picture.writer.phase == .standby ? 1 : 0),
        ]
    }

    private var maintenance: [MetricFamily] {
        let maintenance = self.picture.maintenance
        var quarantined = MetricFamily("nostr_ingest_quarantined_events", .gauge, "Entries in quarantine.")
        if let count = maintenance.quarantined { quarantined.add([:], .count(count)) }
        var pass = MetricFamily(
            "nostr_ingest_last_sweep_timestamp_seconds", .gauge, "When expired rows were last swept.")
        pass.add([:], maintenance.lastPass)
        return [
            .single(
                "nostr_ingest_events_expired_total", .counter, "Rows that left because their expiration passed.",
                maintenance.expired),
            .single(
                "nostr_ingest_events_vanished_total", .counter,
                "Rows that the sweep removed for keys that asked to vanish.", maintenance.vanished),
            .single(
                "nostr_ingest_events_requeued_total", .counter, "Entries that left quarantine by another attempt.",
                maintenance.requeued),
            quarantined, pass,
        ]
    }

    private var coverage: [MetricFamily] {
        var cursor = MetricFamily(
            "nostr_ingest_cursor_timestamp_seconds", .gauge, "Upper end of what is proven complete.")
        var missing = MetricFamily(
            "nostr_ingest_missing_seconds", .gauge, "Seconds of the range that is followed and not proven complete.")
        for (url, state) in self.relayStates {
            for stream in state.streams {
                cursor.add(["relay": url, "stream": stream.name], stream.cursor)
                missing.add(["relay": url, "stream": stream.name], .integer(stream.missingSeconds))
            }
        }
        var holes = MetricFamily(
            "nostr_ingest_holes", .gauge, "What attempts could not fill, over all relays, by why.")
        for hole in self.picture.maintenance.holes {
            holes.add(["stream": hole.stream, "reason": hole.reason], .count(hole.count))
        }
        return [cursor, missing, holes]
    }

    private var process: [MetricFamily] {
        var ticks = MetricFamily(
            "nostr_ingest_watchdog_last_tick_timestamp_seconds", .gauge, "When the loop last came round.")
        for (loop, tick) in [("writer", self.picture.writer.lastTick), ("fleet", self.picture.fleetTick)] {
            guard let tick else { continue }
            let age = (self.now.instant - tick) / .milliseconds(1)
            ticks.add(["loop": loop], .double((Double(self.now.wall.seconds) * 1_000 - age) / 1_000))
        }
        var build = MetricFamily("nostr_ingest_build_info", .gauge, "What runs; always 1.")
        build.add(["version": Version.release, "swift": Version.swift], .integer(1))
        var schema = MetricFamily("nostr_ingest_schema_version", .gauge, "Version of the line that the program needs.")
        schema.add(["line": NostrSchema.line], .count(Version.schema))
        return [ticks, build, schema]
    }

    /// Of every metric of this program.
    static let prefix = "nostr_ingest_"

    /// What the loops record by themselves, with its sentence.
    static let descriptions = [
        MetricDescription(
            "nostr_ingest_batch_events", "Events per committed batch.", buckets: PrometheusRegistry.sizeBuckets),
        MetricDescription("nostr_ingest_commit_duration_seconds", "From the first statement of a batch to its COMMIT."),
        MetricDescription(
            "nostr_ingest_queue_wait_seconds", "How long the oldest event of what the writer takes has waited."),
        MetricDescription(
            "nostr_ingest_verify_duration_seconds",
            "Id and signature of one event, the mean of a read burst that is verified on all cores.",
            buckets: PrometheusRegistry.microBuckets),
        MetricDescription(
            "nostr_ingest_event_lag_seconds", "From created_at to receipt, of live events.",
            buckets: PrometheusRegistry.lagBuckets),
        MetricDescription(
            "nostr_ingest_backpressure_seconds_total", "Time that relays were kept waiting by a full queue."),
        MetricDescription(
            "nostr_ingest_relay_eose_duration_seconds", "From a request for stored events to the end of its answer."),
        MetricDescription("nostr_ingest_relay_connect_duration_seconds", "Resolution, TCP, TLS and upgrade."),
        MetricDescription(
            "nostr_ingest_relay_clock_skew_seconds", "The relay's clock minus ours, as it connected."),
        MetricDescription("nostr_ingest_retries_total", "Failed attempts at the database by class of SQLSTATE."),
        MetricDescription("nostr_ingest_lookups_total", "Questions to web servers by subject and outcome."),
        MetricDescription("nostr_ingest_zaps_confirmed_total", "Zap receipts whose provider a look-up confirmed."),
        MetricDescription("nostr_ingest_relay_ping_rtt_seconds", "Time that the relay's last pong took."),
        MetricDescription("nostr_ingest_http_requests_total", "Requests by route and status code."),
        MetricDescription("nostr_ingest_http_request_duration_seconds", "From the request to its answer."),
    ]
}

extension MetricFamily {
    /// A time; absent until there is one, or every `time() - x` would alarm at the start.
    mutating func add(_ labels: KeyValuePairs<String, String>, _ time: Timestamp?) {
        guard let time else { return }
        self.add(labels, .integer(time.seconds))
    }
}
