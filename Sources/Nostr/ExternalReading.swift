/// An `i` value as NIP-73 reads it.
///
/// Only where `i` means an external id: kinds 17, 1111, 1244, 9734, 9735 and 30385. In kinds 0 and 10011 it is an identity
/// claim, in 1063 an info hash, in 5000–6999 a job's input.
package struct ExternalReading: Sendable {
    package let type: ExternalType
    /// Nil where the type is known and the value is none of it: never a target.
    package let id: ExternalID?
    package let flags: Flags

    package init(_ raw: WireText) {
        let text = raw.bytes
        let form = ExternalForm(text)
        var flags: Flags = []
        if form.hasWrongCheckDigit { flags.insert(.isbnChecksum) }
        if form.canonical == nil { flags.insert(.invalid) }
        if let canonical = form.canonical, canonical != text { flags.insert(.noncanonical) }
        self.type = form.type
        self.id = form.canonical.map { ExternalID(type: form.type, canonical: WireText(bytes: $0), raw: raw) }
        self.flags = flags
    }

    /// How the `k` values beside it fit; nil where one of them does.
    ///
    /// The type always follows from `i`, so that several `i` and `k` are paired by type and never by position. What a `k`
    /// says about an id of no known type cannot be checked.
    package func kFlag(among values: some Sequence<WireText>) -> Flag? {
        var result: Flag = .kMissing
        for value in values {
            if self.type == .other || value.bytes.elementsEqual(self.type.name.utf8) { return nil }
            if self.isOrigin(value) {
                result = .legacyK
            } else if result == .kMissing {
                result = .kMismatch
            }
        }
        return result
    }

    /// Whether `value` is scheme and host of this page, which was its `k` until March 2025.
    private func isOrigin(_ value: WireText) -> Bool {
        guard self.type == .web, let id = self.id, let origin = WebURL(value.bytes), origin.isOrigin else {
            return false
        }
        return WebURL(id.canonical.bytes)?.origin == origin.origin
    }
}

/// Type and canonical form of a value: the table of NIP-73.
private struct ExternalForm {
    let type: ExternalType
    let canonical: [UInt8]?
    private(set) var hasWrongCheckDigit = false

    private init(_ type: ExternalType, _ canonical: [UInt8]?) {
        self.type = type
        self.canonical = canonical
    }

    private init(_ type: ExternalType, _ prefix: StaticString, _ value: [UInt8]?) {
        self.init(type, value.map { value in prefix.withUTF8Buffer { Array($0) } + value })
    }

    /// `#`, URLs, the known prefixes, then blockchains: a URL may look like any of those behind it.
    init(_ text: [UInt8]) {
        if text.first == UInt8(ascii: "#") {
            self.init(.hashtag, text.count > 1 ? Array(String(decoding: text, as: UTF8.self).lowercased().utf8) : nil)
        } else if WebURL.isCandidate(text[...]) {
            self.init(.web, WebURL(text)?.bytes)
        } else if let known = Self.known(text) {
            self = known
        } else if let chain = Self.chain(text) {
            self = chain
        } else {
            self.init(.other, text)
        }
    }

    private static func known(_ text: [UInt8]) -> ExternalForm? {
        func rest(_ prefix: StaticString) -> ArraySlice<UInt8>? {
            text.span.matches(prefix, at: 0) ? text[prefix.utf8CodeUnitCount...] : nil
        }
        if let rest = rest("podcast:publisher:guid:") {
            return Self(.podcastPublisher, "podcast:publisher:guid:", self.guid(rest))
        }
        if let rest = rest("podcast:item:guid:") { return Self(.podcastEpisode, "podcast:item:guid:", self.guid(rest)) }
        if let rest = rest("podcast:guid:") { return Self(.podcastFeed, "podcast:guid:", self.guid(rest)) }
        if let rest = rest("isbn:") { return self.isbn(rest) }
        if let rest = rest("geo:") { return Self(.geo, "geo:", self.geohash(rest)) }
        if let rest = rest("iso3166:") { return Self(.iso3166, "iso3166:", self.country(rest)) }
        if let rest = rest("isan:") { return Self(.isan, "isan:", self.isan(rest)) }
        if let rest = rest("doi:") { return Self(.doi, "doi:", rest.isEmpty ? nil : rest.map(\.lowercasedASCII)) }
        return nil
    }

