package import Nostr
package import NostrCache
import RelayClient

/// Every setting of the ingest, validated and immutable. Where the values come from is the executable's business.
package struct IngestConfiguration: Hashable, Sendable {
    package struct Relay: Hashable, Sendable {
        package var url: RelayURL
        package var role: RelayRole
        /// The operator allows private and loopback addresses for this relay, by name.
        package var allowPrivateAddresses = false

        package init(url: RelayURL, role: RelayRole, allowPrivateAddresses: Bool = false) {
            self.url = url
            self.role = role
            self.allowPrivateAddresses = allowPrivateAddresses
        }
    }

    package struct Stream: Hashable, Sendable {
        package var name: String
        /// Without `since`, `until` and `limit`.
        package var filter: Filter

        package init(name: String, filter: Filter) {
            self.name = name
            self.filter = filter
        }
    }

    package struct Limits: Hashable, Sendable {
        package var event = EventLimits()
        /// Events that wait for the writer: what arrives while it writes a full transaction, and half as many again. More
        /// would only hold memory, about 2 KB an event.
        package var queueEventsMax = 6_000
        package var queueBytesMax = 16 * 1024 * 1024
        package var committedIDs = CommittedEvents.capacityDefault
        package var publicKeys = PublicKeyCache.capacityDefault
        /// Rows of one transaction. Only stored events come in such numbers, and a row costs PostgreSQL a tenth less than it
        /// does in transactions of a thousand (`docs/performance.md`).
        package var batchEventsMax = 4_000
        package var batchBytesMax = 16 * 1024 * 1024
        /// Requests open at once on one connection, unless the relay announces fewer.
        package var subscriptionsPerRelay = 10
        package var requestDeadline: Duration = .seconds(30)
        /// Of the last thousand events of a relay that may be invalid before it gets a break.
        package var invalidPercentMax = 10
        package var invalidBreak: Duration = .seconds(900)

        package init() {}
    }

    package var relays: [Relay] = []
    package var streams: [Stream] = []
    package var communityBases = CommunityBases.standard
    /// Signers of zap receipts that the operator vouches for: they bind `p` to whom they pay.
    package var trustedProviders: [PublicKey] = []
    /// Whether it is kept which further relays showed an event.
    package var recordsSightings = true
    /// Whether an event that a repost or an approval holds is stored as well.
    package var takesEmbeds = false
    /// Off for the benchmark alone: no key of the configuration file.
    package var derivesCompanions = true
    package var follow = FollowPolicy()
    package var fallback = FallbackPolicy()
    package var limits = Limits()
    package var connection = ConnectionSettings()
    package var reconnectFirst: Duration = .seconds(1)
    package var reconnectLimit: Duration = .seconds(300)
    /// A connection that lived this long ends the series of failures.
    package var stableAfter: Duration = .seconds(60)

    package init() {}

    /// What the cache derives from events besides what they say themselves.
    package var rules: CacheRules {
        var rules = CacheRules(communityBases: self.communityBases)
        rules.trustedProviders = self.trustedProviders
        rules.recordsSightings = self.recordsSightings
        rules.derivesCompanions = self.derivesCompanions
        return rules
    }

    /// The few limits of a connection that an operator sets; the others are constants of the protocol.
    package struct ConnectionSettings: Hashable, Sendable {
        package var connectLimit: Duration = .seconds(10)
        package var pingInterval: Duration = .seconds(30)
        package var silenceLimit: Duration = .seconds(60)
        package var messageBytesMax = 1024 * 1024 + 64 * 1024
        /// PEM file with certificates to trust besides the system's.
        package var certificateAuthorityFile: String?

        package init() {}

        /// The trust roots of the file; nil for the machine's own. Read once, and shared by all connections.
        func tls() throws(RelayConnectionError) -> RelayTLS? {
            guard let file = self.certificateAuthorityFile else { return nil }
            return try RelayTLS(caFile: file)
        }

        /// How a relay is connected to.
        func options(for relay: Relay, tls: RelayTLS?) -> RelayConnectionOptions {
            var options = RelayConnectionOptions()
            options.allowPrivateAddresses = relay.allowPrivateAddresses
            options.tls = tls
            options.connectLimit = self.connectLimit
            options.pingInterval = self.pingInterval
            options.silenceLimit = self.silenceLimit
            options.messageBytesMax = self.messageBytesMax
            options.tickInterval = Self.tick
            return options
        }

        /// Deadlines and looks are as exact as this.
        private static let tick: Duration = .seconds(1)
    }
}
