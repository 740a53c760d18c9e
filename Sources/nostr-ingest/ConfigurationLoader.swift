import Ingest
import Nostr
import NostrCache
import Serving

/// What the command line says about the configuration; everything is optional, so that nothing here hides another source.
struct ConfigurationFlags: Equatable, Sendable {
    var file: String?
    /// Both lists are replaced as soon as one of them is given.
    var primary: [String] = []
    var fallback: [String] = []
    var allowPrivate = false
    /// By key: option and value.
    var values: [String: (option: String, value: String)] = [:]

    static func == (one: Self, other: Self) -> Bool {
        one.file == other.file && one.primary == other.primary && one.fallback == other.fallback
            && one.allowPrivate == other.allowPrivate
            && one.values.mapValues { $0.option + $0.value } == other.values.mapValues { $0.option + $0.value }
    }
}

/// The configuration with the place that each key was taken from.
struct LoadedConfiguration: Sendable {
    var configuration: DaemonConfiguration
    /// By key; absent keys have their default.
    var sources: [String: String]
    var file: String?
}

/// Makes the one configuration value from flags, environment, credentials, file and defaults, in this order of precedence.
struct ConfigurationLoader {
    static let program = ProgramName("nostr-ingest")

    private let flags: ConfigurationFlags
    private let environment: [String: String]
    private let defaultFile: String

    init(flags: ConfigurationFlags, environment: [String: String], defaultFile: String = Self.program.defaultFile) {
        self.flags = flags
        self.environment = environment
        self.defaultFile = defaultFile
    }

    /// Throws ``ConfigurationError`` with everything that is wrong.
    func load() throws -> LoadedConfiguration {
        let tree = try ConfigurationTree.read(
            self.flags.file, program: Self.program, environment: self.environment, defaultFile: self.defaultFile,
            keys: ConfigurationFile.keys)
        let file = tree.map { ConfigurationFile($0) }
        var sources = SettingSources(
            program: Self.program, flags: self.flags.values, environment: self.environment, file: tree,
            secrets: ["database.password"])
        sources.refuse(file?.problems ?? [])
        sources.refuseUnknownVariables(
            keys: DaemonSettings.all.map(\.key)
                + [
                    "relays.primary", "relays.fallback", "communities.bases", "providers.trustedKeys",
                    "database.password",
                ])
        var loaded = LoadedConfiguration(configuration: DaemonConfiguration(), sources: [:], file: file?.name)
        sources.read(DaemonSettings.all, into: &loaded.configuration)
        loaded.configuration.database.password = sources.secret("database.password")
        loaded.sources = sources.sources
        var problems = sources.problems
        self.applyLists(file, &loaded, &problems)
        self.applyTrustedKeys(file, &loaded, &problems)
        problems += Self.contradictions(loaded, file)
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return loaded
    }

    // MARK: Lists

    private func applyLists(
        _ file: ConfigurationFile?, _ loaded: inout LoadedConfiguration, _ problems: inout [ConfigurationProblem]
    ) {
        var lists: [String: [IngestConfiguration.Relay]] = [:]
        for isFallback in [false, true] {
            let key = isFallback ? "relays.fallback" : "relays.primary"
            let defaults = IngestConfiguration.clawstr.relays.filter { $0.role == (isFallback ? .fallback : .primary) }
            let source: (place: String, texts: [String])? =
                if !self.flags.primary.isEmpty || !self.flags.fallback.isEmpty {
                    isFallback ? ("--fallback", self.flags.fallback) : ("--primary", self.flags.primary)
                } else if let text = self.environment[Self.program.variable(key)] {
                    (Self.program.variable(key), Self.pieces(text))
                } else {
                    nil
                }
            guard let source else {
                lists[key] = file?.relays[key] ?? defaults
                if file?.relays[key] != nil { loaded.sources[key] = self.place(file, key) }
                continue
            }
            loaded.sources[key] = source.place
            lists[key] = source.texts.compactMap { text in
                do throws(SettingRefusal) {
                    return try RelayText.relay(
                        text, isFallback: isFallback,
                        allowPrivate: self.flags.allowPrivate && source.place.hasPrefix("--"))
                } catch {
                    problems.append(ConfigurationProblem(place: source.place, key: key, reason: error.reason))
                    return nil
                }
            }
        }
        loaded.configuration.ingest.relays = (lists["relays.primary"] ?? []) + (lists["relays.fallback"] ?? [])
        if let streams = file?.streams {
            loaded.configuration.ingest.streams = streams
            loaded.sources["streams"] = self.place(file, "streams")
        }
        if let text = self.environment[Self.program.variable("communities.bases")] {
            loaded.configuration.communityBases = Self.pieces(text)
            loaded.sources["communities.bases"] = Self.program.variable("communities.bases")
        } else if let bases = file?.communityBases {
            loaded.configuration.communityBases = bases
            loaded.sources["communities.bases"] = self.place(file, "communities.bases")
        }
    }

    private func applyTrustedKeys(
        _ file: ConfigurationFile?, _ loaded: inout LoadedConfiguration, _ problems: inout [ConfigurationProblem]
    ) {
        let key = "providers.trustedKeys"
        if let text = self.environment[Self.program.variable(key)] {
            loaded.sources[key] = Self.program.variable(key)
            loaded.configuration.ingest.trustedProviders = Self.pieces(text).compactMap { piece in
                if let key = PublicKey(hex: piece) { return key }
                problems.append(
                    ConfigurationProblem(
                        place: Self.program.variable(key), key: key,
                        reason: "'\(piece)' is no key: 64 lower-case hexadecimal digits"))
                return nil
            }
        } else if let keys = file?.trustedKeys {
            loaded.configuration.ingest.trustedProviders = keys
            loaded.sources[key] = self.place(file, key)
        }
    }

    private func place(_ file: ConfigurationFile?, _ key: String) -> String {
        guard let file else { return "" }
        let line = file.lines[key] ?? 0
        return line > 0 ? "\(file.name):\(line)" : file.name
    }

    private static func pieces(_ text: String) -> [String] {
        text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }
}
