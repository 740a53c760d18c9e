import Testing

@testable import Postgres

struct MigrationPlanTests {
    private static let list = [
        Migration(version: 1, name: "0001_a.sql", bytes: Array("SELECT 1;\n".utf8)),
        Migration(version: 2, name: "0002_b.sql", bytes: Array("SELECT 2;\n".utf8)),
        Migration(version: 3, name: "0003_c.sql", bytes: Array("-- migrate: no-transaction\nSELECT 3;\n".utf8)),
    ]

    private static func applied(_ migration: Migration) -> AppliedMigration {
        AppliedMigration(version: migration.version, name: migration.name, sha256: migration.sha256)
    }

    private static func plan(_ ledger: [AppliedMigration], to target: Int32? = nil) throws(MigrationError)
        -> MigrationPlan
    {
        try MigrationPlan(line: "nostr", list: Self.list, ledger: ledger, to: target)
    }

    @Test(arguments: 0...3)
    func `what the ledger lacks at the end is pending`(count: Int) throws {
        let plan = try Self.plan(Self.list.prefix(count).map(Self.applied))
        #expect(plan.pending == Array(Self.list.dropFirst(count)))
        #expect(plan.currentVersion == Int32(count))
    }

    @Test(arguments: [(0, []), (1, [1]), (2, [1, 2]), (3, [1, 2, 3])] as [(Int32, [Int32])])
    func `a target bounds what is pending`(target: Int32, versions: [Int32]) throws {
        #expect(try Self.plan([], to: target).pending.map(\.version) == versions)
    }

    @Test func `a target below the database leaves nothing to do`() throws {
        #expect(try Self.plan(Self.list.map(Self.applied), to: 1).pending.isEmpty)
    }

    @Test(arguments: [-1, 4] as [Int32])
    func `a target that does not exist is refused`(target: Int32) {
        #expect(throws: MigrationError.unknownVersion(line: "nostr", version: target, newest: 3)) {
            try Self.plan([], to: target)
        }
    }

    @Test func `a database newer than the binary is refused`() {
        let ledger = (Self.list.map(Self.applied)) + [AppliedMigration(version: 4, name: "0004_d.sql", sha256: [])]
        #expect(throws: MigrationError.databaseNewer(line: "nostr", database: 4, binary: 3)) { try Self.plan(ledger) }
    }

    @Test func `a gap is refused`() {
        #expect(throws: MigrationError.gap(line: "nostr", missing: 1)) { try Self.plan([Self.applied(Self.list[1])]) }
        #expect(throws: MigrationError.gap(line: "nostr", missing: 2)) {
            try Self.plan([Self.applied(Self.list[2]), Self.applied(Self.list[0])])
        }
    }

    @Test func `a changed file is refused`() {
        var row = Self.applied(Self.list[0])
        row = AppliedMigration(version: 1, name: row.name, sha256: [UInt8](repeating: 0, count: 32))
        #expect(throws: MigrationError.changed(line: "nostr", version: 1, name: "0001_a.sql")) { try Self.plan([row]) }
    }

    @Test func `a changed order is refused`() {
        let ledger = [AppliedMigration(version: 1, name: "0002_b.sql", sha256: Self.list[1].sha256)]
        #expect(
            throws: MigrationError.reordered(line: "nostr", version: 1, applied: "0002_b.sql", listed: "0001_a.sql")
        ) {
            try Self.plan(ledger)
        }
    }

    @Test func `a list with a gap is our bug`() {
        #expect(throws: MigrationError.listNotConsecutive(line: "nostr", position: 1, version: 2)) {
            try MigrationPlan(line: "nostr", list: [Self.list[1]], ledger: [])
        }
    }

    private static let conditional = [
        Migration(version: 1, name: "0001_a.sql", bytes: Array("SELECT 1;\n".utf8)),
        Migration(version: 2, name: "0002_b.sql", bytes: Array("-- migrate: requires vector >= 0.5\nSELECT 2;\n".utf8)),
        Migration(version: 3, name: "0003_c.sql", bytes: Array("SELECT 3;\n".utf8)),
    ]

    @Test(
        arguments: [
            (nil, [1], [2, 3]), ("0.4.4", [1], [2, 3]), ("0.5", [1, 2, 3], []), ("0.5.0", [1, 2, 3], []),
            ("0.10", [1, 2, 3], []), ("1.0beta2", [1, 2, 3], []),
        ] as [(String?, [Int32], [Int32])])
    func `a file waits for its extension, and what follows waits with it`(
        installed: String?, pending: [Int32], waiting: [Int32]
    ) throws {
        let extensions = installed.map { ["vector": $0] } ?? ["postgis": "9"]
        let plan = try MigrationPlan(line: "nostr", list: Self.conditional, ledger: [], extensions: extensions)
        #expect(plan.pending.map(\.version) == pending && plan.waiting.map(\.version) == waiting)
        let states = plan.states.map { "\($0.state)" }
        #expect(states.filter { $0 == "pending" }.count == pending.count)
        #expect(states.filter { $0 == "waiting for extension vector" }.count == waiting.count)
    }

    @Test func `what was applied stays applied when its extension is gone`() throws {
        let ledger = Self.conditional.prefix(2).map(Self.applied)
        let plan = try MigrationPlan(line: "nostr", list: Self.conditional, ledger: ledger)
        #expect(plan.states.map(\.state) == [.applied, .applied, .pending])
    }

    @Test func `the dry run is the text of what is pending`() throws {
        let sql = try Self.plan([Self.applied(Self.list[0])], to: 2).sql
        #expect(sql == "-- nostr 2: 0002_b.sql\nSELECT 2;\n")
    }

    @Test(
        arguments: [
            (.databaseNewer(line: "nostr", database: 4, binary: 3), "install the program"),
            (.gap(line: "nostr", missing: 1), "restore the row"),
            (.changed(line: "nostr", version: 1, name: "x"), "restore the file"),
            (.reordered(line: "nostr", version: 1, applied: "b", listed: "a"), "give the files their order back"),
            (.lockHeld(by: []), "wait"),
            (.tablesLocked(line: "nostr", version: 1, attempts: 3), "end long transactions"),
            (.transactionEnded(line: "nostr", version: 1, name: "x"), "no-transaction"),
            (.baselineOfKnown(line: "nostr", version: 2), "ledger was lost"),
            (.baselineDiffers(line: "nostr", SchemaDrift(missing: ["table t"], unexpected: [])), "missing: table t"),
        ] as [(MigrationError, String)])
    func `every refusal names the remedy`(error: MigrationError, remedy: String) {
        #expect("\(error)".contains(remedy))
    }
}

