/// Unix seconds as an author claims them: `created_at`, `since`, `until`.
///
/// 0 … 2^53 − 1 (the integers that every JSON reader agrees on); the width of `bigint` in PostgreSQL.
package struct Timestamp: Hashable, Comparable, Sendable {
    package let seconds: Int64

    package init(_ seconds: Int64) {
        self.seconds = seconds
    }

    package static let zero = Timestamp(0)

    /// The greatest `created_at` that is accepted: 2^53 − 1.
    package static let max = Timestamp(9_007_199_254_740_991)

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.seconds < right.seconds }

    package static func + (left: Timestamp, seconds: Int64) -> Timestamp { Timestamp(left.seconds + seconds) }
    package static func - (left: Timestamp, seconds: Int64) -> Timestamp { Timestamp(left.seconds - seconds) }
    package static func - (left: Timestamp, right: Timestamp) -> Int64 { left.seconds - right.seconds }
}

extension Timestamp: CustomStringConvertible {
    package var description: String { String(self.seconds) }
}
