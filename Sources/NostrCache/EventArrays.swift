import Nostr
import Postgres

/// The rows as one array for each column, for `unnest`.
struct EventArrays: EventColumnReceiver {
    private var arrays = EventRow.columns.map { PostgresArray(of: $0.type) }

    var parameters: [PostgresValue] { self.arrays.map(PostgresValue.array) }

    mutating func append(_ row: EventRow, relay: RelayID?, seenAt: Int64, scratch: inout [UInt8]) {
        row.append(to: &self, relay: relay, seenAt: seenAt, scratch: &scratch)
    }

    mutating func bytes(_ bytes: UnsafeRawBufferPointer, _ column: Int) { self.arrays[column].append(bytes: bytes) }
    mutating func json(_ bytes: UnsafeRawBufferPointer, _ column: Int) { self.arrays[column].append(json: bytes) }
    mutating func int4(_ value: Int32, _ column: Int) { self.arrays[column].append(value) }
    mutating func int8(_ value: Int64, _ column: Int) { self.arrays[column].append(value) }
    mutating func bool(_ value: Bool, _ column: Int) { self.arrays[column].append(value) }
    mutating func timestamptz(_ microseconds: Int64, _ column: Int) {
        self.arrays[column].append(timestamptz: microseconds)
    }
    mutating func null(_ column: Int) { self.arrays[column].appendNull() }
}
