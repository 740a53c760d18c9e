/// One thing that is wrong with the configuration, and where it was said.
package struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    /// `file:line`, `--option` or a variable.
    package let place: String
    /// Empty when the whole place is wrong.
    package let key: String
    package let reason: String
    /// For the order of the report; 0 where there are no lines.
    package let line: Int

    package init(place: String, line: Int = 0, key: String = "", reason: String) {
        self.place = place
        self.line = line
        self.key = key
        self.reason = reason
    }

    package var description: String {
        let place = self.line > 0 ? "\(self.place):\(self.line)" : self.place
        return self.key.isEmpty ? "\(place): \(self.reason)" : "\(place): \(self.key): \(self.reason)"
    }
}

/// Everything that is wrong with the configuration, at once.
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    package let problems: [ConfigurationProblem]

    package init(_ problems: [ConfigurationProblem]) {
        self.problems = problems.sorted { ($0.place, $0.line, $0.key) < ($1.place, $1.line, $1.key) }
    }

    package var description: String {
        self.problems.map(\.description).joined(separator: "\n")
    }
}

/// The known word that was probably meant.
package enum Suggestion {
    /// Nil when nothing is near: at most a third of the letters may differ.
    package static func nearest(to word: String, among known: some Sequence<String>) -> String? {
        known.map { (word: $0, distance: self.distance(word.lowercased(), $0.lowercased())) }
            .filter { $0.distance <= max(1, $0.word.count / 3) }
            .min { ($0.distance, $0.word) < ($1.distance, $1.word) }?.word
    }

    /// Insertions, deletions, replacements, and neighbours that changed places.
    private static func distance(_ one: String, _ other: String) -> Int {
        let (a, b) = (Array(one.utf8), Array(other.utf8))
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
