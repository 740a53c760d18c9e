package import Logging
package import NostrCache
package import Postgres
import RelayClient

/// The connection that the loops read the ledger through, opened when it is needed and again when it broke.
///
/// Everything in memory about coverage is a copy: after a reconnect it is read again from here.
package actor CacheDatabase {
    private let configuration: PostgresConfiguration
    private let logger: Logger
    private var connection: PostgresConnection?

    package init(configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    package func read<Result: Sendable>(
        _ body: @Sendable (CacheReader) async throws -> Result
    ) async throws -> Result {
        try await body(CacheReader(connection: try await self.open()))
    }

    /// The followers of a relay, each with what the ledger says now; relay and streams are entered if they are new.
    package func followers(
        of relay: IngestConfiguration.Relay, streams: [IngestConfiguration.Stream],
        memory: FollowerMemory = FollowerMemory(),
        policy: FollowPolicy
    ) async throws -> (RelayID, [StreamFollower]) {
        try await self.read { reader in
            guard let id = try await reader.register([relay.url: relay.role])[relay.url] else {
                preconditionFailure("What was entered has a number")
            }
            var followers: [StreamFollower] = []
            for stream in streams {
                let (_, streamID) = try await reader.identify(relay, stream)
                followers.append(
                    StreamFollower(
                        stream: streamID, name: stream.name, filter: stream.filter,
                        covered: try await reader.coverage(of: id, stream: streamID),
                        width: memory.widths[stream.name],
                        nextDeepLook: memory.deepLooks[stream.name], policy: policy))
            }
            return (id, followers)
        }
    }

    private func open() async throws -> PostgresConnection {
        if let connection = self.connection, await connection.isUsable { return connection }
        let connection = try await PostgresConnection.open(self.configuration, logger: self.logger)
        // Another call may have been faster while this one waited.
        if let other = self.connection, await other.isUsable {
            await connection.close()
            return other
        }
        self.connection = connection
        return connection
    }

    package func close() async {
        await self.connection?.close()
        self.connection = nil
    }
}

extension CacheReader {
    /// The numbers of a relay and a stream, which are entered if they are new.
    func identify(
        _ relay: IngestConfiguration.Relay, _ stream: IngestConfiguration.Stream
    ) async throws -> (RelayID, StreamID) {
        guard let relayID = try await self.register([relay.url: relay.role])[relay.url],
            let streamID = try await self.activate([stream.name: stream.filter])[stream.name]
        else { preconditionFailure("What was entered has a number") }
        return (relayID, streamID)
    }
}

/// What the followers of one connection leave to those of the next.
package struct FollowerMemory: Sendable {
    /// Seconds of the first window, by stream.
    var widths: [String: Int64] = [:]
    /// When recent days are due to be looked at again, by stream.
    var deepLooks: [String: ContinuousClock.Instant] = [:]
    /// What the relay says of itself (NIP-11), and until when it is believed.
    var information: (RelayInformation, until: ContinuousClock.Instant)?

    package init() {}

    mutating func note(_ follower: StreamFollower) {
        self.widths[follower.name] = follower.widthAfterDisconnect
        self.deepLooks[follower.name] = follower.nextDeepLook
    }
}
