import Ingest
import Nostr
import NostrCache
import RelayClient
import Yams

/// A configuration file, read into a tree and judged key by key, with the line of everything that is wrong.
///
/// The library that looks values up reports neither unknown keys nor wrong types, so this is our own pass (operations.md
/// section 14.4).
struct ConfigurationFile {
    /// A value that is not a list, with its line.
    struct Scalar: Equatable, Sendable {
        let text: String
        let line: Int
        let isQuoted: Bool
    }

    let name: String
    /// By dotted key; what has a single value.
    private(set) var scalars: [String: Scalar] = [:]
    /// Nil where the file does not say.
    private(set) var relays: [String: [IngestConfiguration.Relay]] = [:]
    private(set) var streams: [IngestConfiguration.Stream]?
    private(set) var communityBases: [String]?
    private(set) var trustedKeys: [PublicKey]?
    private(set) var problems: [ConfigurationProblem] = []
    /// Lines of the keys, for problems that show only when everything is read.
    private(set) var lines: [String: Int] = [:]

    /// Keys whose values are lists.
    static let listKeys = [
        "relays.primary", "relays.fallback", "streams", "communities.bases", "providers.trustedKeys",
    ]
    static let knownKeys = Set(Setting.all.map(\.key) + Self.listKeys)
    static let relaysMax = 64
    static let streamsMax = 32

    init(name: String, text: String) {
        self.name = name
        self.findTabs(text)
        do {
            // With spaces for the tabs that were named, the rest can be judged as well.
            guard let root = try Yams.compose(yaml: text.replacing("\t", with: "  ")) else { return }
            if case .scalar(let scalar) = root, scalar.string.isEmpty { return }
            self.read(root, at: [])
        } catch let error as YamlError {
            self.refuse(error)
        } catch {
            self.refuse("", 0, "not readable as YAML: \(error)")
        }
        self.findDuplicateRelays()
    }

    private mutating func refuse(_ key: String, _ line: Int, _ reason: String) {
        self.problems.append(ConfigurationProblem(place: self.name, line: line, key: key, reason: reason))
    }

    private mutating func findTabs(_ text: String) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where line.utf8.contains(UInt8(ascii: "\t")) {
            self.refuse("", index + 1, "a tab: YAML is indented with spaces")
        }
    }

    private mutating func refuse(_ error: YamlError) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            // A tab was named already, in better words.
            guard !self.problems.contains(where: { $0.line == mark.line }) else { return }
            self.refuse("", mark.line, "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            self.refuse(duplicates.sorted().joined(separator: ", "), context.mark.line, "given twice")
        default:
            self.refuse("", 0, "not YAML: \(error)")
        }
    }

    // MARK: The tree

    private mutating func read(_ node: Node, at path: [String]) {
        guard case .mapping(let mapping) = node else {
            let place = path.isEmpty ? "the file" : path.joined(separator: ".")
            return self.refuse(path.joined(separator: "."), Self.line(node), "\(place) must hold keys and values")
        }
        for (keyNode, value) in mapping {
            let name = keyNode.string ?? "?"
            let full = path + [name]
            let key = full.joined(separator: ".")
            let line = Self.line(keyNode)
            self.lines[key] = line
            if key == "database.password" {
                self.refuse(
                    key, line, "passwords do not belong here: use a systemd credential, PGPASSFILE or a service file")
            } else if Self.listKeys.contains(key) {
                self.readList(value, key, line)
            } else if Self.knownKeys.contains(key) {
                self.readScalar(value, key, line)
            } else if Self.knownKeys.contains(where: { $0.hasPrefix(key + ".") }) {
                self.read(value, at: full)
            } else {
                self.refuse(key, line, Self.unknown(name, at: path))
            }
        }
    }

    private static func unknown(_ name: String, at path: [String]) -> String {
        let prefix = path.isEmpty ? "" : path.joined(separator: ".") + "."
        let siblings = Set(
            Self.knownKeys.filter { $0.hasPrefix(prefix) }
                .map { String($0.dropFirst(prefix.count).prefix { $0 != "." }) })
        if let nearest = Suggestion.nearest(to: name, among: siblings) {
            return "unknown key; did you mean \(prefix)\(nearest)?"
        }
        if let elsewhere = Self.knownKeys.sorted().first(where: { $0.hasSuffix("." + name) }) {
            return "unknown key; did you mean \(elsewhere)?"
        }
        return "unknown key"
    }

    private mutating func readScalar(_ node: Node, _ key: String, _ line: Int) {
        guard case .scalar(let scalar) = node else { return self.refuse(key, line, "expected a single value") }
        let isQuoted = scalar.style != .plain && scalar.style != .any
        guard isQuoted || !scalar.string.isEmpty else { return self.refuse(key, line, "has no value") }
        self.scalars[key] = Scalar(text: scalar.string, line: Self.line(node), isQuoted: isQuoted)
    }

    private mutating func readList(_ node: Node, _ key: String, _ line: Int) {
        guard case .sequence(let sequence) = node else { return self.refuse(key, line, "expected a list") }
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

    static func line(_ node: Node) -> Int { node.mark?.line ?? 0 }

    // MARK: Relays

    private mutating func relay(_ node: Node, _ key: String) -> IngestConfiguration.Relay? {
        let line = Self.line(node)
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
                    default: self.refuse(key, Self.line(value), "allowPrivate is true or false")
                    }
                case let other:
                    self.refuse(
                        key, Self.line(keyNode), "unknown key \(other) of a relay; it has url and allowPrivate")
                }
            }
        }
        guard let address else {
            self.refuse(key, line, "expected a relay's URL, or its url and allowPrivate")
            return nil
        }
        do throws(Setting.Refusal) {
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
            self.refuse("communities.bases", Self.line(node), "expected https://… without a slash at the end")
            return nil
        }
        return text
    }

    // MARK: Providers

    private mutating func key(_ node: Node) -> PublicKey? {
        if let key = node.scalar.flatMap({ PublicKey(hex: $0.string) }) { return key }
        self.refuse(
            "providers.trustedKeys", Self.line(node), "expected a public key: 64 lower-case hexadecimal digits, quoted")
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
                self.refuse("streams", Self.line(node), "two streams are named \(stream.name)")
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
    ) throws(Setting.Refusal) -> IngestConfiguration.Relay {
        if text.hasPrefix("http://") || text.hasPrefix("https://") {
            let scheme = text.hasPrefix("https") ? "wss" : "ws"
            throw Setting.Refusal(reason: "'\(text)' is no relay: relays are addressed as \(scheme)://…")
        }
        guard let url = RelayURL(text) else {
            throw Setting.Refusal(reason: "'\(text)' is no relay's URL: expected wss://host[:port][/path]")
        }
        if !allowPrivate { try Self.judge(url) }
        return IngestConfiguration.Relay(
            url: url, role: isFallback ? .fallback : .primary, allowPrivateAddresses: allowPrivate)
    }

    /// What the guard would refuse at every attempt is refused here, once.
    private static func judge(_ url: RelayURL) throws(Setting.Refusal) {
        let guardian = AddressGuard()
        do throws(RelayConnectionError) {
            try guardian.judge(url)
        } catch {
            guard case .refusedByPolicy(let reason) = error else { return }
            throw Setting.Refusal(reason: "\(url) is refused (\(reason)) unless allowPrivate is true")
        }
        let address = url.host == "localhost" ? IPAddress("127.0.0.1") : IPAddress(url.host)
        if let address, let range = guardian.refusal(of: address) {
            throw Setting.Refusal(reason: "\(url) is refused (\(range)) unless allowPrivate is true")
        }
    }
}
