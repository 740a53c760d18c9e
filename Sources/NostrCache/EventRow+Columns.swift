import Nostr
import Postgres

/// Where the values of a row go, column by column, in the order of ``EventRow/columns``.
///
/// Two receivers: a COPY row and a set of column arrays. One list of appends serves both, so they cannot drift apart.
protocol EventColumnReceiver {
    mutating func bytes(_ bytes: UnsafeRawBufferPointer, _ column: Int)
    mutating func json(_ bytes: UnsafeRawBufferPointer, _ column: Int)
    mutating func int4(_ value: Int32, _ column: Int)
    mutating func int8(_ value: Int64, _ column: Int)
    mutating func bool(_ value: Bool, _ column: Int)
    mutating func timestamptz(_ microseconds: Int64, _ column: Int)
    mutating func null(_ column: Int)
}

extension EventRow {
    /// Every column but `ingest_seq`, which the server numbers.
    static let columns: [(name: String, type: PostgresType)] = [
        ("event_id", .bytea), ("kind", .int4), ("pubkey", .bytea), ("created_at", .int8), ("content", .text),
        ("tags_json", .jsonb), ("identifier", .text), ("subclaw", .text), ("parent_id", .bytea),
        ("is_top_level", .bool), ("is_ai", .bool), ("seen_at", .timestamptz), ("sig", .bytea), ("root_id", .bytea),
        ("root_address", .text), ("expires_at", .int8), ("relay_id", .int4),
    ]

    /// Appends the row. Text goes from the event's canonical bytes straight to the receiver; `scratch` takes what must
    /// be unescaped first.
    @inline(__always)
    func append(
        to receiver: inout some EventColumnReceiver, relay: RelayID?, seenAt: Int64, scratch: inout [UInt8]
    ) {
        let event = self.event
        let bytes = event.canonical.span
        event.id.value.withBytes { receiver.bytes($0, 0) }
        receiver.int4(Int32(event.kind.rawValue), 1)
        event.pubkey.value.withBytes { receiver.bytes($0, 2) }
        receiver.int8(event.createdAt.seconds, 3)
        let content = TagScanner.Piece(
            start: UInt32(event.contentRange.lowerBound), end: UInt32(event.contentRange.upperBound),
            isEscaped: event.contentIsEscaped)
        Self.append(content, bytes, 4, to: &receiver, &scratch)
        bytes.extracting(event.tagsRange).withUnsafeBytes { receiver.json($0, 5) }
        Self.append(self.identifierPiece, bytes, 6, to: &receiver, &scratch)
        if let subclaw = self.subclawPiece {
            scratch.removeAll(keepingCapacity: true)
            for index in subclaw.range { scratch.append(CommunityBases.lowercased(bytes[index])) }
            scratch.withUnsafeBytes { receiver.bytes($0, 7) }
        } else {
            receiver.null(7)
        }
        Self.append(self.parentID, 8, to: &receiver)
        if let isTopLevel = self.isTopLevel { receiver.bool(isTopLevel, 9) } else { receiver.null(9) }
        receiver.bool(self.isAI, 10)
        receiver.timestamptz(seenAt, 11)
        event.sig.withBytes { receiver.bytes($0, 12) }
        Self.append(self.rootID, 13, to: &receiver)
        Self.append(self.rootAddressPiece, bytes, 14, to: &receiver, &scratch)
        if let expiresAt = self.expiresAt { receiver.int8(expiresAt.seconds, 15) } else { receiver.null(15) }
        if let relay { receiver.int4(relay.rawValue, 16) } else { receiver.null(16) }
    }

    @inline(__always)
    private static func append(_ id: EventID?, _ column: Int, to receiver: inout some EventColumnReceiver) {
        if let id { id.value.withBytes { receiver.bytes($0, column) } } else { receiver.null(column) }
    }

    @inline(__always)
    private static func append(
        _ piece: TagScanner.Piece?, _ bytes: Span<UInt8>, _ column: Int, to receiver: inout some EventColumnReceiver,
        _ scratch: inout [UInt8]
    ) {
        guard let piece else {
            receiver.null(column)
            return
        }
        guard piece.isEscaped else {
            bytes.extracting(piece.range).withUnsafeBytes { receiver.bytes($0, column) }
            return
        }
        scratch.removeAll(keepingCapacity: true)
        JSONText.appendUnescaped(bytes, piece.range, to: &scratch)
        scratch.withUnsafeBytes { receiver.bytes($0, column) }
    }
}
