/// Classes of ASCII bytes. Wire text is compared by bytes: U+212A KELVIN SIGN is no `k`, and `٣` is no digit.
extension UInt8 {
    package var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }

    package var isHexDigit: Bool { self.isDigit || (self | 0x20) &- UInt8(ascii: "a") < 6 }

    package var isLetterOrDigit: Bool { self.isDigit || (self | 0x20) &- UInt8(ascii: "a") < 26 }

    package var isUppercaseASCII: Bool { self &- UInt8(ascii: "A") < 26 }

    package var isLowercaseASCII: Bool { self &- UInt8(ascii: "a") < 26 }

    package var lowercasedASCII: UInt8 { self.isUppercaseASCII ? self | 0x20 : self }

    package var uppercasedASCII: UInt8 { self.isLowercaseASCII ? self & 0xDF : self }

    /// The value of a hexadecimal digit of either case.
    package var hexValue: UInt8? {
        guard self.isHexDigit else { return nil }
        return self.isDigit ? self - UInt8(ascii: "0") : (self | 0x20) - UInt8(ascii: "a") + 10
    }
}

extension String {
    init(lowercasingASCII bytes: some Collection<UInt8>) {
        self.init(decoding: bytes.map(\.lowercasedASCII), as: UTF8.self)
    }
}

/// The encoding of bytes in URLs (RFC 3986 section 2.1).
enum Percent {
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Appends `%XX`, in upper case as RFC 3986 section 6.2.2.1 asks.
    static func append(_ byte: UInt8, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "%"))
        text.append(self.digits[Int(byte >> 4)])
        text.append(self.digits[Int(byte & 0x0F)])
    }

    /// The byte whose encoding starts at `index`, if one does.
    static func byte(_ text: ArraySlice<UInt8>, at index: Int) -> UInt8? {
        guard text[index] == UInt8(ascii: "%"), index + 2 < text.endIndex, let high = text[index + 1].hexValue,
            let low = text[index + 2].hexValue
        else { return nil }
        return high << 4 | low
    }

    /// The text without encodings; what is no encoding stays.
    static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            if let byte = self.byte(text, at: index) {
                decoded.append(byte)
                index += 3
            } else {
                decoded.append(text[index])
                index += 1
            }
        }
        return decoded
    }
}
