/// Reads one event object, strictly, in place, and writes its canonical bytes.
///
/// The steps and reasons are those of NIP-01 as `docs/architecture.md` lists them. JSON that cannot be read wins over a
/// member of a wrong shape, and the first wrong member over the others.
package struct EventParser {
    private let limits: EventLimits
    private var scanner: JSONScanner
    private var shapeError: EventRejection?
    private var seen: UInt8 = 0

    private var id: Bytes32?
    private var pubkey: Bytes32?
    private var sig: Signature?
    private var createdAt: Int64?
    private var kind: UInt16?
    private var tags: TagsToken?
    private var content: JSONScanner.Text?

    /// Where the digits of the key and of the integers stand: digits that were accepted are canonical as they are.
    private var pubkeyDigits = 0..<0
    private var createdAtDigits = 0..<0
    private var kindDigits = 0..<0

    /// Where the tags stand, and what keeps their bytes from being canonical.
    private struct TagsToken {
        var range: Range<Int>
        var count = 0
        var isCanonical = true
        var hasNUL = false
    }

    private enum Member: UInt8 {
        case id = 1, pubkey = 2, createdAt = 4, kind = 8, tags = 16, content = 32, sig = 64

        static let all: UInt8 = 127
    }

    package init(at offset: Int = 0, limits: EventLimits = EventLimits()) {
        self.limits = limits
        self.scanner = JSONScanner(at: offset)
    }

    /// Where reading ended.
    package var offset: Int { self.scanner.offset }

    /// Consumes one object.
    package mutating func parse(_ bytes: Span<UInt8>) throws(EventRejection) -> Event {
        guard self.scanner.peek(bytes) == .object else {
            try self.scanner.skipValue(bytes)
            throw .notObject
        }
        let start = self.scanner.offset
        try self.scanner.expect(UInt8(ascii: "{"), bytes)
        if !self.scanner.take(UInt8(ascii: "}"), bytes) {
            repeat { try self.member(bytes) } while self.scanner.take(UInt8(ascii: ","), bytes)
            try self.scanner.expect(UInt8(ascii: "}"), bytes)
        }
        if self.scanner.offset - start > self.limits.eventBytesMax { throw .tooLarge }
        if let shapeError = self.shapeError { throw shapeError }
        guard self.seen == Member.all, let id = self.id, let pubkey = self.pubkey, let sig = self.sig,
            let createdAt = self.createdAt, let kind = self.kind, let tags = self.tags, let content = self.content
        else { throw .missingField }
        guard tags.count <= self.limits.tagsMax else { throw .tooManyTags }
        let text = self.canonicalText(pubkey, tags, content, bytes)
        return Event(
            id: EventID(id), pubkey: PublicKey(pubkey), createdAt: Timestamp(createdAt), kind: Kind(kind), sig: sig,
            canonical: text.bytes, tagsRange: text.tagsRange, contentRange: text.contentRange,
            contentIsEscaped: text.contentIsEscaped, hasNUL: content.hasNUL || tags.hasNUL, tagCount: tags.count)
    }

    private mutating func member(_ bytes: Span<UInt8>) throws(EventRejection) {
        guard let member = try self.name(bytes) else { return try self.scanner.skipValue(bytes, depth: 1) }
        guard self.seen & member.rawValue == 0 else {
            self.refuse(.duplicateKey)
            return try self.scanner.skipValue(bytes, depth: 1)
        }
        self.seen |= member.rawValue
        switch member {
        case .id: self.id = try self.hex(bytes)?.value
        case .pubkey:
            guard let (value, digits) = try self.hex(bytes) else { return }
            self.pubkey = value
            self.pubkeyDigits = digits
        case .sig: try self.readSignature(bytes)
        case .createdAt:
            guard let (value, digits) = try self.integer(bytes, max: Timestamp.max.seconds, else: .createdAtRange)
            else { return }
            self.createdAt = value
            self.createdAtDigits = digits
        case .kind:
            guard let (value, digits) = try self.integer(bytes, max: Int64(UInt16.max), else: .kindRange)
            else { return }
            self.kind = UInt16(exactly: value)
            self.kindDigits = digits
        case .tags: try self.readTags(bytes)
        case .content: try self.readContent(bytes)
        }
    }

    /// Consumes the name of a member and the colon; nil for a name that NIP-01 does not know.
    private mutating func name(_ bytes: Span<UInt8>) throws(EventRejection) -> Member? {
        if let member = self.plainName(bytes) { return member }
        let name = try self.scanner.string(bytes)
        try self.scanner.expect(UInt8(ascii: ":"), bytes)
        guard name.isEscaped else { return Self.member(bytes.extracting(name.range)) }
        // Names are compared after unescaping: `"\u0069d"` is `id`.
        var text: [UInt8] = []
        JSONText.appendUnescaped(bytes, name.range, to: &text)
        return Self.member(text.span)
    }

    /// Consumes a name as nearly everybody writes it, without looking for its end first.
    @inline(__always)
    private mutating func plainName(_ bytes: Span<UInt8>) -> Member? {
        let start = self.scanner.offset
        guard start + 1 < bytes.count else { return nil }
        switch bytes[start + 1] {
        case UInt8(ascii: "i"): return self.scanner.take("\"id\":", bytes) ? .id : nil
        case UInt8(ascii: "p"): return self.scanner.take("\"pubkey\":", bytes) ? .pubkey : nil
        case UInt8(ascii: "k"): return self.scanner.take("\"kind\":", bytes) ? .kind : nil
        case UInt8(ascii: "t"): return self.scanner.take("\"tags\":", bytes) ? .tags : nil
        case UInt8(ascii: "s"): return self.scanner.take("\"sig\":", bytes) ? .sig : nil
        case UInt8(ascii: "c"):
            if self.scanner.take("\"content\":", bytes) { return .content }
            return self.scanner.take("\"created_at\":", bytes) ? .createdAt : nil
        default: return nil
        }
    }

    private static func member(_ name: Span<UInt8>) -> Member? {
        switch name.count {
        case 2: name.equals("id") ? .id : nil
        case 3: name.equals("sig") ? .sig : nil
        case 4: name.equals("kind") ? .kind : name.equals("tags") ? .tags : nil
        case 6: name.equals("pubkey") ? .pubkey : nil
        case 7: name.equals("content") ? .content : nil
        case 10: name.equals("created_at") ? .createdAt : nil
        default: nil
        }
    }

    /// Keeps the first reason; reading goes on, since the rest may not even be JSON.
    private mutating func refuse(_ reason: EventRejection) {
        if self.shapeError == nil { self.shapeError = reason }
    }

    /// Consumes a string; nil, with the reason kept, for any other value.
    private mutating func text(_ bytes: Span<UInt8>) throws(EventRejection) -> JSONScanner.Text? {
        guard self.scanner.peek(bytes) == .string else {
            self.refuse(.badType)
            try self.scanner.skipValue(bytes, depth: 1)
            return nil
        }
        let text = try self.scanner.string(bytes)
        guard !text.hasLoneSurrogate else {
            self.refuse(.badType)
            return nil
        }
        return text
    }

    /// Consumes 64 digits; their place is empty when they are escaped.
    private mutating func hex(
        _ bytes: Span<UInt8>
    ) throws(EventRejection) -> (value: Bytes32, digits: Range<Int>)? {
        // Where digits stand between quotes, they need not be read as a string first.
        let start = self.scanner.offset + 1
        if bytes.matches("\"", at: start - 1), bytes.matches("\"", at: start + 64),
            let value = Bytes32(hex: bytes, at: start)
        {
            self.scanner = JSONScanner(at: start + 65)
            return (value, start..<(start + 64))
        }
        guard let text = try self.text(bytes) else { return nil }
        if !text.isEscaped, text.range.count == 64, let value = Bytes32(hex: bytes, at: text.start) {
            return (value, text.range)
        }
        let unescaped = Array(String(unescaping: bytes, text).utf8)
        if unescaped.count == 64, let value = Bytes32(hex: unescaped.span) { return (value, 0..<0) }
        self.refuse(.badHex)
        return nil
    }

    private mutating func readSignature(_ bytes: Span<UInt8>) throws(EventRejection) {
        let start = self.scanner.offset + 1
        if bytes.matches("\"", at: start - 1), bytes.matches("\"", at: start + 128),
            let sig = Signature(hex: bytes, at: start)
        {
            self.scanner = JSONScanner(at: start + 129)
            self.sig = sig
            return
        }
        guard let text = try self.text(bytes) else { return }
        if !text.isEscaped, text.range.count == 128 { self.sig = Signature(hex: bytes, at: text.start) }
        if text.isEscaped {
            let unescaped = Array(String(unescaping: bytes, text).utf8)
            if unescaped.count == 128 { self.sig = Signature(hex: unescaped.span) }
        }
        if self.sig == nil { self.refuse(.badHex) }
    }

    private mutating func integer(
        _ bytes: Span<UInt8>, max: Int64, else outOfRange: EventRejection
    ) throws(EventRejection) -> (value: Int64, digits: Range<Int>)? {
        guard self.scanner.peek(bytes) == .number else {
            self.refuse(.badType)
            try self.scanner.skipValue(bytes, depth: 1)
            return nil
        }
        let number = try self.scanner.number(bytes)
        // "-0" is an integer to some readers and a float to others.
        if !number.isInteger || bytes.extracting(number.range).equals("-0") {
            self.refuse(.badType)
            return nil
        }
        guard !number.isNegative, number.range.count <= 19, let value = Self.value(bytes, number.range), value <= max
        else {
            self.refuse(outOfRange)
            return nil
        }
        return (value, number.range)
    }

    /// The value of at most 19 digits; nil above 2^63 − 1.
    private static func value(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        var value: UInt64 = 0
        for index in range { value = value * 10 + UInt64(bytes[index] - UInt8(ascii: "0")) }
        return Int64(exactly: value)
    }

    private mutating func readContent(_ bytes: Span<UInt8>) throws(EventRejection) {
        self.content = try self.text(bytes)
    }

    /// An array of arrays of strings. `null` reads as `[]`: real relays send it, and the ids hold only so.
    private mutating func readTags(_ bytes: Span<UInt8>) throws(EventRejection) {
        switch self.scanner.peek(bytes) {
        case .literal:
            if try self.scanner.literal(bytes) != UInt8(ascii: "n") { self.refuse(.badType) }
            self.tags = TagsToken(range: 0..<0, isCanonical: false)
        case .array:
            var token = TagsToken(range: self.scanner.offset..<self.scanner.offset)
            var plainBytes = 2
            self.scanner = JSONScanner(at: self.scanner.offset + 1)
            if !self.scanner.take(UInt8(ascii: "]"), bytes) {
                repeat {
                    plainBytes += try self.readTag(bytes, &token) + 1
                } while self.scanner.take(UInt8(ascii: ","), bytes)
                try self.scanner.expect(UInt8(ascii: "]"), bytes)
                plainBytes -= 1
            }
            token.range = token.range.lowerBound..<self.scanner.offset
            // Brackets, commas and strings account for every byte, or there is white space between them.
            token.isCanonical = token.isCanonical && plainBytes == token.range.count
            self.tags = token
        case .object, .string, .number, .invalid:
            self.refuse(.badType)
            try self.scanner.skipValue(bytes, depth: 1)
        }
    }

    /// Consumes one tag; returns how many bytes it takes without white space.
    private mutating func readTag(_ bytes: Span<UInt8>, _ token: inout TagsToken) throws(EventRejection) -> Int {
        guard self.scanner.peek(bytes) == .array else {
            self.refuse(.badType)
            try self.scanner.skipValue(bytes, depth: 2)
            return 0
        }
        token.count += 1
        self.scanner = JSONScanner(at: self.scanner.offset + 1)
        if self.scanner.take(UInt8(ascii: "]"), bytes) { return 2 }
        var plainBytes = 1
        repeat {
            guard self.scanner.peek(bytes) == .string else {
                self.refuse(.badType)
                try self.scanner.skipValue(bytes, depth: 3)
                continue
            }
            let text = try self.scanner.string(bytes)
            if text.hasLoneSurrogate { self.refuse(.badType) }
            token.hasNUL = token.hasNUL || text.hasNUL
            token.isCanonical = token.isCanonical && text.isCanonical
            plainBytes += text.range.count + 3
        } while self.scanner.take(UInt8(ascii: ","), bytes)
        try self.scanner.expect(UInt8(ascii: "]"), bytes)
        return plainBytes
    }
}

