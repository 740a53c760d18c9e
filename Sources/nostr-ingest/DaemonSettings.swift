import Ingest
import Nostr
import Providers
import Serving

/// Every key of the configuration that has a single value.
enum DaemonSettings {
    /// In the order of the file.
    static let all: [Setting<DaemonConfiguration>] = [
        .connectionString("database.url", \.database.url),
        .schemaName("database.schema", \.database.schema),
        .absolutePath("database.stateDirectory", \.database.stateDirectory),
        .listenAddress("health.listen", \.health.listen),
        .integer("health.relaysMin", 0...64, \.health.relaysMin),
        .duration("health.grace", .zero ... .hours(24), \.health.grace),
        .duration("health.lagMax", .seconds(10) ... .hours(24 * 30), \.health.lagMax),
        .flag("cache.sightings", \.ingest.recordsSightings),
        .flag("cache.embeds", \.ingest.takesEmbeds),
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
        .absolutePath("connection.certificateAuthorityFile", \.certificateAuthorityFile),
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

extension DaemonConfiguration {
    /// Empty: the system's authorities alone.
    fileprivate var certificateAuthorityFile: String {
        get { self.ingest.connection.certificateAuthorityFile ?? "" }
        set { self.ingest.connection.certificateAuthorityFile = newValue.isEmpty ? nil : newValue }
    }
}
