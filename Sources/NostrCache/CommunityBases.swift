/// The URLs under which communities live: `<base>/c/<slug>` names one (rule D1 of the cache design).
///
/// Several bases are aliases: the same slug under two of them is the same community.
package struct CommunityBases: Hashable, Sendable {
    /// `<base>/c/` in lower case.
    private let prefixes: [[UInt8]]

    /// A longer slug is none: it keeps every index key short.
    static let slugBytesMax = 128

    package static let standard = CommunityBases(["https://clawstr.com", "https://openagents.com"])

    /// - Parameter bases: origins, or origins plus path, without trailing slash.
    package init(_ bases: [String]) {
        self.prefixes = bases.map { base in (Array(base.utf8) + Array("/c/".utf8)).map(Self.lowercased) }
    }

    /// Where in `piece` the slug stands, if it names a community. Its letters may be of either case.
    func slug(in piece: TagScanner.Piece, _ bytes: Span<UInt8>) -> TagScanner.Piece? {
        // Neither base nor slug holds a character that JSON escapes.
        guard !piece.isEscaped else { return nil }
        for prefix in self.prefixes where self.starts(piece, with: prefix, bytes) {
            var slug = TagScanner.Piece(start: piece.start + UInt32(prefix.count), end: piece.end)
            if !slug.isEmpty, bytes[Int(slug.end) - 1] == UInt8(ascii: "/") { slug.end -= 1 }
            guard (1...Self.slugBytesMax).contains(slug.count), slug.range.allSatisfy({ Self.isOfSlug(bytes[$0]) })
            else {
                continue
            }
            return slug
        }
        return nil
    }

    private func starts(_ piece: TagScanner.Piece, with prefix: [UInt8], _ bytes: Span<UInt8>) -> Bool {
        guard piece.count > prefix.count else { return false }
        let start = Int(piece.start)
        for index in prefix.indices where Self.lowercased(bytes[start + index]) != prefix[index] { return false }
        return true
    }

    private static func isOfSlug(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// ASCII only: U+212A KELVIN SIGN is no `k`.
    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }
}
