package import Nostr

/// Effective values with the source of each, as `check-config --show` prints them.
package struct ConfigurationReport {
    private struct Row {
        let key: String
        let value: JSONValue
        let source: String

        var text: String {
            if case .string(let text) = self.value { return text.isEmpty ? "\"\"" : text }
            return self.value.text
        }
    }

    private let sources: [String: String]
    private var rows: [Row] = []

    /// - Parameter sources: by key; absent keys have their default.
    package init(sources: [String: String]) {
        self.sources = sources
    }

    package mutating func add(_ key: String, _ value: JSONValue) {
        self.rows.append(Row(key: key, value: value, source: self.sources[key] ?? "default"))
    }

    package mutating func add<Root>(_ settings: [Setting<Root>], of root: Root) {
        for setting in settings { self.add(setting.key, .string(setting.show(root))) }
    }

    /// Says that there is a secret, and nothing of it.
    package mutating func add(secret key: String, isGiven: Bool) {
        if isGiven { self.add(key, .string("<redacted>")) }
    }

    /// One JSON document.
    package var json: JSONValue {
        .object(
            self.rows.map { row in
                JSONValue.Member(
                    name: row.key,
                    value: .object([
                        .init(name: "value", value: row.value), .init(name: "source", value: .string(row.source)),
                    ]))
            })
    }

    /// Line by line, as the file would say it.
    package var lines: [String] { self.rows.map { "\($0.key): \($0.text)  # \($0.source)" } }
}
