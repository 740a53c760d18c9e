import Foundation
import Glibc
package import Logging
import Nostr
import Synchronization

/// Log lines on standard error: text for people, JSON for collectors, or text with the journal's priority prefix.
package struct LogOutput: LogHandler {
    /// The style that `auto` stands for is chosen before.
    package enum Style: Sendable {
        case text, json, journal
    }

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let style: Style
    private let counts: LogCounts

    package init(label: String, level: Logger.Level, style: Style, counts: LogCounts) {
        self.label = label
        self.logLevel = level
        self.style = style
        self.counts = counts
    }

    /// The log of a program, in the style that its environment asks for.
    package static func logger(
        label: String, level: Logger.Level, format: LogFormat, environment: [String: String], counts: LogCounts
    ) -> Logger {
        let style = Self.style(format, environment: environment, isTerminal: Terminal.errorIsTerminal)
        return Logger(label: label) { LogOutput(label: $0, level: level, style: style, counts: counts) }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = self.metadata
        if let provided = self.metadataProvider?.get() { all.merge(provided) { $1 } }
        if let given = event.metadata { all.merge(given) { $1 } }
        let pairs = all.sorted { $0.key < $1.key }.map { ($0.key, Terminal.harmless($0.value.description)) }
        let line = Self.line(
            self.style, level: event.level, message: event.message.description, pairs: pairs, at: Self.now())
        self.counts.count(event.level, wasWritten: Terminal.write(line + "\n", to: STDERR_FILENO))
    }

    package static func line(
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

    /// Journal, if the inode of `$JOURNAL_STREAM` is that of standard error.
    package static func style(_ format: LogFormat, environment: [String: String], isTerminal: Bool) -> Style {
        switch format {
        case .text: return .text
        case .json: return .json
        case .journal: return .journal
        case .auto:
            // The stream is a socket, and all sockets are of one device: the inode alone tells them apart.
            if let stream = environment["JOURNAL_STREAM"], let inode = stream.split(separator: ":").last,
                let output = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/2"),
                output == "socket:[\(inode)]"
            {
                return .journal
            }
            return isTerminal ? .text : .json
        }
    }
}

/// How many lines were written by level, and how many could not be.
package final class LogCounts: Sendable {
    private struct Counts {
        var byLevel: [Logger.Level: Int] = [:]
        var dropped = 0
    }

    private let counts = Mutex(Counts())

    package init() {}

    package func count(_ level: Logger.Level, wasWritten: Bool) {
        self.counts.withLock { counts in
            counts.byLevel[level, default: 0] += 1
            if !wasWritten { counts.dropped += 1 }
        }
    }

    package func families(prefix: String) -> [MetricFamily] {
        let counts = self.counts.withLock { $0 }
        var messages = MetricFamily(prefix + "log_messages_total", .counter, "Log lines by level.")
        for level in Logger.Level.allCases {
            messages.add(["level": level.rawValue], .count(counts.byLevel[level] ?? 0))
        }
        var dropped = MetricFamily(prefix + "log_dropped_total", .counter, "Log lines that could not be written.")
        dropped.add([:], .count(counts.dropped))
        return [messages, dropped]
    }
}
