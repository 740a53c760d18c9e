import Glibc
import Logging
import Nostr
import QueryAPI
import Synchronization

/// Log lines on standard error: text for people, JSON for collectors, or text with the journal's priority prefix.
struct LogOutput: LogHandler {
    /// The style that `auto` stands for is chosen before.
    enum Style: Sendable {
        case text, json, journal
    }

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let style: Style
    private let counts: LogCounts

    init(label: String, level: Logger.Level, style: Style, counts: LogCounts) {
        self.label = label
        self.logLevel = level
        self.style = style
        self.counts = counts
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = self.metadata
        if let provided = self.metadataProvider?.get() { all.merge(provided) { $1 } }
        if let given = event.metadata { all.merge(given) { $1 } }
        let pairs = all.sorted { $0.key < $1.key }.map { ($0.key, Terminal.harmless($0.value.description)) }
        let line = Self.line(
            self.style, level: event.level, message: event.message.description, pairs: pairs, at: Self.now())
        self.counts.count(event.level, wasWritten: Terminal.write(line + "\n", to: STDERR_FILENO))
    }

    static func line(
        _ style: Style, level: Logger.Level, message: String, pairs: [(String, String)], at microseconds: Int64
    ) -> String {
        let time = Timestamp(microseconds / 1_000_000).rfc3339
        let fraction = String(String(1_000_000 + microseconds % 1_000_000).dropFirst().prefix(3))
        switch style {
        case .text, .journal:
            let rest = pairs.map { " \($0.0)=\(Self.quoted($0.1))" }.joined()
            guard style == .text else { return "<\(Self.priority(level))>\(message)\(rest)" }
            let stamp = time.dropLast() + "." + fraction + "Z"
            return "\(stamp) \(level.rawValue.uppercased()) \(message)\(rest)"
        case .json:
            var members = [
                JSONValue.Member(name: "time", value: .string(time.dropLast() + "." + fraction + "Z")),
                JSONValue.Member(name: "level", value: .string(level.rawValue)),
                JSONValue.Member(name: "message", value: .string(message)),
            ]
            members += pairs.map { JSONValue.Member(name: $0.0, value: .string($0.1)) }
            return JSONValue.object(members).text
        }
    }

    private static func quoted(_ value: String) -> String {
        let isPlain =
            !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
        return isPlain ? value : JSONValue.string(value).text
    }

    /// syslog's.
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    /// Journal, if device and inode of `$JOURNAL_STREAM` are those of standard error.
    static func style(_ format: LogFormat, environment: [String: String], isTerminal: Bool) -> Style {
        switch format {
        case .text: return .text
        case .json: return .json
        case .journal: return .journal
        case .auto:
            var status = stat()
            if let stream = environment["JOURNAL_STREAM"], fstat(STDERR_FILENO, &status) == 0,
                stream == "\(status.st_dev):\(status.st_ino)"
            {
                return .journal
            }
            return isTerminal ? .text : .json
        }
    }
}

/// How many lines were written by level, and how many could not be.
final class LogCounts: Sendable {
    private struct Counts {
        var byLevel: [Logger.Level: Int] = [:]
        var dropped = 0
    }

    private let counts = Mutex(Counts())

    func count(_ level: Logger.Level, wasWritten: Bool) {
        self.counts.withLock { counts in
            counts.byLevel[level, default: 0] += 1
            if !wasWritten { counts.dropped += 1 }
        }
    }

    var families: [MetricFamily] {
        let counts = self.counts.withLock { $0 }
        var messages = MetricFamily("nostr_ingest_log_messages_total", .counter, "Log lines by level.")
        for level in Logger.Level.allCases {
            messages.add(["level": level.rawValue], .count(counts.byLevel[level] ?? 0))
        }
        var dropped = MetricFamily("nostr_ingest_log_dropped_total", .counter, "Log lines that could not be written.")
        dropped.add([:], .count(counts.dropped))
        return [messages, dropped]
    }
}