// MARK: - Canonical bytes

extension EventParser {
    private struct CanonicalText {
        let bytes: [UInt8]
        let tagsRange: Range<Int>
        let contentRange: Range<Int>
        let contentIsEscaped: Bool
    }

    /// Copies the wire bytes where they are canonical, as nearly always, and writes them anew where they are not.
    private func canonicalText(
        _ pubkey: Bytes32, _ tags: TagsToken, _ content: JSONScanner.Text, _ bytes: Span<UInt8>
    ) -> CanonicalText {
        let keyText = self.pubkeyDigits.isEmpty ? Array(pubkey.hex.utf8) : []
        let tagsText = tags.isCanonical ? [] : Self.canonicalTags(tags.range, bytes)
        let contentText = content.isCanonical ? [] : Self.canonicalText(content, bytes)
        let tagsCount = tags.isCanonical ? tags.range.count : tagsText.count
        let contentCount = content.isCanonical ? content.range.count : contentText.count

        let tagsStart = 4 + 64 + 2 + self.createdAtDigits.count + 1 + self.kindDigits.count + 1
        let contentStart = tagsStart + tagsCount + 2
        // One allocation of the right size, filled once: growing an array step by step cost a third of all parsing.
        let json = [UInt8](capacity: contentStart + contentCount + 2) { json in
            json.append(ascii: "[0,\"")
            if keyText.isEmpty {
                json.append(copying: bytes, self.pubkeyDigits)
            } else {
                json.append(copying: keyText.span)
            }
            json.append(ascii: "\",")
            json.append(copying: bytes, self.createdAtDigits)
            json.append(UInt8(ascii: ","))
            json.append(copying: bytes, self.kindDigits)
            json.append(UInt8(ascii: ","))
            if tags.isCanonical { json.append(copying: bytes, tags.range) } else { json.append(copying: tagsText.span) }
            json.append(ascii: ",\"")
            if content.isCanonical {
                json.append(copying: bytes, content.range)
            } else {
                json.append(copying: contentText.span)
            }
            json.append(ascii: "\"]")
        }
        return CanonicalText(
            bytes: json, tagsRange: tagsStart..<(tagsStart + tagsCount),
            contentRange: contentStart..<(contentStart + contentCount),
            contentIsEscaped: content.isCanonical ? content.isEscaped : contentText.contains(UInt8(ascii: "\\")))
    }

