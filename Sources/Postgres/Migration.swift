/// One file of a line of migrations.
///
/// Its first lines may be headers, each of them `-- migrate: …`:
/// - `no-transaction`: the file cannot run inside a transaction, such as `CREATE INDEX CONCURRENTLY`. It holds one
///   statement and says `IF NOT EXISTS`, since it may run twice.
/// - `requires NAME >= VERSION`: it waits until the database has the extension. The migrator never installs one.
package struct Migration: Equatable, Sendable {
    private static let headerPrefix = "-- migrate: "

    /// From 1, without gaps.
    package let version: Int32
    /// The name of the file, such as `0001_events.sql`.
    package let name: String
    /// The text after CRLF → LF: what is applied and what the checksum is of.
    package let sql: String
    /// 32 bytes.
    package let sha256: [UInt8]
    /// Whether it is applied and recorded in one transaction.
    package let isTransactional: Bool
    /// What must be installed before it can be applied.
    package let requirement: ExtensionRequirement?

    /// A header that nobody understands is our bug.
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
        var isTransactional = true
        var requirement: ExtensionRequirement?
        for line in self.sql.split(separator: "\n", omittingEmptySubsequences: false) {
            guard line.hasPrefix(Self.headerPrefix) else { break }
            let header = line.dropFirst(Self.headerPrefix.count)
            if header == "no-transaction" {
                isTransactional = false
            } else if let required = ExtensionRequirement(header: header) {
                requirement = required
            } else {
                preconditionFailure("\(name) begins with the unknown header \(line)")
            }
        }
        self.isTransactional = isTransactional
        self.requirement = requirement
    }
}

/// An extension that a migration needs, from a version on.
package struct ExtensionRequirement: Equatable, Sendable {
    package let name: String
    /// Compared number by number: 0.10 is newer than 0.5.
    package let version: [Int]

    package init(name: String, version: [Int]) {
        self.name = name
        self.version = version
    }

    /// `requires NAME >= VERSION`; nil for anything else.
    init?(header: some StringProtocol) {
        let words = header.split(separator: " ")
        guard words.count == 4, words[0] == "requires", words[2] == ">=" else { return nil }
        let numbers = words[3].split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.allSatisfy({ $0 != nil }) else { return nil }
        self.init(name: String(words[1]), version: numbers.compactMap { $0 })
    }

    /// - Parameter installed: as `pg_extension` has it, such as `0.8.5`; nil where it is not installed.
    func isMet(by installed: String?) -> Bool {
        guard let installed else { return false }
        let numbers = installed.split(separator: ".").map { Int($0.prefix { $0.isASCII && $0.isNumber }) ?? 0 }
        return !numbers.lexicographicallyPrecedes(self.version)
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
