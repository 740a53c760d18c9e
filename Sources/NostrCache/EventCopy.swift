import Nostr
import Postgres

/// The rows of a batch in PostgreSQL's binary COPY format.
///
/// `CopyEncoder` writes the same bytes field by field into a growing array; a new event costs a microsecond in all
/// here, and thirty appends would be a third of it. So room for a whole row is made once, and its fields are stored
/// into it.
struct EventCopy {
    private var storage: [UInt8]
    private var count = 0

    /// `PGCOPY\n\377\r\n\0`, no flags, no header extension.
    private static let header: [UInt8] = [
        0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00, 0, 0, 0, 0, 0, 0, 0, 0,
    ]
    /// Lengths and fixed fields of a row take 296 bytes, a slug at most 128.
    private static let fixedBytesMax = 512

    /// - Parameter canonicalBytes: of all events, by which the buffer is sized once.
    init(rows: Int, canonicalBytes: Int) {
        // Canonical bytes hold content and tags; what identifiers repeat of them fits into the room of the fixed
        // fields.
        self.storage = Array(repeating: 0, count: canonicalBytes + (rows + 1) * Self.fixedBytesMax)
        self.storage.replaceSubrange(0..<Self.header.count, with: Self.header)
        self.count = Self.header.count
    }

    mutating func append(_ row: EventRow, relay: RelayID?, seenAt: Int64, scratch: inout [UInt8]) {
        // Identifier and root address are strings of the tags, so a row holds no byte of the event three times.
        let bound = self.count + 2 * row.event.canonical.count + Self.fixedBytesMax
        if bound > self.storage.count {
            self.storage.append(contentsOf: repeatElement(0, count: max(bound - self.storage.count, self.count / 2)))
        }
        self.count = self.storage.withUnsafeMutableBytes { buffer in
            var cursor = Cursor(buffer, at: self.count)
            cursor.store(Int16(EventRow.columns.count))
            row.append(to: &cursor, relay: relay, seenAt: seenAt, scratch: &scratch)
            return cursor.offset
        }
    }

    /// What `copyIn` sends.
    consuming func finish() -> [UInt8] {
        self.storage.removeSubrange(self.count...)
        // The trailer is a row of −1 fields.
        self.storage.append(contentsOf: [0xFF, 0xFF])
        return self.storage
    }

    /// Stores field after field, each behind its length; every write is checked against the buffer's end.
    private struct Cursor: EventColumnReceiver {
        private let buffer: UnsafeMutableRawBufferPointer
        private(set) var offset: Int

        init(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
            self.buffer = buffer
            self.offset = offset
        }

        @inline(__always)
        mutating func store(_ value: some FixedWidthInteger) {
            let size = value.bitWidth / 8
            precondition(self.offset + size <= self.buffer.count, "A row is longer than its bound")
            self.buffer.storeBytes(of: value.bigEndian, toByteOffset: self.offset, as: type(of: value))
            self.offset += size
        }

        @inline(__always)
        private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
            precondition(self.offset + bytes.count <= self.buffer.count, "A row is longer than its bound")
            UnsafeMutableRawBufferPointer(rebasing: self.buffer[self.offset..<self.offset + bytes.count])
                .copyMemory(from: bytes)
            self.offset += bytes.count
        }

        @inline(__always)
        mutating func bytes(_ bytes: UnsafeRawBufferPointer, _: Int) {
            self.store(Int32(bytes.count))
            self.copy(bytes)
        }

        /// The first byte of `jsonb` on the wire is its version.
        @inline(__always)
        mutating func json(_ bytes: UnsafeRawBufferPointer, _: Int) {
            self.store(Int32(bytes.count + 1))
            self.store(1 as UInt8)
            self.copy(bytes)
        }

        @inline(__always)
        mutating func int4(_ value: Int32, _: Int) {
            self.store(4 as Int32)
            self.store(value)
        }

        @inline(__always)
        mutating func int8(_ value: Int64, _: Int) {
            self.store(8 as Int32)
            self.store(value)
        }

        @inline(__always)
        mutating func bool(_ value: Bool, _: Int) {
            self.store(1 as Int32)
            self.store(value ? 1 as UInt8 : 0)
        }

        /// PostgreSQL counts from 2000-01-01 UTC.
        @inline(__always)
        mutating func timestamptz(_ microseconds: Int64, _ column: Int) {
            self.int8(microseconds - 946_684_800_000_000, column)
        }

        @inline(__always)
        mutating func null(_: Int) {
            self.store(-1 as Int32)
        }
    }
}
