/// A moment on the server's clock, as PostgreSQL keeps it.
package struct WallTime: Hashable, Comparable, Sendable {
    /// Since 1970-01-01 UTC.
    package let microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Within what `timestamptz` can hold and every client understands: the years 1 to 9999.
    package init(milliseconds: Int64) throws(ControlPlaneError) {
        guard Self.millisecondsRange.contains(milliseconds) else { throw .badRequest("a time is out of range") }
        self.init(microseconds: milliseconds * 1000)
    }

    /// Since 1970-01-01 UTC, rounded down: what HTTP shows.
    package var milliseconds: Int64 {
        let (quotient, remainder) = self.microseconds.quotientAndRemainder(dividingBy: 1000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    package static func < (left: WallTime, right: WallTime) -> Bool { left.microseconds < right.microseconds }

    private static let millisecondsRange: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999
}
