package import Nostr

/// The fields of `nostr_profiles`, from the content of a readable kind 0 (rule D9 of the cache design, NIP-24).
package struct ProfileRow: Hashable, Sendable {
    package let name: String?
    package let displayName: String?
    package let picture: String?
    package let about: String?
    package let nip05: String?
    package let lud16: String?

    static let nameBytesMax = 256
    static let aboutBytesMax = 4096
    static let pictureBytesMax = 2048

    /// Nil unless the content is a JSON object: such an event supersedes older ones and leaves the fields as they are.
    package init?(_ verified: VerifiedEvent) {
        precondition(verified.event.kind == .profile, "A profile is read from kind 0")
        self.init(content: verified.event.contentBytes)
    }

    init?(content: [UInt8]) {
        guard let json = JSONValue(parsing: content.span), case .object = json else { return nil }
        func field(_ name: String) -> String? { json[name]?.string.flatMap { Self.cleaned($0) } }
        func short(_ name: String) -> String? { field(name).flatMap { Self.cut($0, bytes: Self.nameBytesMax) } }
        self.name = short("name") ?? short("username")
        self.displayName = short("display_name") ?? short("displayName")
        self.nip05 = short("nip05")
        self.lud16 = short("lud16")
        self.about = field("about").flatMap { Self.cut($0, bytes: Self.aboutBytesMax) }
        self.picture = field("picture").flatMap { Self.isPicture($0) ? $0 : nil }
    }

    /// Without control characters and without white space at its ends; nil when nothing is left, or where U+0000 says
    /// that the value is no text.
    private static func cleaned(_ text: String) -> String? {
        guard !text.utf8.contains(0) else { return nil }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where scalar.properties.generalCategory != .control { scalars.append(scalar) }
        return self.stripped(scalars[...])
    }

    private static func stripped(_ scalars: Substring.UnicodeScalarView) -> String? {
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return nil }
        return String(scalars[first...last])
    }

    /// The longest beginning of whole scalars that fits.
    private static func cut(_ text: String, bytes limit: Int) -> String? {
        guard text.utf8.count > limit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: limit)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return self.stripped(text.unicodeScalars[..<end])
    }

    private static func isPicture(_ text: String) -> Bool {
        guard text.utf8.count <= Self.pictureBytesMax else { return false }
        let start = text.utf8.prefix(8).map(CommunityBases.lowercased)
        return start.starts(with: "http://".utf8) || start.starts(with: "https://".utf8)
    }
}
