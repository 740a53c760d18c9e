import Configuration
import Foundation
import Ingest
import Nostr
import NostrCache
import Synchronization

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
    static let defaultFile = "/etc/nostr-ingest/nostr-ingest.yaml"
    private static let variablePrefix = "NOSTR_INGEST_"
    /// Variables of ours that are no keys.
    private static let otherVariables: Set<String> = ["NOSTR_INGEST_CONFIG"]

    private let flags: ConfigurationFlags
    private let environment: [String: String]
    private let defaultFile: String

    init(flags: ConfigurationFlags, environment: [String: String], defaultFile: String = Self.defaultFile) {
        self.flags = flags
        self.environment = environment
        self.defaultFile = defaultFile
    }

    /// Throws ``ConfigurationError`` with everything that is wrong.
    func load() throws -> LoadedConfiguration {
        let file = try self.readFile()
        var problems = (file?.problems ?? []) + self.unknownVariables()
        let recorder = SourceRecorder()
        let layers = self.layers(file, &problems)
        let reader = ConfigReader(providers: layers.map(\.provider), accessReporter: recorder)
        var loaded = LoadedConfiguration(configuration: DaemonConfiguration(), sources: [:], file: file?.name)

        for setting in Setting.all {
            let key = ConfigKey(setting.key)
            guard let text = reader.string(forKey: key, isSecret: setting.isSecret) else { continue }
            let layer = layers[recorder.layer(of: setting.key)]
            let place = layer.place(setting.key)
            loaded.sources[setting.key] = place.description
            if layer.isFile, !setting.isQuotable, file?.scalars[setting.key]?.isQuoted ?? false {
                problems.append(place.problem(setting.key, "expected a number with its unit, found a text: no quotes"))
                continue
            }
            if setting.key == "database.url", layer.isFile, ConnectionString.holdsPassword(text) {
                problems.append(place.problem(setting.key, "passwords do not belong here: use a systemd credential"))
            }
            do throws(Setting.Refusal) {
                try setting.apply(text, &loaded.configuration)
            } catch {
                problems.append(place.problem(setting.key, error.reason))
            }
        }
        if let password = reader.string(forKey: "database.password", isSecret: true), !password.isEmpty {
            loaded.configuration.database.password = Redacted(password)
            loaded.sources["database.password"] = layers[recorder.layer(of: "database.password")].name
        }
        self.applyLists(file, &loaded, &problems)
        self.applyTrustedKeys(file, &loaded, &problems)
        problems += Self.contradictions(loaded, file)
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return loaded
    }

    // MARK: Sources

    private struct Layer {
        let name: String
        let provider: any ConfigProvider
        var isFile = false
        let place: (String) -> Place
    }

    private struct Place: CustomStringConvertible {
        var name: String
        var line = 0

        var description: String { self.line > 0 ? "\(self.name):\(self.line)" : self.name }

        func problem(_ key: String, _ reason: String) -> ConfigurationProblem {
            ConfigurationProblem(place: self.name, line: self.line, key: key, reason: reason)
        }
    }

    /// First to last: the first that knows a key decides.
    private func layers(_ file: ConfigurationFile?, _ problems: inout [ConfigurationProblem]) -> [Layer] {
        let flags = self.flags.values
        var layers = [
            Layer(name: "flags", provider: Self.memory(flags.mapValues { $0.value })) { key in
                Place(name: flags[key]?.option ?? "flags")
            },
            Layer(
                name: "environment",
                provider: EnvironmentVariablesProvider(environmentVariables: self.environment)
                    .prefixKeys(with: "nostr.ingest")
            ) { Place(name: Self.variable($0)) },
            Layer(
                name: "DATABASE_URL",
                provider: EnvironmentVariablesProvider(
                    environmentVariables: self.environment.filter { $0.key == "DATABASE_URL" && !$0.value.isEmpty })
            ) { _ in Place(name: "DATABASE_URL") },
        ]
        if let directory = self.environment["CREDENTIALS_DIRECTORY"], !directory.isEmpty {
            let secret = "\(directory)/\(Self.credential("database.password"))"
            if Self.isReadableByOthers(secret) {
                problems.append(
                    ConfigurationProblem(place: secret, reason: "a secret that everybody may read: chmod 0600"))
            }
            layers.append(
                Layer(name: "credentials", provider: Self.credentials(directory)) { key in
                    Place(name: "\(directory)/\(Self.credential(key))")
                })
        }
        if let file {
            layers.append(
                Layer(name: file.name, provider: Self.memory(file.scalars.mapValues(\.text)), isFile: true) { key in
                    Place(name: file.name, line: file.scalars[key]?.line ?? 0)
                })
        }
        return layers
    }

    private static func memory(_ values: [String: String], isSecret: Bool = false) -> InMemoryProvider {
        InMemoryProvider(
            values: Dictionary(
                uniqueKeysWithValues: values.map { key, value in
                    (AbsoluteConfigKey(ConfigKey(key)), ConfigValue(.string(value), isSecret: isSecret))
                }))
    }

    /// systemd's spelling of a key: `database.password` is the file `database-password`.
    private static func credential(_ key: String) -> String { key.replacing(".", with: "-") }

    private static func credentials(_ directory: String) -> InMemoryProvider {
        let key = "database.password"
        guard let data = FileManager.default.contents(atPath: "\(directory)/\(self.credential(key))") else {
            return self.memory([:])
        }
        let text = String(decoding: data, as: UTF8.self)
        return self.memory([key: String(text.prefix { !$0.isNewline })], isSecret: true)
    }

    /// `health.listen` is `NOSTR_INGEST_HEALTH_LISTEN`; a test holds this equal to what the library does.
    static func variable(_ key: String) -> String {
        var name = self.variablePrefix
        var wasLower = false
        for character in key {
            if character == "." {
                name += "_"
            } else {
                if wasLower, character.isUppercase { name += "_" }
                name += character.uppercased()
            }
            wasLower = character.isLowercase
        }
        return name
    }

    private func unknownVariables() -> [ConfigurationProblem] {
        let known = Set(
            (Setting.all.map(\.key) + [
                "relays.primary", "relays.fallback", "communities.bases", "providers.trustedKeys", "database.password",
            ])
            .map(Self.variable)
        ).union(Self.otherVariables)
        return self.environment.keys.filter { $0.hasPrefix(Self.variablePrefix) && !known.contains($0) }.map { name in
            let nearest = Suggestion.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
            return ConfigurationProblem(place: name, reason: "unknown variable\(nearest)")
        }
    }

    private static func isReadableByOthers(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return ((attributes?[.posixPermissions] as? Int) ?? 0) & 0o007 != 0
    }

    private func readFile() throws -> ConfigurationFile? {
        let named = self.flags.file ?? self.environment["NOSTR_INGEST_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        let path = named ?? self.defaultFile
        guard named != nil || FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            guard let text = String(validating: data, as: UTF8.self) else {
                throw ConfigurationError([ConfigurationProblem(place: path, reason: "is not UTF-8")])
            }
            return ConfigurationFile(name: path, text: text)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            let reason = FileManager.default.fileExists(atPath: path) ? "cannot be read" : "does not exist"
            throw ConfigurationError([ConfigurationProblem(place: path, reason: reason)])
        }
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
                } else if let text = self.environment[Self.variable(key)] {
                    (Self.variable(key), Self.pieces(text))
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
                do throws(Setting.Refusal) {
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
        if let text = self.environment[Self.variable("communities.bases")] {
            loaded.configuration.communityBases = Self.pieces(text)
            loaded.sources["communities.bases"] = Self.variable("communities.bases")
        } else if let bases = file?.communityBases {
            loaded.configuration.communityBases = bases
            loaded.sources["communities.bases"] = self.place(file, "communities.bases")
        }
    }

    private func applyTrustedKeys(
        _ file: ConfigurationFile?, _ loaded: inout LoadedConfiguration, _ problems: inout [ConfigurationProblem]
    ) {
        let key = "providers.trustedKeys"
        if let text = self.environment[Self.variable(key)] {
            loaded.sources[key] = Self.variable(key)
            loaded.configuration.ingest.trustedProviders = Self.pieces(text).compactMap { piece in
                if let key = PublicKey(hex: piece) { return key }
                problems.append(
                    ConfigurationProblem(
                        place: Self.variable(key), key: key,
                        reason: "'\(piece)' is no public key: 64 lower-case hexadecimal digits"))
                return nil
            }
        } else if let keys = file?.trustedKeys {
            loaded.configuration.ingest.trustedProviders = keys
            loaded.sources[key] = self.place(file, key)
        }
    }

    private func place(_ file: ConfigurationFile?, _ key: String) -> String {
        file.map { Place(name: $0.name, line: $0.lines[key] ?? 0).description } ?? ""
    }

    private static func pieces(_ text: String) -> [String] {
        text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }
}

/// Remembers which layer a key was found in.
private final class SourceRecorder: AccessReporter {
    private let layers = Mutex<[String: Int]>([:])

    func report(_ event: AccessEvent) {
        let index = event.providerResults.firstIndex { result in
            if case .success(let found) = result.result { found.value != nil } else { false }
        }
        self.layers.withLock { $0[event.metadata.key.components.joined(separator: ".")] = index }
    }

    func layer(of key: String) -> Int { self.layers.withLock { $0[key] ?? 0 } }
}
