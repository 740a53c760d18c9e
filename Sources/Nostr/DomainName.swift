// `String._nfc` is the standard library's own normalisation; without it a name in NFD would be another name, and the only
// public way to it is Foundation.
@_spi(_Unicode) import Swift

/// Host names outside ASCII, in the form that DNS knows (IDNA, RFC 5891, with the mapping of UTS 46).
enum DomainName {
    /// The host in ASCII; nil where a character has no place in one.
    ///
    /// Of the mapping of UTS 46 the standard library knows lower case and composition. A character that needs more, such as
    /// a full-width letter or a ligature, is refused rather than mistaken for another name.
    static func ascii(_ host: [UInt8]) -> [UInt8]? {
        if host.allSatisfy({ $0 < 0x80 }) { return host }
        // Longer ones cannot become short enough: a character outside ASCII takes a digit at least.
        guard host.count <= 4 * URLHost.nameBytesMax, let text = String(validating: host, as: UTF8.self) else {
            return nil
        }
        var ascii: [UInt8] = []
        var label: [Unicode.Scalar] = []
        for scalar in text.lowercased()._nfc {
            switch scalar {
            case ".", "\u{3002}", "\u{FF0E}", "\u{FF61}":
                guard self.append(label, to: &ascii) else { return nil }
                ascii.append(UInt8(ascii: "."))
                label = []
            default:
                guard self.isAllowed(scalar) else { return nil }
                label.append(scalar)
            }
        }
        return self.append(label, to: &ascii) ? ascii : nil
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        // The deviations of UTS 46: letters and joiners that stay, though case folding knows others for them.
        if scalar.isASCII || ["ß", "ς", "\u{200C}", "\u{200D}"].contains(scalar) { return true }
        if scalar.properties.changesWhenNFKCCaseFolded { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .unassigned, .privateUse, .surrogate, .spaceSeparator, .lineSeparator,
            .paragraphSeparator:
            return false
        default: return true
        }
    }

    private static func append(_ label: [Unicode.Scalar], to ascii: inout [UInt8]) -> Bool {
        if label.allSatisfy(\.isASCII) {
            ascii.append(contentsOf: label.map { UInt8($0.value) })
            return true
        }
        guard label.count <= URLHost.labelBytesMax else { return false }
        ascii.append(contentsOf: "xn--".utf8)
        self.appendPunycode(label.map(\.value), to: &ascii)
        return true
    }

    /// RFC 3492 section 6.3. The label is short, so no sum can overflow.
    private static func appendPunycode(_ label: [UInt32], to ascii: inout [UInt8]) {
        let basic = label.filter { $0 < 0x80 }
        ascii.append(contentsOf: basic.map { UInt8($0) })
        if !basic.isEmpty { ascii.append(UInt8(ascii: "-")) }
        var (code, delta, bias, done) = (0x80 as UInt32, 0, 72, basic.count)
        while done < label.count {
            guard let next = label.filter({ $0 >= code }).min() else { return }
            delta += Int(next - code) * (done + 1)
            code = next
            for scalar in label {
                if scalar < code { delta += 1 }
                guard scalar == code else { continue }
                self.appendNumber(delta, bias: bias, to: &ascii)
                bias = self.adapted(delta, isFirst: done == basic.count, count: done + 1)
                delta = 0
                done += 1
            }
            delta += 1
            code += 1
        }
    }

    private static func appendNumber(_ number: Int, bias: Int, to ascii: inout [UInt8]) {
        var rest = number
        var weight = 36
        while true {
            let threshold = min(max(weight - bias, 1), 26)
            guard rest >= threshold else { break }
            ascii.append(self.digit(threshold + (rest - threshold) % (36 - threshold)))
            rest = (rest - threshold) / (36 - threshold)
            weight += 36
        }
        ascii.append(self.digit(rest))
    }

    private static func digit(_ value: Int) -> UInt8 {
        UInt8(value < 26 ? Int(UInt8(ascii: "a")) + value : Int(UInt8(ascii: "0")) + value - 26)
    }

    private static func adapted(_ delta: Int, isFirst: Bool, count: Int) -> Int {
        var delta = isFirst ? delta / 700 : delta / 2
        delta += delta / count
        var steps = 0
        while delta > 455 {
            delta /= 35
            steps += 36
        }
        return steps + 36 * delta / (delta + 38)
    }
}
