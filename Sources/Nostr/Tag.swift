/// Text as it came over the wire: a range of an event's canonical bytes.
///
/// Equal when the bytes of the text are equal. `String` compares by canonical equivalence, for which KELVIN SIGN is `K`
/// and two spellings of `é` are one; wire text must not.
package struct WireText: Sendable {
    private let storage: [UInt8]
    private let range: Range<Int>
    private let isEscaped: Bool

    init(_ storage: [UInt8], _ range: Range<Int>, isEscaped: Bool) {
        self.storage = storage
        self.range = range
        self.isEscaped = isEscaped
    }

    package init(_ text: String) {
        self.init(bytes: Array(text.utf8))
    }

    /// Text in UTF-8.
    package init(bytes: [UInt8]) {
        self.init(bytes, bytes.indices, isEscaped: false)
    }

    package static let empty = WireText([], 0..<0, isEscaped: false)

    package var isEmpty: Bool { self.range.isEmpty }

    /// The text in UTF-8.
    package var bytes: [UInt8] {
        guard self.isEscaped else { return Array(self.storage[self.range]) }
        var text: [UInt8] = []
        JSONText.appendUnescaped(self.storage.span, self.range, to: &text)
        return text
    }

    package var string: String { String(decoding: self.bytes, as: UTF8.self) }

    /// Calls `body` with the JSON text and where it stands: canonical, escapes included.
    ///
    /// ASCII other than `"` and `\\` and control characters is never escaped, so that a reader of such text needs no copy.
    func withSpan<Result>(_ body: (Span<UInt8>, Range<Int>) -> Result) -> Result {
        body(self.storage.span, self.range)
    }

    /// The text behind its first `count` bytes, none of which may be part of an escape.
    func suffix(from count: Int) -> WireText {
        WireText(
            self.storage, (self.range.lowerBound + count)..<self.range.upperBound, isEscaped: self.isEscaped)
    }

    /// The first `count` bytes, the last of which may not be part of an escape.
    func prefix(upTo count: Int) -> WireText {
        WireText(
            self.storage, self.range.lowerBound..<(self.range.lowerBound + count), isEscaped: self.isEscaped)
    }

    /// How many bytes stand before the first space. A space is never escaped, nor part of an escape.
    var firstSpace: Int? {
        self.storage[self.range].firstIndex(of: UInt8(ascii: " ")).map { $0 - self.range.lowerBound }
    }

    /// Whether the text is the ASCII text `word`.
    @inline(__always)
    package func equals(_ word: StaticString) -> Bool {
        // An escape never stands for a character that `word` could hold unescaped: the form is canonical.
        self.range.count == word.utf8CodeUnitCount && self.storage.span.matches(word, at: self.range.lowerBound)
    }

    /// The text, if it is an event id or a public key: 64 lower-case hexadecimal digits.
    package var hex32: Bytes32? {
        guard self.range.count == 64 else { return nil }
        return Bytes32(hex: self.storage.span, at: self.range.lowerBound)
    }

    /// The text, if it is a single ASCII letter: the only names that relays index (NIP-01).
    package var letter: UInt8? {
        guard self.range.count == 1 else { return nil }
        let byte = self.storage[self.range.lowerBound]
        return (byte | 0x20) &- UInt8(ascii: "a") < 26 ? byte : nil
    }
}

extension WireText: Hashable {
    package static func == (left: WireText, right: WireText) -> Bool {
        // Both are canonical JSON text, in which every text has one spelling, unless one never was JSON.
        if left.isEscaped == right.isEscaped { return left.storage[left.range] == right.storage[right.range] }
        return left.bytes == right.bytes
    }

    package func hash(into hasher: inout Hasher) {
        for byte in self.bytes { hasher.combine(byte) }
    }
}

/// One tag: an array of strings whose first is the name and whose second is the value (NIP-01).
package struct Tag: Sendable {
    private let tags: Tags
    private let elements: Range<Int>

    init(_ tags: Tags, _ elements: Range<Int>) {
        self.tags = tags
        self.elements = elements
    }

    /// Strings in the tag. NIP-01 asks for one or more; none occurs all the same.
    package var count: Int { self.elements.count }

    /// The element at `index`, if the tag is that long.
    package subscript(index: Int) -> WireText? {
        guard index < self.elements.count else { return nil }
        return self.tags.element(self.elements.lowerBound + index)
    }

    package func isNamed(_ name: StaticString) -> Bool { self[0]?.equals(name) ?? false }

    /// The second element, unless it is missing or empty: such a tag counts as absent (`d` excepted).
    package var value: WireText? { self.nonEmpty(1) }

    /// The element at `index`, unless it is missing or empty.
    package func nonEmpty(_ index: Int) -> WireText? {
        guard let element = self[index], !element.isEmpty else { return nil }
        return element
    }
}

/// The tags of an event, read once from its canonical bytes.
package struct Tags: RandomAccessCollection, Sendable {
    private struct Piece: Sendable {
        let start, end: UInt32
        let isEscaped: Bool
    }

    private let storage: [UInt8]
    private var elements: [Piece] = []
    /// Where each tag's elements start, and the end of the last one's.
    private var starts: [UInt32] = [0]

    init(of event: Event) {
        self.storage = event.canonical
        guard event.tagCount > 0 else { return }
        self.elements.reserveCapacity(3 * event.tagCount)
        self.starts.reserveCapacity(event.tagCount + 1)
        let bytes = event.canonical.span
        // Canonical tags hold nothing but brackets, commas and strings.
        var scanner = JSONScanner(at: event.tagsRange.lowerBound + 1)
        while scanner.offset < event.tagsRange.upperBound - 1 {
            switch bytes[scanner.offset] {
            case UInt8(ascii: "\""):
                guard let text = try? scanner.string(bytes) else { preconditionFailure("Canonical tags are JSON") }
                self.elements.append(
                    Piece(start: UInt32(text.start), end: UInt32(text.end), isEscaped: text.isEscaped))
            case UInt8(ascii: "]"):
                self.starts.append(UInt32(self.elements.count))
                scanner = JSONScanner(at: scanner.offset + 1)
            default:
                scanner = JSONScanner(at: scanner.offset + 1)
            }
        }
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { self.starts.count - 1 }

    package subscript(position: Int) -> Tag {
        Tag(self, Int(self.starts[position])..<Int(self.starts[position + 1]))
    }

    func element(_ index: Int) -> WireText {
        let element = self.elements[index]
        return WireText(self.storage, Int(element.start)..<Int(element.end), isEscaped: element.isEscaped)
    }

    /// The first tag of that name, whatever its value.
    package func first(named name: StaticString) -> Tag? {
        self.first { $0.isNamed(name) }
    }

    /// The value of the first tag of that name that has one.
    package func value(of name: StaticString) -> WireText? {
        for tag in self where tag.isNamed(name) {
            if let value = tag.value { return value }
        }
        return nil
    }

    /// All tags as strings.
    package var strings: [[String]] {
        self.map { tag in (0..<tag.count).compactMap { tag[$0]?.string } }
    }
}
