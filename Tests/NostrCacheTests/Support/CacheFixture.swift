import Logging
import Nostr
import Postgres
import TestSupport

@testable import NostrCache

/// A migrated database with a writer and a reader, each on a connection of its own.
struct CacheFixture: Sendable {
    let configuration: PostgresConfiguration
    /// The writer's connection.
    let connection: PostgresConnection
    /// For looking at the tables from outside.
    let observer: PostgresConnection
    let reader: CacheReader
    let relay: RelayID
    let stream: StreamID

    static func with(_ body: (CacheFixture) async throws -> Void) async throws {
        try await TestDatabase.withDatabase { configuration in
            let observer = try await PostgresConnection.open(configuration, logger: .silent)
            try await Self.migrate(observer)
            let reader = CacheReader(connection: observer)
            guard let url = RelayURL("wss://relay.example"),
                let relay = try await reader.register([url: .primary])[url],
                let stream = try await reader.activate(["posts": Filter(kinds: [.comment])])["posts"]
            else { preconditionFailure("A relay and a stream are registered") }
            let fixture = CacheFixture(
                configuration: configuration, connection: try await Self.writerConnection(configuration),
                observer: observer, reader: reader, relay: relay, stream: stream)
            try await body(fixture)
            await fixture.connection.close()
            await observer.close()
        }
    }

    static func migrate(_ connection: PostgresConnection, to version: Int32? = nil) async throws {
        let migrator = Migrator(
            line: NostrSchema.line, migrations: NostrSchema.migrations, toolVersion: "test", logger: .silent)
        _ = try await migrator.up(on: connection, to: version)
    }

    static func writerConnection(_ configuration: PostgresConfiguration) async throws -> PostgresConnection {
        let connection = try await PostgresConnection.open(configuration, logger: .silent)
        try await connection.run { session in
            for (name, value) in CacheWriter.sessionSettings {
                _ = try session.execute("SELECT set_config($1, $2, false)", [.text(name), .text(value)])
            }
        }
        return connection
    }

    func writer(rules: CacheRules = CacheRules(), _ change: (inout CacheWriterLimits) -> Void = { _ in }) -> CacheWriter
    {
        var limits = CacheWriterLimits()
        change(&limits)
        return CacheWriter(connection: self.connection, rules: rules, limits: limits)
    }

    /// Writes events, all seen at the same moment.
    @discardableResult
    func write(_ events: [VerifiedEvent]) async throws -> [WriteOutcome] {
        try await self.writer().write(self.items(events)).outcomes
    }

    func items(_ events: [VerifiedEvent]) -> [CacheItem] {
        events.map { .event($0, relay: self.relay, seenAt: 1_700_000_000_000_000) }
    }

    func advance(_ span: Range<Int64>, _ proof: CoverageProof = .exhausted) -> CacheItem {
        .coverage(CoverageAdvance(relay: self.relay, stream: self.stream, span: span.timestamps, proof: proof))
    }

    func hole(_ span: Range<Int64>, _ reason: HoleReason = .denseSecond) -> CacheItem {
        .hole(CoverageHole(relay: self.relay, stream: self.stream, span: span.timestamps, reason: reason))
    }

    func quarantine(_ event: VerifiedEvent, bytes: Int, _ reason: EventRejection = .future) -> CacheItem {
        .quarantine(
            QuarantinedEvent(
                event: event, raw: [UInt8](repeating: 0x20, count: bytes), reason: reason, relay: self.relay))
    }

    // MARK: - Looking

    /// The first column of every row, as text.
    func column(_ sql: String) async throws -> [String] {
        try await self.observer.run { session in
            try session.execute(sql).map { $0[0].text ?? "NULL" }
        }
    }

    func script(_ sql: String) async throws {
        try await self.observer.run { try $0.executeScript(sql) }
    }

    /// Everything that must be the same whatever the order of arrival: all tables, but for numbers and wall-clock
    /// times.
    func tables() async throws -> [String] {
        try await self.column(TableDump.lines(of: TableDump.tables) + " ORDER BY 1")
    }

    /// Empties every table of the cache but those of relays and streams.
    func clear() async throws {
        try await self.script(TableDump.clear)
    }

    var storedIDs: Set<String> {
        get async throws { Set(try await self.column("SELECT encode(event_id, 'hex') FROM nostr_events")) }
    }
}

extension Range<Int64> {
    var timestamps: Range<Timestamp> { Timestamp(self.lowerBound)..<Timestamp(self.upperBound) }
}
