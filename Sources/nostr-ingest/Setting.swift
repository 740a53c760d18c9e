import Ingest
import Logging
import Nostr
import Providers
import QueryAPI

/// One key of the configuration with a single value: its name, its type, its range, and where it goes.
struct Setting: Sendable {
    /// Why a text is no value of a setting.
    struct Refusal: Error, Equatable {
        let reason: String
    }

    /// Dotted, as in the file.
    let key: String
    let isSecret: Bool
    /// Numbers, durations and sizes are written without quotes.
    let isQuotable: Bool
    let apply: @Sendable (String, inout DaemonConfiguration) throws(Refusal) -> Void
    /// The value as the file would say it.
    let show: @Sendable (DaemonConfiguration) -> String

    private typealias Target<Value> = WritableKeyPath<DaemonConfiguration, Value> & Sendable

    private static func value<Value>(
        _ key: String, _ path: any Target<Value>, isQuotable: Bool, show: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (String) throws(Refusal) -> Value
    ) -> Setting {
        Setting(key: key, isSecret: false, isQuotable: isQuotable) { (text, configuration) throws(Refusal) in
            configuration[keyPath: path] = try read(text)
        } show: {
            show($0[keyPath: path])
        }
    }

    private static func integer(_ key: String, _ range: ClosedRange<Int>, _ path: any Target<Int>) -> Setting {
        self.value(key, path, isQuotable: false, show: { String($0) }) { text throws(Refusal) in
            guard let number = Self.digits(text) else { throw Refusal(reason: "expected an integer, found '\(text)'") }
            guard range.contains(number) else {
                throw Refusal(reason: "\(number) is out of range: \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    private static func size(_ key: String, _ range: ClosedRange<Int>, _ path: any Target<Int>) -> Setting {
        self.value(key, path, isQuotable: false, show: { ByteSize.text($0) }) { text throws(Refusal) in
            guard let bytes = ByteSize.bytes(text) else {
                throw Refusal(reason: "expected a size such as 64KiB or 16MiB, found '\(text)'")
            }
            guard range.contains(bytes) else {
                throw Refusal(
                    reason:
                        "\(text) is out of range: \(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound))"
                )
            }
            return bytes
        }
    }

    private static func duration(_ key: String, _ range: ClosedRange<Duration>, _ path: any Target<Duration>) -> Setting
    {
        self.value(key, path, isQuotable: false, show: { DurationText.text($0) }) { text throws(Refusal) in
            try Self.duration(text, range)
        }
    }

    /// A duration that the policies keep in whole seconds.
    private static func seconds(_ key: String, _ range: ClosedRange<Duration>, _ path: any Target<Int64>) -> Setting {
        self.value(key, path, isQuotable: false, show: { DurationText.text(.seconds($0)) }) { text throws(Refusal) in
            let duration = try Self.duration(text, range)
            guard duration.components.attoseconds == 0 else {
                throw Refusal(reason: "expected whole seconds, found '\(text)'")
            }
            return duration.components.seconds
        }
    }

    private static func duration(_ text: String, _ range: ClosedRange<Duration>) throws(Refusal) -> Duration {
        guard let duration = DurationText.duration(text) else {
            throw Refusal(
                reason: "expected a duration with its unit, such as 500ms, 30s, 15m, 6h or 30d, found '\(text)'")
        }
        guard range.contains(duration) else {
            throw Refusal(
                reason:
                    "\(text) is out of range: \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))"
            )
        }
        return duration
    }

    private static func flag(_ key: String, _ path: any Target<Bool>) -> Setting {
        self.value(key, path, isQuotable: false, show: { String($0) }) { text throws(Refusal) in
            guard let value = Bool(text) else { throw Refusal(reason: "expected true or false, found '\(text)'") }
            return value
        }
    }

    private static func choice<Value: RawRepresentable & CaseIterable & SendableMetatype>(
        _ key: String, _ path: any Target<Value>
    ) -> Setting where Value.RawValue == String, Value.AllCases: SendableMetatype {
        self.value(key, path, isQuotable: true, show: { $0.rawValue }) { text throws(Refusal) in
            if let value = Value(rawValue: text) { return value }
            let known = Value.allCases.map(\.rawValue)
            throw Refusal(reason: "expected one of \(known.joined(separator: ", ")), found '\(text)'")
        }
    }

    static func digits(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        return Int(text)
    }
}

// MARK: - All of them

extension Setting {
    /// In the order of the file.
    static let all: [Setting] = [
        Setting(key: "database.url", isSecret: true, isQuotable: true) { (text, configuration) throws(Refusal) in
            configuration.database.url = text
        } show: {
            $0.database.url.isEmpty ? "" : ConnectionString.redacted($0.database.url)
        },
        Setting(key: "database.schema", isSecret: false, isQuotable: true) { (text, configuration) throws(Refusal) in
            guard text.utf8.count <= 63, !text.utf8.contains(0) else {
                throw Refusal(reason: "a schema's name has at most 63 bytes")
            }
            configuration.database.schema = text
        } show: {
            $0.database.schema
        },
        Setting(key: "database.stateDirectory", isSecret: false, isQuotable: true) {
            (text, configuration) throws(Refusal) in
            guard text.isEmpty || text.hasPrefix("/") else {
                throw Refusal(reason: "expected an absolute path, found '\(text)'")
            }
            configuration.database.stateDirectory = text
        } show: {
            $0.database.stateDirectory
        },
        Setting(key: "health.listen", isSecret: false, isQuotable: true) { (text, configuration) throws(Refusal) in
            guard text != "off" else { return configuration.health.listen = nil }
            guard let address = ListenAddress(text) else {
                throw Refusal(
                    reason: "expected host:port, such as 127.0.0.1:9464 or [::1]:9464, or off; found '\(text)'")
            }
            configuration.health.listen = address
        } show: {
            $0.health.listen?.description ?? "off"
        },
        .integer("health.relaysMin", 0...64, \.health.relaysMin),
        .duration("health.grace", .zero ... .hours(24), \.health.grace),
        .duration("health.lagMax", .seconds(10) ... .hours(24 * 30), \.health.lagMax),
        .size("limits.eventBytesMax", 1_024...(16 << 20), \.ingest.limits.event.eventBytesMax),
        .integer("limits.tagsMax", 1...1_000_000, \.ingest.limits.event.tagsMax),
        .seconds("limits.futureMax", .zero ... .hours(24 * 365), \.ingest.limits.event.futureSecondsMax),
        .integer("limits.queueEventsMax", 100...10_000_000, \.ingest.limits.queueEventsMax),
        .size("limits.queueBytesMax", (1 << 20)...(16 << 30), \.ingest.limits.queueBytesMax),
        .integer("limits.committedIds", 4...100_000_000, \.ingest.limits.committedIDs),
        .integer("limits.publicKeys", 4...10_000_000, \.ingest.limits.publicKeys),
        .integer("limits.batchEventsMax", 1...100_000, \.ingest.limits.batchEventsMax),
        .size("limits.batchBytesMax", 65_536...(256 << 20), \.ingest.limits.batchBytesMax),
        .integer("limits.subscriptionsPerRelay", 2...1_000, \.ingest.limits.subscriptionsPerRelay),
        .duration("limits.requestDeadline", .seconds(1) ... .seconds(3_600), \.ingest.limits.requestDeadline),
        .integer("limits.invalidPercentMax", 1...100, \.ingest.limits.invalidPercentMax),
        .duration("limits.invalidBreak", .seconds(1) ... .hours(24), \.ingest.limits.invalidBreak),
        .seconds("follow.lookback", .zero ... .hours(24 * 36_500), \.ingest.follow.lookbackSeconds),
        .integer("follow.pageLimit", 1...100_000, \.ingest.follow.pageLimit),
        .integer("follow.fetchesMax", 1...64, \.ingest.follow.fetchesMax),
        .seconds("follow.windowFirst", .seconds(1) ... .hours(24 * 36_500), \.ingest.follow.windowSecondsFirst),
        .seconds("follow.windowMin", .seconds(1) ... .hours(24 * 36_500), \.ingest.follow.windowSecondsMin),
        .seconds("follow.windowMax", .seconds(1) ... .hours(24 * 36_500), \.ingest.follow.windowSecondsMax),
        .integer("follow.windowPagesMax", 1...10_000, \.ingest.follow.windowPagesMax),
        .seconds("follow.overlapShort", .zero ... .hours(24 * 365), \.ingest.follow.overlapShort),
        .seconds("follow.overlapDeep", .zero ... .hours(24 * 365), \.ingest.follow.overlapDeep),
        .duration("follow.lookEvery", .seconds(1) ... .hours(24 * 30), \.ingest.follow.lookEvery),
        .duration("follow.lookDeepEvery", .seconds(1) ... .hours(24 * 365), \.ingest.follow.lookDeepEvery),
        .seconds("follow.grace", .zero ... .hours(1), \.ingest.follow.graceSeconds),
        .seconds("follow.liveStep", .seconds(1) ... .hours(1), \.ingest.follow.liveStepSeconds),
        .duration("follow.retryFirst", .milliseconds(10) ... .hours(1), \.ingest.follow.retryFirst),
        .duration("follow.retryLimit", .milliseconds(10) ... .hours(24), \.ingest.follow.retryLimit),
        .integer("follow.timeoutsMax", 1...1_000, \.ingest.follow.timeoutsMax),
        .duration("follow.refusedFor", .seconds(1) ... .hours(24 * 30), \.ingest.follow.refusedFor),
        .duration("fallback.takeOverAfter", .zero ... .hours(24), \.ingest.fallback.takeOverAfter),
        .duration("fallback.handBackAfter", .zero ... .hours(24), \.ingest.fallback.handBackAfter),
        .duration("connection.connectLimit", .milliseconds(100) ... .seconds(600), \.ingest.connection.connectLimit),
        .duration("connection.pingInterval", .milliseconds(100) ... .hours(1), \.ingest.connection.pingInterval),
        .duration("connection.silenceLimit", .milliseconds(200) ... .hours(2), \.ingest.connection.silenceLimit),
        .size("connection.messageBytesMax", 4_096...(64 << 20), \.ingest.connection.messageBytesMax),
        Setting(key: "connection.certificateAuthorityFile", isSecret: false, isQuotable: true) {
            (text, configuration) throws(Refusal) in
            guard text.isEmpty || text.hasPrefix("/") else {
                throw Refusal(reason: "expected an absolute path, found '\(text)'")
            }
            configuration.ingest.connection.certificateAuthorityFile = text.isEmpty ? nil : text
        } show: {
            $0.ingest.connection.certificateAuthorityFile ?? ""
        },
        .duration("connection.reconnectFirst", .milliseconds(10) ... .hours(1), \.ingest.reconnectFirst),
        .duration("connection.reconnectLimit", .milliseconds(10) ... .hours(24), \.ingest.reconnectLimit),
        .duration("connection.stableAfter", .zero ... .hours(24), \.ingest.stableAfter),
        .flag("providers.zaps", \.providers.confirmsZaps),
        .flag("providers.nip05", \.providers.checksIdentifiers),
        .duration("providers.requestLimit", .milliseconds(100) ... .seconds(600), \.providers.requestLimit),
        .size("providers.answerBytesMax", 1_024...(16 << 20), \.providers.answerBytesMax),
        .integer("providers.requestsPerMinute", 1...10_000, \.providers.requestsPerMinute),
        .integer("providers.hostsMax", 1...64, \.providers.hostsMax),
        .duration("providers.refreshEvery", .seconds(60) ... .hours(24 * 365), \.providers.refreshEvery),
        .duration("providers.verdictLimit", .seconds(60) ... .hours(24 * 365), \.providers.verdictLimit),
        .duration("providers.retryFirst", .seconds(1) ... .hours(24 * 30), \.providers.retryFirst),
        .duration("providers.retryLimit", .seconds(1) ... .hours(24 * 365), \.providers.retryLimit),
        .choice("log.level", \.log.level),
        .choice("log.format", \.log.format),
    ]
}
