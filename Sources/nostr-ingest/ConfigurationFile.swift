import Ingest
import Nostr
import NostrCache
import RelayClient
import Serving
import Yams

/// The daemon's configuration file: the tree, and what its lists say.
struct ConfigurationFile {
    private var tree: ConfigurationTree
    /// Nil where the file does not say.
    private(set) var relays: [String: [IngestConfiguration.Relay]] = [:]
    private(set) var streams: [IngestConfiguration.Stream]?
    private(set) var communityBases: [String]?
    private(set) var trustedKeys: [PublicKey]?

    /// Keys whose values are lists.
    static let listKeys = [
        "relays.primary", "relays.fallback", "streams", "communities.bases", "providers.trustedKeys",
    ]
    static let keys = ConfigurationTree.Keys(
        scalars: DaemonSettings.all.map(\.key), lists: Self.listKeys, secrets: ["database.password"])
    static let relaysMax = 64
    static let streamsMax = 32

    init(name: String, text: String) {
        self.init(ConfigurationTree(name: name, text: text, keys: Self.keys))
    }

    init(_ tree: ConfigurationTree) {
        self.tree = tree
        for key in Self.listKeys {
            guard let sequence = tree.lists[key] else { continue }
            self.readList(sequence, key, tree.lines[key] ?? 0)
        }
        self.findDuplicateRelays()
    }

    var name: String { self.tree.name }
    var scalars: [String: ConfigurationTree.Scalar] { self.tree.scalars }
    var problems: [ConfigurationProblem] { self.tree.problems }
    var lines: [String: Int] { self.tree.lines }

    private mutating func refuse(_ key: String, _ line: Int, _ reason: String) {
        self.tree.refuse(key, line, reason)
    }

    private mutating func readList(_ sequence: Node.Sequence, _ key: String, _ line: Int) {
        switch key {
        case "streams": self.readStreams(sequence, line)
        case "communities.bases":
            self.communityBases = sequence.compactMap { self.base($0) }
        case "providers.trustedKeys":
            self.trustedKeys = sequence.compactMap { self.key($0) }
        default:
            self.relays[key] = sequence.compactMap { self.relay($0, key) }
        }
    }

    // MARK: Relays

    private mutating func relay(_ node: Node, _ key: String) -> IngestConfiguration.Relay? {
        let line = ConfigurationTree.line(node)
        var isPrivateAllowed = false
        var address = node.scalar?.string
        if case .mapping(let mapping) = node {
            for (keyNode, value) in mapping {
                switch keyNode.string ?? "" {
                case "url": address = value.scalar?.string
                case "allowPrivate":
                    switch value.scalar?.string {
                    case "true": isPrivateAllowed = true
                    case "false": isPrivateAllowed = false
                    default: self.refuse(key, ConfigurationTree.line(value), "allowPrivate is true or false")
                    }
                case let other:
                    self.refuse(
                        key, ConfigurationTree.line(keyNode),
                        "unknown key \(other) of a relay; it has url and allowPrivate")
                }
            }
        }
        guard let address else {
            self.refuse(key, line, "expected a relay's URL, or its url and allowPrivate")
            return nil
        }
        do throws(SettingRefusal) {
            return try RelayText.relay(address, isFallback: key == "relays.fallback", allowPrivate: isPrivateAllowed)
        } catch {
            self.refuse(key, line, error.reason)
            return nil
        }
    }

    private mutating func findDuplicateRelays() {
        var seen: Set<RelayURL> = []
        for key in ["relays.primary", "relays.fallback"] {
            for relay in self.relays[key] ?? [] where !seen.insert(relay.url).inserted {
                self.refuse(key, self.lines[key] ?? 0, "\(relay.url) is given twice")
            }
        }
    }

    // MARK: Communities

    private mutating func base(_ node: Node) -> String? {
        guard let text = node.scalar?.string, text.hasPrefix("https://") || text.hasPrefix("http://"),
            !text.hasSuffix("/"), !text.contains(where: \.isWhitespace)
        else {
            self.refuse(
                "communities.bases", ConfigurationTree.line(node), "expected https://… without a slash at the end")
            return nil
        }
        return text
    }

    // MARK: Providers

    private mutating func key(_ node: Node) -> PublicKey? {
        if let key = node.scalar.flatMap({ PublicKey(hex: $0.string) }) { return key }
        self.refuse(
            "providers.trustedKeys", ConfigurationTree.line(node),
            "expected a key: 64 lower-case hexadecimal digits, quoted")
        return nil
    }

    // MARK: Streams

    private mutating func readStreams(_ sequence: Node.Sequence, _ line: Int) {
        var streams: [IngestConfiguration.Stream] = []
        for node in sequence {
            var reader = StreamReader()
            let stream = reader.stream(node)
            for problem in reader.problems { self.refuse("streams", problem.line, problem.reason) }
            guard let stream else { continue }
            if streams.contains(where: { $0.name == stream.name }) {
                self.refuse("streams", ConfigurationTree.line(node), "two streams are named \(stream.name)")
            }
            streams.append(stream)
        }
        if sequence.isEmpty { self.refuse("streams", line, "at least one stream is needed") }
        if sequence.count > Self.streamsMax {
            self.refuse("streams", line, "\(sequence.count) streams; at most \(Self.streamsMax)")
        }
        self.streams = streams
    }
}

/// A relay as an operator writes it.
enum RelayText {
    static func relay(
        _ text: String, isFallback: Bool, allowPrivate: Bool
    ) throws(SettingRefusal) -> IngestConfiguration.Relay {
        if text.hasPrefix("http://") || text.hasPrefix("https://") {
            let scheme = text.hasPrefix("https") ? "wss" : "ws"
            throw SettingRefusal(reason: "'\(text)' is no relay: relays are addressed as \(scheme)://…")
        }
        guard let url = RelayURL(text) else {
            throw SettingRefusal(reason: "'\(text)' is no relay's URL: expected wss://host[:port][/path]")
        }
        if !allowPrivate { try Self.judge(url) }
        return IngestConfiguration.Relay(
            url: url, role: isFallback ? .fallback : .primary, allowPrivateAddresses: allowPrivate)
    }

    /// What the guard would refuse at every attempt is refused here, once.
    private static func judge(_ url: RelayURL) throws(SettingRefusal) {
        let guardian = AddressGuard()
        do throws(RelayConnectionError) {
            try guardian.judge(url)
        } catch {
            guard case .refusedByPolicy(let reason) = error else { return }
            throw SettingRefusal(reason: "\(url) is refused (\(reason)) unless allowPrivate is true")
        }
        let address = url.host == "localhost" ? IPAddress("127.0.0.1") : IPAddress(url.host)
        if let address, let range = guardian.refusal(of: address) {
            throw SettingRefusal(reason: "\(url) is refused (\(range)) unless allowPrivate is true")
        }
    }
}
