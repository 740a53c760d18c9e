import Nostr
import NostrCache

/// What is covered of a range, as one line of text: █ all, ▒ a part, ░ nothing, ! given up.
enum CoveragePicture {
    static let width = 60

    /// One column stands for an equal part of the range, and a hole is seen however short.
    static func line(
        covered: CoverageSet, holes: [Range<Timestamp>], in range: Range<Timestamp>, width: Int = Self.width
    ) -> String {
        let length = range.upperBound - range.lowerBound
        guard length > 0, width > 0 else { return "" }
        return String(
            (0..<width).map { column -> Character in
                let lower = range.lowerBound + length * Int64(column) / Int64(width)
                let upper = max(lower + 1, range.lowerBound + length * Int64(column + 1) / Int64(width))
                if holes.contains(where: { $0.overlaps(lower..<upper) }) { return "!" }
                if covered.contains(lower..<upper) { return "█" }
                return covered.intersection(lower..<upper).isEmpty ? "░" : "▒"
            })
    }

    /// Of the seconds of the range, in tenths of a percent; never rounded up to what is not reached.
    static func permille(covered: CoverageSet, in range: Range<Timestamp>) -> Int {
        let length = range.upperBound - range.lowerBound
        guard length > 0 else { return 1_000 }
        let sum = covered.intersection(range).ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
        return Int(sum * 1_000 / length)
    }

    static func percent(_ permille: Int) -> String { "\(permille / 10).\(permille % 10) %" }
}

/// Rows with columns of equal width.
enum TextTable {
    static func lines(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }.joined(separator: "  ")
        }
    }
}
