/// The content of kind 0 (NIP-01, NIP-24): a JSON object in a string, read field by field.
///
/// A member of another type is as if it were not there, and so is one that holds U+0000, with a flag; the others stay.
/// Texts are without control characters and without white space at their ends, and cut to their limits; what is not
/// empty after that is there.
package struct Profile: Hashable, Sendable {
    /// Also from the deprecated `username`.
    package let name: String?
    /// Also from the deprecated `displayName`.
    package let displayName: String?
    package let about: String?
    /// Of `http` or `https`, as are `banner` and `website`.
    package let picture: String?
    package let banner: String?
    package let website: String?
    package let nip05: String?
    package let lud16: String?
    package let lud06: String?
    package let isBot: Bool?
    package let birthday: Birthday?
    package let flags: Flags

    package static let nameBytesMax = 256
    package static let aboutBytesMax = 4096
    package static let urlBytesMax = 2048

    package struct Birthday: Hashable, Sendable {
        package let year, month, day: Int64?
    }

    /// Nil unless the content is a JSON object. Such an event supersedes an older profile all the same.
    package init?(content: [UInt8]) {
        guard let json = JSONValue(parsing: content.span), case .object(let members) = json else { return nil }
        var texts: [Field: String] = [:]
        var isBot: Bool?
        var birthday: Birthday?
        // As JavaScript and `jsonb` read it, the last member of a name counts, whatever its type.
        for member in members {
            if let field = Field(member.name) {
                texts[field] = member.value.string
            } else if member.name.utf8.elementsEqual("bot".utf8) {
                isBot = member.value.bool
            } else if member.name.utf8.elementsEqual("birthday".utf8) {
                birthday = Birthday(member.value)
            }
        }
        func short(_ field: Field) -> String? { texts[field].flatMap { Self.cleaned($0, bytes: Self.nameBytesMax) } }
        func url(_ field: Field) -> String? { texts[field].flatMap { Self.webURL($0) } }
        self.name = short(.name) ?? short(.username)
        self.displayName = short(.displayName) ?? short(.deprecatedDisplayName)
        self.about = texts[.about].flatMap { Self.cleaned($0, bytes: Self.aboutBytesMax) }
        self.picture = url(.picture)
        self.banner = url(.banner)
        self.website = url(.website)
        self.nip05 = short(.nip05)
        self.lud16 = short(.lud16)
        // An invoice address in bech32 cannot be cut; a longer one is none.
        self.lud06 = texts[.lud06].flatMap { Self.cleaned($0, bytes: .max) }.flatMap {
            $0.utf8.count <= Self.urlBytesMax ? $0 : nil
        }
        self.isBot = isBot
        self.birthday = birthday
        self.flags = texts.values.contains { $0.utf8.contains(0) } ? [.nulInField] : []
    }

    private enum Field: String, CaseIterable {
        case name, username, about, picture, banner, website, nip05, lud16, lud06
        case displayName = "display_name"
        case deprecatedDisplayName = "displayName"

        init?(_ name: String) {
            guard let field = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(name.utf8) }) else {
                return nil
            }
            self = field
        }
    }
}

extension Profile.Birthday {
    /// `{year, month, day}`, each of them optional; nil where none is an integer that could be one.
    fileprivate init?(_ json: JSONValue) {
        func part(_ name: String, _ range: ClosedRange<Int64>) -> Int64? {
            json[name]?.integer.flatMap { range.contains($0) ? $0 : nil }
        }
        let (year, month, day) = (part("year", 1...9_999), part("month", 1...12), part("day", 1...31))
        guard year != nil || month != nil || day != nil else { return nil }
        self.init(year: year, month: month, day: day)
    }
}

// MARK: - Texts

extension Profile {
    /// Without control characters and without white space at its ends, in the longest beginning of whole scalars that fits;
    /// nil when nothing is left, or where U+0000 says that the value is no text.
    private static func cleaned(_ text: String, bytes limit: Int) -> String? {
        guard !text.utf8.contains(0) else { return nil }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where scalar.properties.generalCategory != .control { scalars.append(scalar) }
        guard let clean = self.stripped(scalars[...]) else { return nil }
        if clean.utf8.count <= limit { return clean }
        var end = clean.utf8.index(clean.startIndex, offsetBy: limit)
        while end.samePosition(in: clean.unicodeScalars) == nil { end = clean.utf8.index(before: end) }
        return self.stripped(clean.unicodeScalars[..<end])
    }

    private static func stripped(_ scalars: Substring.UnicodeScalarView) -> String? {
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return nil }
        return String(scalars[first...last])
    }

    /// A URL as it is written, if it is short enough and of the web; a cut one would be another.
    private static func webURL(_ text: String) -> String? {
        guard let url = self.cleaned(text, bytes: .max), url.utf8.count <= Self.urlBytesMax else { return nil }
        return WebURL.isCandidate(Array(url.utf8)[...]) ? url : nil
    }
}
