import Postgres
import TestSupport
import Testing

struct AdvisoryLockTests {
    @Test func `a name's key is the start of its SHA-256, as SQL computes it`() async throws {
        let lock = AdvisoryLock(named: "wss://relay.example/ live")
        try await TestDatabase.withConnection { connection in
            let key = try await connection.run { session in
                try session.execute(
                    "SELECT ('x' || left(encode(sha256(convert_to($1, 'UTF8')), 'hex'), 16))::bit(64)::bigint",
                    [.text(lock.name)]
                ).first?[0].int8
            }
            #expect(key == lock.key)
        }
        #expect(AdvisoryLock(named: "schema_migrations").key == Migrator.lock.key)
        #expect(AdvisoryLock(named: "a").key != AdvisoryLock(named: "b").key)
    }

    @Test func `one session holds it, the other learns who, and gets it when the holder is gone`() async throws {
        try await TestDatabase.withDatabase(applicationName: "holder") { configuration in
            let lock = AdvisoryLock(named: "pair")
            let holder = try await PostgresConnection.open(configuration, logger: .silent)
            let other = try await PostgresConnection.open(configuration, logger: .silent)
            let taken = try await holder.run { try lock.tryAcquire(on: $0) }
            let pid = try await holder.run { $0.backendPID }
            let refused = try await other.run { try lock.tryAcquire(on: $0) }
            let holders = try await other.run { try lock.holders(on: $0) }
            let isHeld = try await holder.run { try lock.isHeld(by: $0) }
            #expect(taken && !refused && isHeld)
            #expect(holders.map(\.pid) == [pid])
            #expect(holders.first?.applicationName == "holder")
            _ = try await other.run { try $0.execute("SELECT pg_terminate_backend($1, 5000)", [.int4(pid)]) }
            let afterwards = try await other.run { try lock.tryAcquire(on: $0) }
            #expect(afterwards)
            await holder.close()
            await other.close()
        }
    }

    @Test func `polling gives up after its limit and says who holds it`() async throws {
        try await TestDatabase.withDatabase(applicationName: "holder") { configuration in
            let lock = AdvisoryLock(named: "pair")
            let holder = try await PostgresConnection.open(configuration, logger: .silent)
            let other = try await PostgresConnection.open(configuration, logger: .silent)
            _ = try await holder.run { try lock.tryAcquire(on: $0) }
            let waits = Waits()
            await #expect {
                try await lock.acquire(on: other, every: .seconds(1), for: .seconds(3), logger: .silent) {
                    await waits.add($0)
                }
            } throws: { error in
                "\(error)".contains("holder") && (error as? AdvisoryLockError) != nil
            }
            #expect(await waits.all == [.seconds(1), .seconds(1), .seconds(1)])
            try await lock.acquire(on: other, logger: .silent) { _ in
                _ = try await holder.run { try lock.release(on: $0) }
            }
            let isHeld = try await other.run { try lock.isHeld(by: $0) }
            #expect(isHeld)
            await holder.close()
            await other.close()
        }
    }

    @Test func `releasing what one does not hold says so`() async throws {
        try await TestDatabase.withConnection { connection in
            let released = try await connection.run { try AdvisoryLock(named: "x").release(on: $0) }
            #expect(!released)
        }
    }

    @Test func `a lock of a transaction ends with it`() async throws {
        try await TestDatabase.withDatabase { configuration in
            let lock = AdvisoryLock(named: "pair")
            let first = try await PostgresConnection.open(configuration, logger: .silent)
            let second = try await PostgresConnection.open(configuration, logger: .silent)
            try await first.run { session in
                try session.executeScript("BEGIN")
                _ = try session.pipeline([lock.transactionStatement])
            }
            let during = try await second.run { session in
                try session.transaction { try lock.tryAcquireInTransaction(on: session) }
            }
            try await first.run { try $0.executeScript("COMMIT") }
            let after = try await second.run { session in
                try session.transaction { try lock.tryAcquireInTransaction(on: session) }
            }
            #expect(!during && after)
            await first.close()
            await second.close()
        }
    }
}
