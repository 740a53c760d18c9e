/// Between the characters of a JSON string and the text that they mean.
package enum JSONText {
    /// Appends the text of a string token that ``JSONScanner`` accepted.
    ///
    /// An unpaired surrogate, which events may not contain, becomes U+FFFD.
    package static func appendUnescaped(_ bytes: Span<UInt8>, _ range: Range<Int>, to text: inout [UInt8]) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let byte = bytes[offset]
            guard byte == UInt8(ascii: "\\"), offset + 1 < range.upperBound else {
                text.append(byte)
                offset += 1
                continue
            }
            offset += 2
            switch bytes[offset - 1] {
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"): offset = self.appendUnit(bytes, at: offset, to: &text)
            case let same: text.append(same)
            }
        }
    }

    /// Appends the scalar whose four digits stand at `offset`, and a second escape if they are half of a pair.
    private static func appendUnit(_ bytes: Span<UInt8>, at offset: Int, to text: inout [UInt8]) -> Int {
        guard let unit = self.hexUnit(bytes, at: offset) else { return offset }
        if (0xD800..<0xDC00).contains(unit), bytes.matches("\\u", at: offset + 4),
            let low = self.hexUnit(bytes, at: offset + 6), (0xDC00..<0xE000).contains(low)
        {
            let value = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            self.append(Unicode.Scalar(value) ?? "\u{FFFD}", to: &text)
            return offset + 10
        }
        self.append(Unicode.Scalar(UInt32(unit)) ?? "\u{FFFD}", to: &text)
        return offset + 4
    }

    private static func append(_ scalar: Unicode.Scalar, to text: inout [UInt8]) {
        text.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
    }

    /// The value of four hexadecimal digits of either case; nil for anything else.
    static func hexUnit(_ bytes: Span<UInt8>, at offset: Int) -> UInt16? {
        guard offset >= 0, offset + 4 <= bytes.count else { return nil }
        var unit: UInt16 = 0
        for index in offset..<(offset + 4) {
            let byte = bytes[index]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// Appends `text` as `JSON.stringify` writes it, without the quotes: the only form whose hash is an id.
    package static func appendEscaped(_ text: Span<UInt8>, to json: inout [UInt8]) {
        for index in text.indices {
            let byte = text[index]
            switch byte {
            case 0x08: json.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "b")])
            case 0x09: json.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
            case 0x0A: json.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case 0x0C: json.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "f")])
            case 0x0D: json.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): json.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0..<0x20:
                json.append(contentsOf: "\\u00".utf8)
                Hex.append(CollectionOfOne(byte), to: &json)
            default: json.append(byte)
            }
        }
    }

    /// Appends `text` as a JSON string with its quotes.
    package static func appendString(_ text: String, to json: inout [UInt8]) {
        json.append(UInt8(ascii: "\""))
        self.appendEscaped(Array(text.utf8).span, to: &json)
        json.append(UInt8(ascii: "\""))
    }
}
