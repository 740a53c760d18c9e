/// Rows in PostgreSQL's binary COPY format, appended to one buffer that is reused from batch to batch.
///
/// Every field is appended right where it will be sent from; the only allocation is the growth of the buffer. The
/// caller writes exactly as many fields as ``beginRow(fields:)`` announced; the server refuses anything else (22P04).
package struct CopyEncoder: Sendable {
    /// `PGCOPY\n\377\r\n\0`, no flags, no header extension.
    private static let header: [UInt8] =
        [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00] + [0, 0, 0, 0, 0, 0, 0, 0]

    /// What ``PostgresSession/copyIn(_:_:deadline:)`` sends, once ``finish()`` was called.
    package private(set) var bytes: [UInt8]
    /// Rows begun since the last ``removeAll(keepingCapacity:)``.
    package private(set) var rowCount = 0
    /// Where the length of the open array field stands.
    private var arrayStart: Int?

    /// - Parameter capacity: bytes to reserve; a whole batch, so that the hot path never grows the buffer.
    package init(reservingCapacity capacity: Int = 64 * 1024) {
        self.bytes = []
        self.bytes.reserveCapacity(capacity)
        self.bytes.append(contentsOf: Self.header)
    }

    /// Starts the next batch.
    package mutating func removeAll(keepingCapacity: Bool = true) {
        self.bytes.removeAll(keepingCapacity: keepingCapacity)
        self.bytes.append(contentsOf: Self.header)
        self.rowCount = 0
        self.arrayStart = nil
    }

    package mutating func beginRow(fields: Int) {
        self.rowCount += 1
        self.bytes.appendBigEndian(Int16(fields))
    }

    /// The trailer; nothing may follow.
    package mutating func finish() {
        precondition(self.arrayStart == nil, "An array field was not ended")
        self.bytes.appendBigEndian(Int16(-1))
    }

    package mutating func appendNull() {
        self.bytes.appendBigEndian(Int32(-1))
    }

    /// `bytea`, or `text` as UTF-8.
    package mutating func append(bytes: UnsafeRawBufferPointer) {
        self.bytes.appendBigEndian(Int32(bytes.count))
        self.bytes.append(contentsOf: bytes)
    }

    /// `bytea`, or `text` as UTF-8.
    package mutating func append(bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { self.append(bytes: $0) }
    }

    /// `bytea`, or `text` as UTF-8.
    package mutating func append(bytes: RawSpan) {
        bytes.withUnsafeBytes { self.append(bytes: $0) }
    }

    package mutating func append(bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.append(bytes: $0) }
    }

    package mutating func append(text: String) {
        self.bytes.appendBigEndian(Int32(text.utf8.count))
        self.bytes.append(contentsOf: text.utf8)
    }

    package mutating func appendBool(_ value: Bool) {
        self.bytes.appendBigEndian(Int32(1))
        self.bytes.append(value ? 1 : 0)
    }

    package mutating func appendInt2(_ value: Int16) {
        self.bytes.appendBigEndian(Int32(2))
        self.bytes.appendBigEndian(value)
    }

    package mutating func appendInt4(_ value: Int32) {
        self.bytes.appendBigEndian(Int32(4))
        self.bytes.appendBigEndian(value)
    }

    package mutating func appendInt8(_ value: Int64) {
        self.bytes.appendBigEndian(Int32(8))
        self.bytes.appendBigEndian(value)
    }

    package mutating func appendFloat8(_ value: Double) {
        self.bytes.appendBigEndian(Int32(8))
        self.bytes.appendBigEndian(value.bitPattern)
    }

    /// Microseconds since 1970-01-01 UTC.
    package mutating func appendTimestamptz(_ microseconds: Int64) {
        self.appendInt8(microseconds - microsecondsFrom1970To2000)
    }

    /// The UTF-8 of a JSON document; the first byte of `jsonb` on the wire is its version, 1.
    package mutating func appendJSONB(_ json: UnsafeRawBufferPointer) {
        self.bytes.appendBigEndian(Int32(json.count + 1))
        self.bytes.append(1)
        self.bytes.append(contentsOf: json)
    }

    /// The UTF-8 of a JSON document.
    package mutating func appendJSONB(_ json: Span<UInt8>) {
        json.withUnsafeBytes { self.appendJSONB($0) }
    }

    /// The UTF-8 of a JSON document.
    package mutating func appendJSONB(_ json: RawSpan) {
        json.withUnsafeBytes { self.appendJSONB($0) }
    }

    package mutating func appendJSONB(_ json: [UInt8]) {
        json.withUnsafeBytes { self.appendJSONB($0) }
    }

    /// Opens an array field of `count` elements; each is appended like a field, then ``endArray()``.
    package mutating func beginArray(of element: PostgresType, count: Int) {
        precondition(self.arrayStart == nil, "An array within an array")
        self.arrayStart = self.bytes.count
        self.bytes.appendBigEndian(Int32(0))
        self.bytes.appendBigEndian(Int32(count == 0 ? 0 : 1))
        self.bytes.appendBigEndian(Int32(0))
        self.bytes.appendBigEndian(element.rawValue)
        guard count > 0 else { return }
        self.bytes.appendBigEndian(Int32(count))
        self.bytes.appendBigEndian(Int32(1))
    }

    /// Closes the array field: writes its length where it was left open.
    package mutating func endArray() {
        guard let start = self.arrayStart else { preconditionFailure("No array field is open") }
        self.arrayStart = nil
        let length = UInt32(self.bytes.count - start - 4)
        for position in 0..<4 {
            self.bytes[start + position] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * position))
        }
    }

    package mutating func appendTextArray(_ values: [String]) {
        self.beginArray(of: .text, count: values.count)
        for value in values { self.append(text: value) }
        self.endArray()
    }

    package mutating func appendByteaArray(_ values: [[UInt8]]) {
        self.beginArray(of: .bytea, count: values.count)
        for value in values { self.append(bytes: value) }
        self.endArray()
    }
}
