import Testing

@testable import RelayClient

struct UTF8ValidatorTests {
    private func isValid(_ bytes: [UInt8], piece: Int = .max) -> Bool {
        var validator = UTF8Validator()
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(piece))
            guard validator.append(part.span.bytes) else { return false }
            rest = rest.dropFirst(piece)
        }
        return validator.isComplete
    }

    @Test func `agrees with the standard library on every pair of bytes after a lead, however cut`() {
        let tails: [[UInt8]] = [[], [0x80, 0x80]]
        var mistakes: [[UInt8]] = []
        for first in UInt8(0x7F)...UInt8.max {
            for second in UInt8(0x7E)...UInt8.max {
                for tail in tails {
                    let bytes = [0x41, first, second] + tail
                    let expected = String(validating: bytes, as: UTF8.self) != nil
                    if self.isValid(bytes) != expected || self.isValid(bytes, piece: 1) != expected {
                        mistakes.append(bytes)
                    }
                }
            }
        }
        #expect(mistakes.isEmpty)
    }

    @Test(arguments: [
        "", "ascii", "\u{7F}", "äöü", "\u{D7FF}\u{E000}\u{FFFD}", "😀 mixed with ascii 12345678", "\u{10FFFF}",
    ])
    func `text is valid in pieces of every size`(text: String) {
        for piece in 1...9 { #expect(self.isValid(Array(text.utf8), piece: piece)) }
    }
}
