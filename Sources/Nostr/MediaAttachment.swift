/// One `imeta` tag (NIP-92): what an event says of a URL in its content, in the words of NIP-94.
package struct MediaAttachment: Sendable {
    package let url: WireText
    /// In lower case (RFC 6838 section 4.2).
    package let mediaType: String?
    /// The SHA-256 of the file, and of the file before the server changed it.
    package let digest: Bytes32?
    package let originalDigest: Bytes32?
    package let dimensions: Dimensions?
    package let bytesCount: Int64?
    package let alt: WireText?
    package let blurhash: WireText?
    /// Where else the file is.
    package let fallbacks: [WireText]

    package struct Dimensions: Hashable, Sendable {
        package let width, height: UInt32

        /// Reads `<width>x<height>`.
        init?(_ text: WireText) {
            let parts = text.bytes.split(separator: UInt8(ascii: "x"), omittingEmptySubsequences: false)
            guard parts.count == 2, let width = Self.number(parts[0]), let height = Self.number(parts[1]) else {
                return nil
            }
            self.width = width
            self.height = height
        }

        private static func number(_ digits: ArraySlice<UInt8>) -> UInt32? {
            guard (1...9).contains(digits.count), digits.allSatisfy(\.isDigit) else { return nil }
            return UInt32(String(decoding: digits, as: UTF8.self))
        }
    }

    /// More than these in one event are no gallery.
    package static let attachmentsMax = 256
    package static let fallbacksMax = 16

    /// Reads `["imeta", "key value", …]`; nil without `url` and one more.
    package init?(imeta tag: Tag) {
        guard tag.isNamed("imeta") else { return nil }
        var fields = Fields()
        for index in 1..<max(tag.count, 1) {
            guard let element = tag[index], let space = element.firstSpace else { continue }
            fields.read(element.prefix(upTo: space), element.suffix(from: space + 1))
        }
        guard fields.count > 1 else { return nil }
        self.init(fields)
    }

    /// Reads the tags of a kind 1063 (NIP-94); nil without `url`.
    package init?(file event: Event) {
        var fields = Fields()
        for tag in event.tags {
            guard let name = tag[0], let value = tag.value else { continue }
            fields.read(name, value)
        }
        self.init(fields)
    }

    /// Those of an event, each URL once: the first says it.
    package static func all(in event: Event) -> [MediaAttachment] {
        var attachments: [MediaAttachment] = []
        var urls: Set<WireText> = []
        for tag in event.tags where attachments.count < self.attachmentsMax {
            guard let attachment = MediaAttachment(imeta: tag), urls.insert(attachment.url).inserted else { continue }
            attachments.append(attachment)
        }
        return attachments
    }

    private init?(_ fields: Fields) {
        guard let url = fields.url else { return nil }
        self.url = url
        self.mediaType = fields.mediaType.map { String(lowercasingASCII: $0.bytes) }
        self.digest = fields.digest?.hex32
        self.originalDigest = fields.originalDigest?.hex32
        self.dimensions = fields.dimensions.flatMap { Dimensions($0) }
        self.bytesCount = fields.size.flatMap { Timestamp(strictDigits: $0.bytes)?.seconds }
        self.alt = fields.alt
        self.blurhash = fields.blurhash
        self.fallbacks = fields.fallbacks
    }

    /// The first value of each key; only `fallback` may be repeated.
    private struct Fields {
        var url, mediaType, digest, originalDigest, dimensions, size, alt, blurhash: WireText?
        var fallbacks: [WireText] = []
        var count = 0

        mutating func read(_ key: WireText, _ value: WireText) {
            guard !value.isEmpty else { return }
            self.count += 1
            if key.equals("url") {
                self.url = self.url ?? value
            } else if key.equals("m") {
                self.mediaType = self.mediaType ?? value
            } else if key.equals("x") {
                self.digest = self.digest ?? value
            } else if key.equals("ox") {
                self.originalDigest = self.originalDigest ?? value
            } else if key.equals("dim") {
                self.dimensions = self.dimensions ?? value
            } else if key.equals("size") {
                self.size = self.size ?? value
            } else if key.equals("alt") {
                self.alt = self.alt ?? value
            } else if key.equals("blurhash") {
                self.blurhash = self.blurhash ?? value
            } else if key.equals("fallback"), self.fallbacks.count < MediaAttachment.fallbacksMax {
                self.fallbacks.append(value)
            }
        }
    }
}
