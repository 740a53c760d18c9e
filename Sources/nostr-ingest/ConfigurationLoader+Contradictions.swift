import Ingest
import Nostr
import NostrCache
import Providers
import Serving

extension ConfigurationLoader {
    /// Values that are each fine and together are not.
    static func contradictions(_ loaded: LoadedConfiguration, _ file: ConfigurationFile?) -> [ConfigurationProblem] {
        let ingest = loaded.configuration.ingest
        let follow = ingest.follow
        var problems: [ConfigurationProblem] = []

        func refuse(_ key: String, _ reason: String) {
            // Where the key was given; a default can only contradict something that was.
            let place = loaded.sources[key] ?? loaded.file ?? "defaults"
            let line = file.flatMap { place.hasPrefix($0.name) ? $0.scalars[key]?.line ?? $0.lines[key] : nil } ?? 0
            let name = line > 0 ? file?.name ?? place : place
            problems.append(ConfigurationProblem(place: name, line: line, key: key, reason: reason))
        }
        func ascending<Value: Comparable>(_ low: (String, Value), _ high: (String, Value)) {
            if low.1 > high.1 { refuse(low.0, "must not exceed \(high.0)") }
        }

        ascending(("follow.windowMin", follow.windowSecondsMin), ("follow.windowFirst", follow.windowSecondsFirst))
        ascending(("follow.windowFirst", follow.windowSecondsFirst), ("follow.windowMax", follow.windowSecondsMax))
        ascending(("follow.overlapShort", follow.overlapShort), ("follow.overlapDeep", follow.overlapDeep))
        ascending(("follow.retryFirst", follow.retryFirst), ("follow.retryLimit", follow.retryLimit))
        ascending(
            ("connection.reconnectFirst", ingest.reconnectFirst), ("connection.reconnectLimit", ingest.reconnectLimit))
        ascending(
            ("connection.pingInterval", ingest.connection.pingInterval),
            ("connection.silenceLimit", ingest.connection.silenceLimit))
        let providers = loaded.configuration.providers
        ascending(("providers.retryFirst", providers.retryFirst), ("providers.retryLimit", providers.retryLimit))
        ascending(
            ("providers.refreshEvery", providers.refreshEvery), ("providers.verdictLimit", providers.verdictLimit))
        ascending(
            ("limits.batchEventsMax", ingest.limits.batchEventsMax),
            ("limits.queueEventsMax", ingest.limits.queueEventsMax))
        ascending(
            ("limits.eventBytesMax", ingest.limits.event.eventBytesMax),
            ("connection.messageBytesMax", ingest.connection.messageBytesMax))

        // Lists that were misread say so themselves.
        let listsAreRead = file.map { file in !file.problems.contains { $0.key.hasPrefix("relays") } } ?? true
        if !ingest.relays.contains(where: { $0.role == .primary }), listsAreRead {
            refuse("relays.primary", "at least one primary relay is needed")
        }
        if ingest.relays.count > ConfigurationFile.relaysMax {
            refuse("relays.primary", "\(ingest.relays.count) relays; at most \(ConfigurationFile.relaysMax)")
        }
        var seen: Set<RelayURL> = []
        for relay in ingest.relays where !seen.insert(relay.url).inserted {
            // The file's own duplicates are named with their line already.
            guard listsAreRead else { continue }
            refuse(relay.role == .primary ? "relays.primary" : "relays.fallback", "\(relay.url) is given twice")
        }
        return problems
    }
}
