package import Yams

/// A configuration file, read into a tree and judged key by key, with the line of everything that is wrong.
///
/// The library that looks values up reports neither unknown keys nor wrong types, so this is our own pass (operations.md
/// section 14.4).
package struct ConfigurationTree {
    /// A value that is not a list, with its line.
    package struct Scalar: Equatable, Sendable {
        package let text: String
        package let line: Int
        package let isQuoted: Bool
    }

    /// What a program's file may say.
    package struct Keys: Sendable {
        /// Keys with a single value.
        package let scalars: Set<String>
        /// Keys whose values are lists.
        package let lists: Set<String>
        /// Keys that a file must not hold, since others may read it.
        package let secrets: Set<String>

        package init(scalars: some Sequence<String>, lists: [String] = [], secrets: [String]) {
            self.scalars = Set(scalars)
            self.lists = Set(lists)
            self.secrets = Set(secrets)
        }

        fileprivate var known: Set<String> { self.scalars.union(self.lists) }
    }

    package let name: String
    /// By dotted key.
    package private(set) var scalars: [String: Scalar] = [:]
    /// By dotted key; what is in them is the program's to judge.
    package private(set) var lists: [String: Node.Sequence] = [:]
    package private(set) var problems: [ConfigurationProblem] = []
    /// Lines of the keys, for problems that show only when everything is read.
    package private(set) var lines: [String: Int] = [:]
    private let keys: Keys

    package init(name: String, text: String, keys: Keys) {
        self.name = name
        self.keys = keys
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
    }

    package mutating func refuse(_ key: String, _ line: Int, _ reason: String) {
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
            if self.keys.secrets.contains(key) {
                self.refuse(key, line, SecretText.refusal(of: key))
            } else if self.keys.lists.contains(key) {
                self.readList(value, key, line)
            } else if self.keys.scalars.contains(key) {
                self.readScalar(value, key, line)
            } else if self.keys.known.contains(where: { $0.hasPrefix(key + ".") }) {
                self.read(value, at: full)
            } else {
                self.refuse(key, line, self.unknown(name, at: path))
            }
        }
    }

    private func unknown(_ name: String, at path: [String]) -> String {
        let prefix = path.isEmpty ? "" : path.joined(separator: ".") + "."
        let siblings = Set(
            self.keys.known.filter { $0.hasPrefix(prefix) }
                .map { String($0.dropFirst(prefix.count).prefix { $0 != "." }) })
        if let nearest = Suggestion.nearest(to: name, among: siblings) {
            return "unknown key; did you mean \(prefix)\(nearest)?"
        }
        if let elsewhere = self.keys.known.sorted().first(where: { $0.hasSuffix("." + name) }) {
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
        self.lists[key] = sequence
    }

    package static func line(_ node: Node) -> Int { node.mark?.line ?? 0 }
}

/// What is said about a secret in a place where others may read it.
enum SecretText {
    static func refusal(of key: String) -> String {
        key == "database.password"
            ? "passwords do not belong here: use a systemd credential, PGPASSFILE or a service file"
            : "secrets do not belong here: use a systemd credential"
    }
}