struct MigrationTests {
    @Test func `CRLF and LF have the same checksum, a lone CR counts`() {
        let unix = Migration(version: 1, name: "a", bytes: Array("SELECT 1;\nSELECT 2;\n".utf8))
        let windows = Migration(version: 1, name: "a", bytes: Array("SELECT 1;\r\nSELECT 2;\r\n".utf8))
        let odd = Migration(version: 1, name: "a", bytes: Array("SELECT 1;\r\r\nSELECT 2;\n".utf8))
        #expect(unix == windows)
        #expect(odd.sha256 != unix.sha256)
        #expect(odd.sql == "SELECT 1;\r\nSELECT 2;\n")
    }

    @Test(arguments: [
        ("SELECT 1;", true), ("-- migrate: no-transaction\nSELECT 1;", false), ("\n-- migrate: no-transaction\n", true),
    ])
    func `only the first line takes a file out of its transaction`(sql: String, isTransactional: Bool) {
        #expect(Migration(version: 1, name: "a", bytes: Array(sql.utf8)).isTransactional == isTransactional)
    }

    @Test func `headers stand in the first lines, in any order`() {
        let sql = "-- migrate: requires vector >= 0.5\n-- migrate: no-transaction\nSELECT 1;\n-- migrate: nonsense\n"
        let migration = Migration(version: 1, name: "a", bytes: Array(sql.utf8))
        #expect(migration.requirement == ExtensionRequirement(name: "vector", version: [0, 5]))
        #expect(!migration.isTransactional)
    }

    @Test(arguments: ["-- migrate: requires vector", "-- migrate: requires vector >= new", "-- migrate: nonsense"])
    func `a header that nobody understands is our bug`(sql: String) async {
        await #expect(processExitsWith: .failure) { [sql] in
            _ = Migration(version: 1, name: "a", bytes: Array(sql.utf8))
        }
    }

    /// FIPS 180-4 examples and the lengths around a block.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
        (String(repeating: "a", count: 56), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
        (String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
        (String(repeating: "a", count: 1_000), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
    ])
    func `the checksum is SHA-256`(text: String, expected: String) {
        let hex = SHA256.hash(Array(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(hex == expected)
    }
}
