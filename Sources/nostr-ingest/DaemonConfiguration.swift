import Ingest
import Logging
import Nostr
import NostrCache
import Providers
import Serving

/// Every setting of the program, validated and immutable. Its initial value is the built-in profile `clawstr`, which
/// `config/nostr-ingest.yaml` spells out; a test holds the two equal.
struct DaemonConfiguration: Hashable, Sendable {
    var ingest = IngestConfiguration.clawstr
    /// Under which URLs communities live.
    var communityBases = ["https://clawstr.com", "https://openagents.com"] {
        didSet { self.ingest.communityBases = CommunityBases(self.communityBases) }
    }
    var database = Database()
    var health = Health()
    var providers = ProviderSettings()
    var log = Log()

    struct Database: Hashable, Sendable {
        /// A connection string; empty: libpq's environment, and without that the embedded cluster.
        var url = ""
        /// From a credential or the environment, never from a file that others may read.
        var password: Redacted<String>?
        /// The only schema of the search path; empty: the role's own.
        var schema = ""
        /// Where the embedded cluster lives; empty: chosen by ``StateDirectory``.
        var stateDirectory = ""
    }

    struct Health: Hashable, Sendable {
        /// Nil: no listener.
        var listen: ListenAddress? = ListenAddress(host: "127.0.0.1", port: 9464)
        /// Connected relays that make the service ready.
        var relaysMin = 1
        /// After the start, and after the last relay was lost, nobody is alarmed for so long.
        var grace: Duration = .seconds(60)
        /// A primary's cursor that is further behind is a warning.
        var lagMax: Duration = .seconds(15 * 60)
    }

    struct Log: Hashable, Sendable {
        var level = Logger.Level.info
        var format = LogFormat.auto
    }
}

extension IngestConfiguration {
    /// The built-in profile (cache design section 13). All of it is data; nothing of it is special in code.
    static let clawstr: IngestConfiguration = {
        func relay(_ url: String, isFallback: Bool) -> Relay {
            guard let parsed = RelayURL(url) else { preconditionFailure("A built-in relay is no URL: \(url)") }
            return Relay(url: parsed, role: isFallback ? .fallback : .primary)
        }
        func stream(_ name: String, _ kind: Kind, _ tag: Unicode.Scalar, _ value: String) -> Stream {
            var filter = Filter(kinds: [kind])
            filter.tags = [Filter.TagCondition(name: UInt8(ascii: tag), values: [value])]
            return Stream(name: name, filter: filter)
        }
        var configuration = IngestConfiguration()
        let primary = ["wss://relay.ditto.pub", "wss://relay.primal.net", "wss://relay.damus.io", "wss://nos.lol"]
        let fallback = ["wss://nostr.mom", "wss://offchain.pub", "wss://relay.snort.social"]
        configuration.relays =
            primary.map { relay($0, isFallback: false) } + fallback.map { relay($0, isFallback: true) }
        configuration.streams = [
            stream("posts-root-web", .comment, "K", "web"),
            stream("posts-parent-web", .comment, "k", "web"),
            stream("votes-on-comments", .reaction, "k", "1111"),
            stream("deletions-of-comments", .deletionRequest, "k", "1111"),
        ]
        return configuration
    }()
}
