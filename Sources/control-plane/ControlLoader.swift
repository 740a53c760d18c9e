import Serving

/// The configuration with the place that each key was taken from.
struct LoadedControl: Sendable {
    var configuration: ControlConfiguration
    /// By key; absent keys have their default.
    var sources: [String: String]
    var file: String?
}

/// Makes the one configuration value from flags, environment, credentials, file and defaults, in this order of precedence.
struct ControlLoader {
    static let program = ProgramName("control-plane")
    static let secrets = ["database.password"]
    static let keys = ConfigurationTree.Keys(scalars: ControlSettings.all.map(\.key), secrets: Self.secrets)

    var file: String?
    /// By key: option and value.
    var flags: [String: (option: String, value: String)] = [:]
    let environment: [String: String]
    var defaultFile = Self.program.defaultFile

    /// Throws ``ConfigurationError`` with everything that is wrong.
    func load() throws -> LoadedControl {
        let tree = try ConfigurationTree.read(
            self.file, program: Self.program, environment: self.environment, defaultFile: self.defaultFile,
            keys: Self.keys)
        var sources = SettingSources(
            program: Self.program, flags: self.flags, environment: self.environment, file: tree, secrets: Self.secrets)
        sources.refuse(tree?.problems ?? [])
        sources.refuseUnknownVariables(keys: ControlSettings.all.map(\.key) + Self.secrets)
        var configuration = ControlConfiguration()
        sources.read(ControlSettings.all, into: &configuration)
        configuration.database.password = sources.secret("database.password")
        let place = sources.sources
        // A value that was refused has its own reason already.
        let refused = Set(sources.problems.map(\.key))
        sources.refuse(
            Self.contradictions(configuration).filter { !refused.contains($0.key) }.map { key, reason in
                ConfigurationProblem(place: place[key] ?? tree?.name ?? "defaults", key: key, reason: reason)
            })
        guard sources.problems.isEmpty else { throw ConfigurationError(sources.problems) }
        return LoadedControl(configuration: configuration, sources: sources.sources, file: tree?.name)
    }

    /// Values that are each fine and together are not.
    private static func contradictions(_ configuration: ControlConfiguration) -> [(key: String, reason: String)] {
        let auth = configuration.auth
        var problems: [(String, String)] = []
        if auth.isConfigured {
            for (key, value) in [
                ("auth.issuer", auth.issuer), ("auth.audience", auth.audience), ("auth.jwks", auth.jwks),
            ] where value.isEmpty {
                problems.append((key, "issuer, audience and jwks belong together: all or none"))
            }
        }
        if configuration.api.listen == configuration.health.listen, configuration.api.listen.port != 0 {
            problems.append(("health.listen", "is the address of api.listen"))
        }
        return problems
    }
}
