import Configuration
import Foundation
import Synchronization

/// A program, as its variables, files and messages name it.
package struct ProgramName: Hashable, Sendable {
    /// Such as `nostr-ingest`.
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    private var words: [Substring] { self.text.split(separator: "-") }

    /// Such as `NOSTR_INGEST_`.
    package var variablePrefix: String { self.words.map { $0.uppercased() + "_" }.joined() }

    /// Such as `nostr.ingest`: what the library puts before a key to make the variable of it.
    fileprivate var keyPrefix: ConfigKey { ConfigKey(self.words.joined(separator: ".")) }

    /// Such as `NOSTR_INGEST_CONFIG`, which names the file and is no key.
    package var fileVariable: String { self.variablePrefix + "CONFIG" }

    package var defaultFile: String { "/etc/\(self.text)/\(self.text).yaml" }

    /// `health.listen` is `NOSTR_INGEST_HEALTH_LISTEN`; a test holds this equal to what the library does.
    package func variable(_ key: String) -> String {
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
}

/// Values of settings from flags, environment, credentials and file, in this order of precedence; nothing else in a
/// program reads one of them.
package struct SettingSources {
    package let program: ProgramName
    package let environment: [String: String]
    package private(set) var problems: [ConfigurationProblem] = []
    /// Where each key was taken from; absent keys have their default.
    package private(set) var sources: [String: String] = [:]
    private let file: ConfigurationTree?
    private var layers: [Layer] = []
    private let recorder = SourceRecorder()

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

    /// - Parameters:
    ///   - flags: by key: option and value.
    ///   - secrets: keys that only the environment and the credentials may hold.
    package init(
        program: ProgramName, flags: [String: (option: String, value: String)], environment: [String: String],
        file: ConfigurationTree?, secrets: [String]
    ) {
        self.program = program
        self.environment = environment
        self.file = file
        self.layers = [
            Layer(name: "flags", provider: Self.memory(flags.mapValues { $0.value })) { key in
                Place(name: flags[key]?.option ?? "flags")
            },
            Layer(
                name: "environment",
                provider: EnvironmentVariablesProvider(environmentVariables: environment)
                    .prefixKeys(with: program.keyPrefix)
            ) { Place(name: program.variable($0)) },
            Layer(
                name: "DATABASE_URL",
                provider: EnvironmentVariablesProvider(
                    environmentVariables: environment.filter { $0.key == "DATABASE_URL" && !$0.value.isEmpty })
            ) { _ in Place(name: "DATABASE_URL") },
        ]
        if let directory = environment["CREDENTIALS_DIRECTORY"], !directory.isEmpty {
            for path in secrets.map({ Self.path(of: $0, in: directory) }) where Self.isReadableByOthers(path) {
                self.problems.append(
                    ConfigurationProblem(place: path, reason: "a secret that everybody may read: chmod 0600"))
            }
            self.layers.append(
                Layer(name: "credentials", provider: Self.credentials(secrets, in: directory)) { key in
                    Place(name: Self.path(of: key, in: directory))
                })
        }
        if let file {
            self.layers.append(
                Layer(name: file.name, provider: Self.memory(file.scalars.mapValues(\.text)), isFile: true) { key in
                    Place(name: file.name, line: file.scalars[key]?.line ?? 0)
                })
        }
    }

    private var reader: ConfigReader {
        ConfigReader(providers: self.layers.map(\.provider), accessReporter: self.recorder)
    }

    /// Puts the values of the settings where they go; what is wrong joins ``problems``.
    package mutating func read<Root>(_ settings: [Setting<Root>], into root: inout Root) {
        let reader = self.reader
        for setting in settings {
            guard let text = reader.string(forKey: ConfigKey(setting.key), isSecret: setting.isSecret) else { continue }
            let layer = self.layers[self.recorder.layer(of: setting.key)]
            let place = layer.place(setting.key)
            self.sources[setting.key] = place.description
            if layer.isFile, !setting.isQuotable, self.file?.scalars[setting.key]?.isQuoted ?? false {
                self.problems.append(
                    place.problem(setting.key, "expected a number with its unit, found a text: no quotes"))
                continue
            }
            if setting.key == "database.url", layer.isFile, ConnectionString.holdsPassword(text) {
                self.problems.append(
                    place.problem(setting.key, "passwords do not belong here: use a systemd credential"))
            }
            do throws(SettingRefusal) {
                try setting.apply(text, &root)
            } catch {
                self.problems.append(place.problem(setting.key, error.reason))
            }
        }
    }

    /// A secret, if there is one.
    package mutating func secret(_ key: String) -> Redacted<String>? {
        guard let text = self.reader.string(forKey: ConfigKey(key), isSecret: true), !text.isEmpty else { return nil }
        self.sources[key] = self.layers[self.recorder.layer(of: key)].name
        return Redacted(text)
    }

    package mutating func refuse(_ problems: some Sequence<ConfigurationProblem>) {
        self.problems += problems
    }

    /// Refuses variables of the program that are none of `keys`.
    package mutating func refuseUnknownVariables(keys: some Sequence<String>) {
        let known = Set(keys.map(self.program.variable)).union([self.program.fileVariable])
        let prefix = self.program.variablePrefix
        for name in self.environment.keys where name.hasPrefix(prefix) && !known.contains(name) {
            let nearest = Suggestion.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
            self.problems.append(ConfigurationProblem(place: name, reason: "unknown variable\(nearest)"))
        }
    }

    // MARK: Where values lie

    private static func memory(_ values: [String: String], isSecret: Bool = false) -> InMemoryProvider {
        InMemoryProvider(
            values: Dictionary(
                uniqueKeysWithValues: values.map { key, value in
                    (AbsoluteConfigKey(ConfigKey(key)), ConfigValue(.string(value), isSecret: isSecret))
                }))
    }

    /// systemd's spelling of a key: `database.password` is the file `database-password`.
    private static func path(of key: String, in directory: String) -> String {
        "\(directory)/\(key.replacing(".", with: "-"))"
    }

    private static func credentials(_ keys: [String], in directory: String) -> InMemoryProvider {
        var values: [String: String] = [:]
        for key in keys {
            guard let data = FileManager.default.contents(atPath: self.path(of: key, in: directory)) else { continue }
            values[key] = String(String(decoding: data, as: UTF8.self).prefix { !$0.isNewline })
        }
        return self.memory(values, isSecret: true)
    }

    private static func isReadableByOthers(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return ((attributes?[.posixPermissions] as? Int) ?? 0) & 0o007 != 0
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

extension ConfigurationTree {
    /// Reads the named file, else the one of the variable, else the default one, which alone may be absent.
    package static func read(
        _ named: String?, program: ProgramName, environment: [String: String], defaultFile: String, keys: Keys
    ) throws(ConfigurationError) -> ConfigurationTree? {
        let named = named ?? environment[program.fileVariable].flatMap { $0.isEmpty ? nil : $0 }
        let path = named ?? defaultFile
        let exists = FileManager.default.fileExists(atPath: path)
        guard named != nil || exists else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError([
                ConfigurationProblem(place: path, reason: exists ? "cannot be read" : "does not exist")
            ])
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ConfigurationError([ConfigurationProblem(place: path, reason: "is not UTF-8")])
        }
        return ConfigurationTree(name: path, text: text, keys: keys)
    }
}
