import ArgumentParser
import Foundation
import Ingest
import Logging
import Nostr
import NostrCache
import Serving

/// The ledger, and what the daemon says of itself if it answers.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows what is covered, what is missing, and why.",
        discussion: "EXIT STATUS: 0, 64 usage, 69 database unavailable, 77 not permitted, 78 configuration or schema.")

    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "One JSON document.")
    var json = false

    @Flag(inversion: .prefixedNo, help: "Draw what is covered of the lookback; by default on a terminal.")
    var picture: Bool?

    func run() async throws {
        try await self.perform {
            let loaded = try self.options.load()
            let logger = self.options.logger(loaded)
            let now = IngestTime.system.wall
            let live = await Self.live(loaded.configuration.health.listen)
            let (ledger, counts) = try await withDatabase(
                loaded.configuration.database, applicationName: "nostr-ingest status", logger: logger
            ) { database in
                try await database.requireSchema(logger: logger)
                return try await database.withConnection(logger: logger) { connection in
                    let reader = CacheReader(connection: connection)
                    return (try await reader.coverageStatus(), try await reader.counts())
                }
            }
            let lookback = now - loaded.configuration.ingest.follow.lookbackSeconds..<now
            let report = StatusReport(ledger: ledger, counts: counts, live: live, range: lookback)
            if self.json { return Terminal.output(report.json.text) }
            for line in report.lines(withPicture: self.picture ?? Terminal.outputIsTerminal) { Terminal.output(line) }
        }
    }

    /// Nil when no daemon answers.
    private static func live(_ address: ListenAddress?) async -> JSONValue? {
        guard let address, let answer = try? await HealthClient.get("/health", from: address, within: .seconds(2))
        else {
            return nil
        }
        return JSONValue(parsing: answer.body)
    }
}

/// What `status` says, as text or JSON; pure.
struct StatusReport {
    let ledger: [CoverageStatus]
    let counts: CacheCounts
    /// The daemon's `/health`.
    let live: JSONValue?
    /// The lookback, up to now.
    let range: Range<Timestamp>

    /// More are counted, not listed.
    private static let rangesShownMax = 4

    private func phase(_ row: CoverageStatus) -> String {
        let id = "\(row.name)@\(RelayURL(row.url)?.label ?? row.url)"
        let entries = self.live?["checks"]?["stream:phase"]?.array ?? []
        return entries.first { $0["componentId"]?.string == id }?["observedValue"]?.string
            ?? (row.isActive ? "-" : "retired")
    }

    private func lag(_ row: CoverageStatus) -> Int64? {
        row.covered.upperBound.map { max(0, self.range.upperBound - $0) }
    }

    func lines(withPicture: Bool) -> [String] {
        var lines = ["daemon  \(self.live.map { $0["status"]?.string ?? "?" } ?? "does not answer")"]
        let kinds = self.counts.eventsByKind.sorted { $0.key < $1.key }.map { "kind \($0.key): \($0.value)" }
        lines.append("events  \(self.counts.events)" + (kinds.isEmpty ? "" : "  (\(kinds.joined(separator: ", ")))"))
        lines.append("profiles  \(self.counts.profiles)")
        let reasons = self.counts.quarantineByReason.sorted { $0.key < $1.key }
        let total = reasons.reduce(0) { $0 + $1.value }
        let list = reasons.map { "\(Terminal.harmless($0.key)): \($0.value)" }.joined(separator: ", ")
        lines.append("quarantine  \(total)" + (list.isEmpty ? "" : "  (\(list))"))
        lines.append("range  \(self.range.lowerBound.rfc3339) … \(self.range.upperBound.rfc3339)")
        var rows = [["RELAY", "STREAM", "STATE", "CURSOR", "LAG", "COVERED", "HOLES"]]
        for row in self.ledger {
            rows.append([
                RelayURL(row.url)?.label ?? row.url, row.name, self.phase(row), row.covered.upperBound?.rfc3339 ?? "-",
                self.lag(row).map(DurationText.rough(seconds:)) ?? "-",
                CoveragePicture.percent(CoveragePicture.permille(covered: row.covered, in: self.range)),
                "\(row.holes.count)",
            ])
        }
        let table = TextTable.lines(rows)
        lines += ["", table[0]]
        for (row, line) in zip(self.ledger, table.dropFirst()) {
            lines.append(line)
            if withPicture {
                let holes = row.holes.map(\.span)
                lines.append("    " + CoveragePicture.line(covered: row.covered, holes: holes, in: self.range))
            }
            lines += self.details(row).map { "    " + $0 }
        }
        if self.ledger.isEmpty { lines.append("No relay has been asked yet.") }
        return lines
    }

    private func details(_ row: CoverageStatus) -> [String] {
        let ranges = row.covered.ranges
        var lines = ranges.suffix(Self.rangesShownMax).map {
            "covered \($0.lowerBound.rfc3339) … \($0.upperBound.rfc3339)"
        }
        if ranges.count > Self.rangesShownMax {
            lines.insert("covered \(ranges.count - Self.rangesShownMax) older ranges", at: 0)
        }
        lines += row.holes.prefix(Self.rangesShownMax).map { hole in
            "hole    \(hole.span.lowerBound.rfc3339) … \(hole.span.upperBound.rfc3339)  \(Terminal.harmless(hole.reason)), "
                + "\(hole.attempts) attempts"
        }
        if row.holes.count > Self.rangesShownMax {
            lines.append("hole    and \(row.holes.count - Self.rangesShownMax) more")
        }
        return lines
    }

    var json: JSONValue {
        func number(_ value: some BinaryInteger) -> JSONValue { .number("\(value)") }
        func span(_ range: Range<Timestamp>) -> JSONValue {
            .array([number(range.lowerBound.seconds), number(range.upperBound.seconds)])
        }
        func object(_ pairs: [(String, JSONValue)]) -> JSONValue {
            .object(pairs.map { JSONValue.Member(name: $0.0, value: $0.1) })
        }
        let streams = self.ledger.map { row in
            object([
                ("relay", .string(row.url)), ("stream", .string(row.name)), ("active", .bool(row.isActive)),
                ("state", .string(self.phase(row))),
                ("cursor", row.covered.upperBound.map { number($0.seconds) } ?? .null),
                ("lagSeconds", self.lag(row).map { number($0) } ?? .null),
                ("coveredPermille", number(CoveragePicture.permille(covered: row.covered, in: self.range))),
                ("covered", .array(row.covered.ranges.map(span))),
                ("proof", row.lastProof.map { .string($0.rawValue) } ?? .null),
                (
                    "holes",
                    .array(
                        row.holes.map { hole in
                            object([
                                ("span", span(hole.span)), ("reason", .string(hole.reason)),
                                ("attempts", number(hole.attempts)),
                            ])
                        })
                ),
            ])
        }
        return object([
            ("daemon", .string(self.live.map { $0["status"]?.string ?? "unknown" } ?? "unreachable")),
            ("range", span(self.range)),
            (
                "events",
                object(self.counts.eventsByKind.sorted { $0.key < $1.key }.map { ("\($0.key)", number($0.value)) })
            ),
            ("profiles", number(self.counts.profiles)),
            (
                "quarantine",
                object(self.counts.quarantineByReason.sorted { $0.key < $1.key }.map { ($0.key, number($0.value)) })
            ),
            ("streams", .array(streams)),
        ])
    }
}
