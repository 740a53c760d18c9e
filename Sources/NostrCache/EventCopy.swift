import Nostr
import Postgres

/// The rows of a batch in PostgreSQL's binary COPY format.
///
/// `CopyEncoder` writes the same bytes field by field into a growing array; a new event costs a microsecond in all
/// here, and thirty appends would be a third of it. So room for a whole row is made once, and its fields are stored
/// into it. The room is not an array, whose bytes would be set to zero first and copied at the end.
struct EventCopy: ~Copyable {
    private var room: UnsafeMutableRawBufferPointer
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
        self.room = .allocate(byteCount: canonicalBytes + (rows + 1) * Self.fixedBytesMax, alignment: 16)
        self.room.copyBytes(from: Self.header)
        self.count = Self.header.count
    }

    deinit {
        self.room.deallocate()
    }

    mutating func append(_ row: EventRow, relay: RelayID?, seenAt: Int64, scratch: inout [UInt8]) {
        // Identifier and root address are strings of the tags, so a row holds no byte of the event three times.
        self.reserve(2 * row.event.canonical.count + Self.fixedBytesMax)
        var cursor = Cursor(self.room, at: self.count)
        cursor.store(Int16(EventRow.columns.count))
        row.append(to: &cursor, relay: relay, seenAt: seenAt, scratch: &scratch)
        self.count = cursor.offset
    }

    /// Calls `body` with what `copyIn` sends.
    consuming func finish(_ body: (UnsafeRawBufferPointer) throws(PostgresError) -> Void) throws(PostgresError) {
        self.reserve(2)
        // The trailer is a row of −1 fields.
        var cursor = Cursor(self.room, at: self.count)
        cursor.store(-1 as Int16)
        try body(UnsafeRawBufferPointer(rebasing: self.room[..<cursor.offset]))
    }

    /// Makes room for so many bytes more.
    private mutating func reserve(_ bytes: Int) {
        guard self.count + bytes > self.room.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: self.count + max(bytes, self.count / 2), alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: self.room[..<self.count]))
        self.room.deallocate()
        self.room = larger
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
