/// A one-dimensional array parameter, encoded while it is filled: no element is held twice.
///
/// Layout, all big-endian (operations.md §12.6): dimensions, hasnull, element OID, length, lower bound; then per
/// element its length (−1 for NULL) and bytes.
package struct PostgresArray: Equatable, Sendable {
    package let element: PostgresType
    package private(set) var count = 0
    private var hasNull = false
    private var elements: [UInt8] = []

    package init(of element: PostgresType) {
        self.element = element
    }

    package mutating func reserveCapacity(bytes: Int) {
        self.elements.reserveCapacity(bytes)
    }

    /// Forgets the elements, keeps the memory.
    package mutating func removeAll() {
        self.count = 0
        self.hasNull = false
        self.elements.removeAll(keepingCapacity: true)
    }

    package mutating func appendNull() {
        self.count += 1
        self.hasNull = true
        self.elements.appendBigEndian(Int32(-1))
    }

    /// `bytea`, or `text` as UTF-8.
    package mutating func append(bytes: UnsafeRawBufferPointer) {
        precondition(self.element == .bytea || self.element == .text, "Bytes in an array of \(self.element)")
        self.count += 1
        self.elements.appendBigEndian(Int32(bytes.count))
        self.elements.append(contentsOf: bytes)
    }

    /// `bytea`, or `text` as UTF-8.
    package mutating func append(bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.append(bytes: $0) }
    }

    package mutating func append(text: String) {
        precondition(self.element == .text, "Text in an array of \(self.element)")
        self.count += 1
        self.elements.appendBigEndian(Int32(text.utf8.count))
        self.elements.append(contentsOf: text.utf8)
    }

    /// UTF-8 of a JSON document.
    package mutating func append(json: UnsafeRawBufferPointer) {
        precondition(self.element == .jsonb, "JSON in an array of \(self.element)")
        self.count += 1
        self.elements.appendBigEndian(Int32(json.count + 1))
        self.elements.append(1)
        self.elements.append(contentsOf: json)
    }

    package mutating func append(_ value: Bool) {
        precondition(self.element == .bool, "A boolean in an array of \(self.element)")
        self.appendFixed(value ? 1 as UInt8 : 0)
    }

    package mutating func append(_ value: Int16) {
        precondition(self.element == .int2, "A smallint in an array of \(self.element)")
        self.appendFixed(value)
    }

    package mutating func append(_ value: Int32) {
        precondition(self.element == .int4, "An integer in an array of \(self.element)")
        self.appendFixed(value)
    }

    package mutating func append(_ value: Int64) {
        precondition(self.element == .int8, "A bigint in an array of \(self.element)")
        self.appendFixed(value)
    }

    package mutating func append(_ value: Float) {
        precondition(self.element == .float4, "A real in an array of \(self.element)")
        self.appendFixed(value.bitPattern)
    }

    package mutating func append(_ value: Double) {
        precondition(self.element == .float8, "A double in an array of \(self.element)")
        self.appendFixed(value.bitPattern)
    }

    /// Microseconds since 1970-01-01 UTC.
    package mutating func append(timestamptz microseconds: Int64) {
        precondition(self.element == .timestamptz, "A time in an array of \(self.element)")
        self.appendFixed(microseconds - microsecondsFrom1970To2000)
    }

    private mutating func appendFixed(_ value: some FixedWidthInteger) {
        self.count += 1
        self.elements.appendBigEndian(Int32(value.bitWidth / 8))
        self.elements.appendBigEndian(value)
    }

    /// Appends the binary format to a parameter buffer. An empty array has no dimension.
    func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int32(self.count == 0 ? 0 : 1))
        bytes.appendBigEndian(Int32(self.hasNull ? 1 : 0))
        bytes.appendBigEndian(self.element.rawValue)
        guard self.count > 0 else { return }
        bytes.appendBigEndian(Int32(self.count))
        bytes.appendBigEndian(Int32(1))
        bytes.append(contentsOf: self.elements)
    }
}
