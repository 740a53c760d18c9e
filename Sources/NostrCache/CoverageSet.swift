package import Nostr

/// A set of seconds of `created_at`: half-open ranges, sorted, disjoint and never adjacent.
///
/// The value behind `nostr_coverage.covered`; PostgreSQL's `int8multirange` is the same set in the same normal form, so
/// its text can be read and written here.
package struct CoverageSet: Hashable, Sendable {
    package private(set) var ranges: [Range<Timestamp>] = []

    /// The union of `ranges`, which may come in any order and overlap.
    package init(_ ranges: some Sequence<Range<Timestamp>> = []) {
        for range in ranges { self.insert(range) }
    }

    package var isEmpty: Bool { self.ranges.isEmpty }

    /// The first second after everything in the set.
    package var upperBound: Timestamp? { self.ranges.last?.upperBound }

    package func contains(_ second: Timestamp) -> Bool {
        let index = self.firstIndex { $0.upperBound > second }
        return index < self.ranges.count && self.ranges[index].contains(second)
    }

    /// Whether every second of `range` is in the set.
    package func contains(_ range: Range<Timestamp>) -> Bool {
        guard !range.isEmpty else { return true }
        let index = self.firstIndex { $0.upperBound > range.lowerBound }
        guard index < self.ranges.count else { return false }
        return self.ranges[index].lowerBound <= range.lowerBound && range.upperBound <= self.ranges[index].upperBound
    }

    package mutating func insert(_ range: Range<Timestamp>) {
        guard !range.isEmpty else { return }
        // What touches the range, an end to its beginning included, becomes one with it.
        let first = self.firstIndex { $0.upperBound >= range.lowerBound }
        let end = self.firstIndex { $0.lowerBound > range.upperBound }
        guard first < end else {
            self.ranges.insert(range, at: first)
            return
        }
        let lower = min(range.lowerBound, self.ranges[first].lowerBound)
        let upper = max(range.upperBound, self.ranges[end - 1].upperBound)
        self.ranges.replaceSubrange(first..<end, with: CollectionOfOne(lower..<upper))
    }

    package mutating func subtract(_ range: Range<Timestamp>) {
        guard !range.isEmpty else { return }
        let first = self.firstIndex { $0.upperBound > range.lowerBound }
        let end = self.firstIndex { $0.lowerBound >= range.upperBound }
        guard first < end else { return }
        var rest: [Range<Timestamp>] = []
        let (left, right) = (self.ranges[first], self.ranges[end - 1])
        if left.lowerBound < range.lowerBound { rest.append(left.lowerBound..<range.lowerBound) }
        if range.upperBound < right.upperBound { rest.append(range.upperBound..<right.upperBound) }
        self.ranges.replaceSubrange(first..<end, with: rest)
    }

    package mutating func formUnion(_ other: CoverageSet) {
        for range in other.ranges { self.insert(range) }
    }

    package mutating func subtract(_ other: CoverageSet) {
        for range in other.ranges { self.subtract(range) }
    }

    package func intersection(_ range: Range<Timestamp>) -> CoverageSet {
        var result = self
        guard !range.isEmpty else { return CoverageSet() }
        result.ranges = self.ranges.compactMap { own in
            let clamped = own.clamped(to: range)
            return clamped.isEmpty ? nil : clamped
        }
        return result
    }

    package func intersection(_ other: CoverageSet) -> CoverageSet {
        CoverageSet(other.ranges.flatMap { self.intersection($0).ranges })
    }

    /// What of `range` is not in the set, oldest first.
    package func holes(in range: Range<Timestamp>) -> [Range<Timestamp>] {
        var holes: [Range<Timestamp>] = []
        var next = range.lowerBound
        for covered in self.intersection(range).ranges {
            if next < covered.lowerBound { holes.append(next..<covered.lowerBound) }
            next = covered.upperBound
        }
        if next < range.upperBound { holes.append(next..<range.upperBound) }
        return holes
    }

    /// The first index for which `predicate` holds; it holds for all that follow.
    private func firstIndex(where predicate: (Range<Timestamp>) -> Bool) -> Int {
        var (low, high) = (0, self.ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if predicate(self.ranges[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension CoverageSet: CustomStringConvertible {
    /// As PostgreSQL writes an `int8multirange`: `{[0,10),[20,30)}`.
    package var description: String {
        "{" + self.ranges.map { "[\($0.lowerBound),\($0.upperBound))" }.joined(separator: ",") + "}"
    }

    /// Reads what PostgreSQL writes; nil for anything else, unbounded ranges included.
    package init?(_ text: String) {
        guard text.hasPrefix("{"), text.hasSuffix("}"), text.utf8.count >= 2 else { return nil }
        let body = text.dropFirst().dropLast()
        guard !body.isEmpty else { return }
        var numbers: [Int64] = []
        for (index, piece) in body.split(separator: ",", omittingEmptySubsequences: false).enumerated() {
            let isLower = index.isMultiple(of: 2)
            guard isLower ? piece.hasPrefix("[") : piece.hasSuffix(")"),
                let number = Int64(isLower ? piece.dropFirst() : piece.dropLast())
            else { return nil }
            numbers.append(number)
        }
        guard numbers.count.isMultiple(of: 2) else { return nil }
        for index in stride(from: 0, to: numbers.count, by: 2) {
            guard numbers[index] < numbers[index + 1] else { return nil }
            self.insert(Timestamp(numbers[index])..<Timestamp(numbers[index + 1]))
        }
    }
}