    /// A string's JSON text in canonical form, without the quotes.
    private static func canonicalText(_ text: JSONScanner.Text, _ bytes: Span<UInt8>) -> [UInt8] {
        var unescaped: [UInt8] = []
        JSONText.appendUnescaped(bytes, text.range, to: &unescaped)
        var json: [UInt8] = []
        json.reserveCapacity(unescaped.count)
        JSONText.appendEscaped(unescaped.span, to: &json)
        return json
    }

    private static func canonicalTags(_ range: Range<Int>, _ bytes: Span<UInt8>) -> [UInt8] {
        guard !range.isEmpty else { return Array("[]".utf8) }
        var json: [UInt8] = []
        json.reserveCapacity(range.count)
        var scanner = JSONScanner(at: range.lowerBound)
        while scanner.offset < range.upperBound {
            scanner.skipWhitespace(bytes)
            if bytes[scanner.offset] == UInt8(ascii: "\"") {
                guard let text = try? scanner.string(bytes) else { preconditionFailure("Tags were read before") }
                json.append(UInt8(ascii: "\""))
                json.append(contentsOf: self.canonicalText(text, bytes))
                json.append(UInt8(ascii: "\""))
            } else {
                json.append(bytes[scanner.offset])
                scanner = JSONScanner(at: scanner.offset + 1)
            }
        }
        return json
    }
}

extension Event {
    /// Reads one event from JSON text; nothing may follow it.
    package init(parsing bytes: Span<UInt8>, limits: EventLimits = EventLimits()) throws(EventRejection) {
        var parser = EventParser(limits: limits)
        let event = try parser.parse(bytes)
        var rest = JSONScanner(at: parser.offset)
        try rest.expectEnd(bytes)
        self = event
    }
}
