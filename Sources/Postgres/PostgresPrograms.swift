/// PostgreSQL's programs on this machine.
package struct PostgresPrograms: Equatable, Sendable {
    /// Holds `postgres` and `initdb`.
    package let directory: String
    /// The major version, as in `PG_VERSION`.
    package let version: String

    /// All installations, best first: `$PG_BINDIR`, `pg_config --bindir`, `/usr/lib/postgresql/*/bin` from the newest,
    /// `PATH`.
    ///
    /// Runs the programs to ask for their versions, hence blocks.
    package static func all(environment: [String: String]) -> [PostgresPrograms] {
        var seen: Set<String> = []
        return Self.directories(environment).compactMap { directory in
            guard seen.insert(Directory.resolved(directory)).inserted, Directory.isProgram(directory + "/initdb"),
                Directory.isProgram(directory + "/postgres"),
                let outcome = ChildProcess.run(
                    ChildProcess.Command(directory + "/postgres", ["--version"], environment: environment)),
                let version = Self.majorVersion(in: outcome.output)
            else { return nil }
            return PostgresPrograms(directory: directory, version: version)
        }
    }

    private static func directories(_ environment: [String: String]) -> [String] {
        let path = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").map { String($0) }
        var directories: [String] = []
        if let chosen = environment["PG_BINDIR"], !chosen.isEmpty { directories.append(chosen) }
        if let program = path.map({ $0 + "/pg_config" }).first(where: { Directory.isProgram($0) }),
            let outcome = ChildProcess.run(ChildProcess.Command(program, ["--bindir"], environment: environment)),
            outcome.status == 0
        {
            directories += outcome.output.split(separator: "\n").prefix(1).map { String($0) }
        }
        let packaged = Directory.names(in: "/usr/lib/postgresql").sorted { (Double($0) ?? 0) > (Double($1) ?? 0) }
        return directories + packaged.map { "/usr/lib/postgresql/\($0)/bin" } + path
    }

    /// `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)` → `15`.
    static func majorVersion(in text: String) -> String? {
        guard let start = text.firstRange(of: ") ")?.upperBound else { return nil }
        let digits = text[start...].prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty ? nil : String(digits)
    }
}
