/// One file of a line of migrations.
package struct Migration: Equatable, Sendable {
    /// First line of a file that cannot run inside a transaction, such as `CREATE INDEX CONCURRENTLY`. Such a file
    /// holds one statement and says `IF NOT EXISTS`, since it may run twice.
    private static let noTransactionHeader = "-- migrate: no-transaction"

    /// From 1, without gaps.
    package let version: Int32
    /// The name of the file, such as `0001_events.sql`.
    package let name: String
    /// The text after CRLF → LF: what is applied and what the checksum is of.
    package let sql: String
    /// 32 bytes.
    package let sha256: [UInt8]

    package init(version: Int32, name: String, bytes: [UInt8]) {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            // A checkout with CRLF is the same migration.
            if byte == UInt8(ascii: "\r"), bytes.indices.contains(index + 1), bytes[index + 1] == UInt8(ascii: "\n") {
                continue
            }
            text.append(byte)
        }
        self.version = version
        self.name = name
        self.sql = String(decoding: text, as: UTF8.self)
        self.sha256 = SHA256.hash(text)
    }

    /// Whether it is applied and recorded in one transaction.
    package var isTransactional: Bool {
        !self.sql.hasPrefix(Self.noTransactionHeader)
    }
}

/// A row of the ledger.
package struct AppliedMigration: Equatable, Sendable {
    package let version: Int32
    package let name: String
    package let sha256: [UInt8]
    /// Microseconds since 1970-01-01 UTC.
    package let appliedAt: Int64
    package let appliedBy: String
    package let durationMilliseconds: Int64
    package let toolVersion: String

    package init(
        version: Int32, name: String, sha256: [UInt8], appliedAt: Int64 = 0, appliedBy: String = "",
        durationMilliseconds: Int64 = 0, toolVersion: String = ""
    ) {
        self.version = version
        self.name = name
        self.sha256 = sha256
        self.appliedAt = appliedAt
        self.appliedBy = appliedBy
        self.durationMilliseconds = durationMilliseconds
        self.toolVersion = toolVersion
    }
}