    /// Ten or thirteen characters without hyphens and spaces. A wrong check digit is a misprint that exists on covers.
    private static func isbn(_ rest: ArraySlice<UInt8>) -> ExternalForm {
        let digits = rest.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: " ") }.map(\.uppercasedASCII)
        let isTen = digits.count == 10
        guard isTen || digits.count == 13, digits.dropLast().allSatisfy(\.isDigit), let last = digits.last,
            last.isDigit || isTen && last == UInt8(ascii: "X")
        else { return Self(.isbn, nil) }
        let values = digits.map { $0 == UInt8(ascii: "X") ? 10 : Int($0 - UInt8(ascii: "0")) }
        var sum = 0
        for (index, value) in values.enumerated() {
            sum += value * (isTen ? 10 - index : index.isMultiple(of: 2) ? 1 : 3)
        }
        var form = Self(.isbn, "isbn:", digits)
        form.hasWrongCheckDigit = !sum.isMultiple(of: isTen ? 11 : 10)
        return form
    }

    private static func geohash(_ rest: ArraySlice<UInt8>) -> [UInt8]? {
        let hash = rest.map(\.lowercasedASCII)
        let isOfAlphabet: (UInt8) -> Bool = { byte in
            byte.isDigit || byte.isLowercaseASCII && !"ailo".utf8.contains(byte)
        }
        return (1...12).contains(hash.count) && hash.allSatisfy(isOfAlphabet) ? hash : nil
    }

    /// ISO 3166-1 alpha-2, or ISO 3166-2: the country, a hyphen, and up to three letters or digits.
    private static func country(_ rest: ArraySlice<UInt8>) -> [UInt8]? {
        let code = rest.map(\.uppercasedASCII)
        guard code.count >= 2, code.prefix(2).allSatisfy(\.isUppercaseASCII) else { return nil }
        if code.count == 2 { return code }
        let part = code.dropFirst(3)
        return code[2] == UInt8(ascii: "-") && (1...3).contains(part.count) && part.allSatisfy(\.isLetterOrDigit)
            ? code : nil
    }

    /// Sixteen digits of the work and their check character; the version behind them is another film's cut, not another
    /// film (ISO 15706).
    private static func isan(_ rest: ArraySlice<UInt8>) -> [UInt8]? {
        let groups = rest.map(\.uppercasedASCII).split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let sizes = groups.map(\.count)
        let isCheck: (Int) -> Bool = { sizes[$0] == 1 && groups[$0].allSatisfy(\.isLetterOrDigit) }
        let work: Int
        switch sizes {
        case [4, 4, 4, 4], [4, 4, 4, 4, 4, 4]: work = 4
        case [4, 4, 4, 4, 1], [4, 4, 4, 4, 1, 4, 4, 1]: work = 5
        default: return nil
        }
        for (index, group) in groups.enumerated() {
            guard isCheck(index) || group.count == 4 && group.allSatisfy(\.isHexDigit) else { return nil }
        }
        return Array(groups.prefix(work).joined(separator: [UInt8(ascii: "-")]))
    }

    /// A guid is whatever the feed says, a URL too; only a UUID has no case.
    private static func guid(_ rest: ArraySlice<UInt8>) -> [UInt8]? {
        if rest.isEmpty { return nil }
        let isUUID =
            rest.count == 36
            && rest.enumerated().allSatisfy { index, byte in
                [8, 13, 18, 23].contains(index) ? byte == UInt8(ascii: "-") : byte.isHexDigit
            }
        return isUUID ? rest.map(\.lowercasedASCII) : Array(rest)
    }

    /// `^([a-z0-9-]+):(?:([^:]+):)?(tx|address):(.+)$`, the optional part taken where it can be.
    private static func chain(_ text: [UInt8]) -> ExternalForm? {
        let pieces = text.split(separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
        guard pieces.count >= 3, !pieces[0].isEmpty,
            pieces[0].allSatisfy({ $0.isDigit || $0.isLowercaseASCII || $0 == UInt8(ascii: "-") })
        else { return nil }
        if pieces.count == 4, !pieces[1].isEmpty, let form = self.chain(text, pieces[0], pieces[2], pieces[3]) {
            return form
        }
        return self.chain(text, pieces[0], pieces[1], text[pieces[2].startIndex...])
    }

    private static func chain(
        _ text: [UInt8], _ chain: ArraySlice<UInt8>, _ word: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>
    ) -> ExternalForm? {
        guard !value.isEmpty else { return nil }
        let chain = String(decoding: chain, as: UTF8.self)
        let hasPrefix = value.starts(with: "0x".utf8) || value.starts(with: "0X".utf8)
        let digits = hasPrefix ? value.dropFirst(2) : value
        let isHex = !digits.isEmpty && digits.allSatisfy(\.isHexDigit)
        let prefix = text[..<value.startIndex]
        if word.elementsEqual("tx".utf8) {
            return Self(.transaction(chain: chain), prefix + (isHex ? value.map(\.lowercasedASCII) : Array(value)))
        }
        guard word.elementsEqual("address".utf8) else { return nil }
        let hasNoCase = hasPrefix && isHex || self.isUppercaseBech32(value)
        return Self(.address(chain: chain), prefix + (hasNoCase ? value.map(\.lowercasedASCII) : Array(value)))
    }

    /// Whether the text is bech32 in upper case (BIP-173), as QR codes hold it. Base58 tells letters apart by case, and a
    /// valid checksum is what proves that this is none.
    private static func isUppercaseBech32(_ text: ArraySlice<UInt8>) -> Bool {
        !text.contains(where: \.isLowercaseASCII) && Bech32(text) != nil
    }
}
