import Foundation

/// Which addresses failed to authenticate too often (control-plane.md section 12, S17); without a clock.
///
/// A token bucket for each address: `limit` failures at once, refilled evenly over a minute. Who has none left is refused
/// before the credential is looked at, and a refused attempt costs nothing more.
struct FailureLimiter: Sendable {
    private static let window: Duration = .seconds(60)
    /// Beyond it the address whose bucket is fullest is forgotten, which loses the least.
    static let addressesMax = 10_000

    /// What is longer is no address, and must not cost memory.
    private static let addressCharactersMax = 45

    private struct Bucket {
        var tokens: Double
        var at: ContinuousClock.Instant
    }

    private let limit: Int
    private var buckets: [String: Bucket] = [:]

    init(limit: Int) {
        self.limit = limit
    }

    /// Seconds until another attempt is looked at; nil when one is at once.
    func wait(for address: String, at now: ContinuousClock.Instant) -> Int? {
        guard let bucket = self.buckets[Self.key(address)] else { return nil }
        let tokens = self.tokens(bucket, at: now)
        guard tokens < 1 else { return nil }
        return Int(((1 - tokens) * (Self.window / .seconds(1)) / Double(self.limit)).rounded(.up))
    }

    mutating func failed(_ address: String, at now: ContinuousClock.Instant) {
        let key = Self.key(address)
        let tokens = self.buckets[key].map { self.tokens($0, at: now) } ?? Double(self.limit)
        if self.buckets[key] == nil, self.buckets.count >= Self.addressesMax { self.makeRoom(at: now) }
        self.buckets[key] = Bucket(tokens: max(0, tokens - 1), at: now)
    }

    private func tokens(_ bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
        let refilled = (now - bucket.at) / Self.window * Double(self.limit)
        return min(Double(self.limit), bucket.tokens + max(0, refilled))
    }

    private mutating func makeRoom(at now: ContinuousClock.Instant) {
        let full = self.buckets.filter { self.tokens($0.value, at: now) >= Double(self.limit) }
        for key in full.keys { self.buckets[key] = nil }
        guard self.buckets.count >= Self.addressesMax else { return }
        let fullest = self.buckets.max { self.tokens($0.value, at: now) < self.tokens($1.value, at: now) }
        if let key = fullest?.key { self.buckets[key] = nil }
    }

    /// One customer has a whole /64 of IPv6.
    static func key(_ address: String) -> String {
        guard address.contains(":") else { return String(address.prefix(Self.addressCharactersMax)) }
        if let dotted = address.lastIndex(of: ":").map({ address[address.index(after: $0)...] }), dotted.contains(".") {
            return String(dotted)
        }
        let halves = address.split(separator: "%")[0].components(separatedBy: "::")
        let head = halves[0].split(separator: ":").map(String.init)
        let tail = halves.count > 1 ? halves[1].split(separator: ":").map(String.init) : []
        let zeros = Array(repeating: "0", count: max(0, 8 - head.count - tail.count))
        return (head + zeros + tail).prefix(4).joined(separator: ":")
    }
}
